"""Secrets Manager and KMS: are the secrets there, do they rotate, how old are they, and whose key encrypts them?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tasks.aws_check import AwsCheck, absent, days, in_words, yes
from tasks.aws_client import Answer, AwsService, age, aws_service
from tasks.aws_errors import NotThere
from tasks.estate import Estate
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_CURRENT = "AWSCURRENT"
_SHOWN = 20  # lines in the details
_OF_AWS = "alias/aws/"


class _Secret(Answer):
    """Of DescribeSecret and ListSecrets, which call the stages differently."""

    name: str
    arn: str = Field(alias="ARN")
    rotation_enabled: bool = False
    next_rotation_date: datetime | None = None
    deleted_date: datetime | None = None
    kms_key_id: str = ""
    described: dict[str, list[str]] | None = Field(default=None, alias="VersionIdsToStages")
    listed: dict[str, list[str]] | None = Field(default=None, alias="SecretVersionsToStages")

    @property
    def holds_a_value(self) -> bool:
        """Whether it has a current value and is not about to be deleted."""
        stages = self.described or self.listed or {}
        return self.deleted_date is None and any(_CURRENT in some for some in stages.values())

    @property
    def overdue(self) -> bool:
        """Whether its rotation should have happened by now."""
        return self.rotation_enabled and self.next_rotation_date is not None and self.next_rotation_date < now()


class _Secrets(Answer):
    secret_list: list[_Secret]


class _Version(Answer):
    version_stages: list[str] = Field(default_factory=list)
    created_date: datetime | None = None


class _Versions(Answer):
    versions: list[_Version]


@dataclass(frozen=True)
class _Seen:
    """A secret by its name; None where there is none that holds a value."""

    name: str
    secret: _Secret | None
    age: timedelta | None = None

    @property
    def own_key(self) -> bool:
        key = self.secret.kms_key_id if self.secret else ""
        return bool(key) and not key.rpartition(":")[2].startswith(_OF_AWS)  # an alias may be named by its ARN

    def line(self) -> str:
        if self.secret is None:
            return f"{self.name}: not there, without a value, or about to be deleted"
        said = ["rotates" if self.secret.rotation_enabled else "does not rotate"]
        said += ["its rotation is overdue"] if self.secret.overdue else []
        said += [f"value of {round(days(self.age), 1)} d ago"] if self.age is not None else []
        said += ["own key" if self.own_key else "AWS's key"]
        return f"{self.name}: {', '.join(said)}"


class Secrets(AwsCheck, frozen=True):
    """Whether secrets are there, rotate, are young enough, and are encrypted with a key of one's own.

    No value is ever asked for. `present`: those that have a current value and are not about to be deleted; that all
    are, is expected also where the book does not say so. `rotating`: those with rotation turned on, and `overdue` those
    of them that should have been rotated by now and were not. `oldest`: how long ago the oldest current value was made
    (the version with the stage AWSCURRENT; that a tag or a description was changed makes no secret young).
    `encrypted`: those whose KMS key is not AWS's own `aws/secretsmanager`.

    Attributes:
        secrets: their names, or `all` of the region.
    """

    expects: ClassVar[dict[str, str]] = {"present": "= all"}
    measures: ClassVar[Mapping[str, str]] = {
        "present": "",
        "rotating": "",
        "overdue": "",
        "oldest": "d",
        "encrypted": "",
    }

    kind: Literal["aws.secrets"] = "aws.secrets"
    secrets: Literal["all"] | Annotated[tuple[str, ...], Field(min_length=1)]

    def seen(self, estate: Estate) -> Observation:
        """Asks about each by its name, or lists all."""
        manager = aws_service(estate, "secretsmanager")
        seen = [self._looked_at(manager, name, secret) for name, secret in self._found(manager)]
        there = [one for one in seen if one.secret is not None]
        ages = [one.age for one in there if one.age is not None]
        total = len(seen)
        found = [
            Measurement.number("present", len(there), of=total),
            Measurement.number("rotating", sum(one.secret.rotation_enabled for one in there if one.secret), of=total),
            Measurement.number("overdue", sum(one.secret.overdue for one in there if one.secret)),
            Measurement.number("encrypted", sum(one.own_key for one in there), of=total),
        ]
        if ages:
            found.append(Measurement.number("oldest", days(max(ages)), "d"))
        oldest = [max(there, key=lambda one: one.age or timedelta(0))] if ages else []
        wrong = [one for one in seen if self._wrong(one)] or oldest
        return Observation(
            found=tuple(found),
            where=manager.where,
            details=tuple([one.line() for one in seen][:_SHOWN]),
            because=in_words([one.line() for one in wrong]) if seen else "there is no secret",
        )

    def _found(self, manager: AwsService) -> Iterator[tuple[str, _Secret | None]]:
        if self.secrets == "all":
            for page in manager.pages(_Secrets, "ListSecrets"):
                yield from ((one.name, one) for one in page.secret_list)
            return
        for name in self.secrets:
            try:
                yield name, manager.read(_Secret, "DescribeSecret", SecretId=name)
            except NotThere:
                yield name, None

    def _looked_at(self, manager: AwsService, name: str, secret: _Secret | None) -> _Seen:
        if secret is None or not secret.holds_a_value:
            return _Seen(name, None)
        return _Seen(name, secret, _value_age(manager, secret) if "oldest" in self.expect else None)

    def _wrong(self, one: _Seen) -> bool:
        if one.secret is None:
            return True
        rotates = "rotating" not in self.expect or one.secret.rotation_enabled
        return not rotates or one.secret.overdue or ("encrypted" in self.expect and not one.own_key)


def _value_age(manager: AwsService, secret: _Secret) -> timedelta:
    for page in manager.pages(_Versions, "ListSecretVersionIds", SecretId=secret.arn):
        for version in page.versions:
            if _CURRENT in version.version_stages and version.created_date is not None:
                return age(version.created_date, manager.where)
    raise CouldNotObserve(f"{manager.where}: {secret.name[:100]} has a current value, and no version says since when")


class _KeyMetadata(Answer):
    key_id: str
    key_state: str


class _Key(Answer):
    key_metadata: _KeyMetadata


class _Rotation(Answer):
    key_rotation_enabled: bool
    rotation_period: int | None = Field(default=None, alias="RotationPeriodInDays")


class KeyRotation(AwsCheck, frozen=True):
    """Whether a KMS key can be used, and whether it is rotated.

    `present`: there is such a key; expected also where the book does not say so. `enabled`: it can be used: it is
    neither disabled nor about to be deleted. `rotation`: KMS rotates it by itself; `no` also for keys that cannot be.
    `period`: after how many days it does, where that is so.

    Attributes:
        alias: the key's alias, with or without `alias/`.
    """

    measures: ClassVar[Mapping[str, str]] = {"present": "word", "enabled": "word", "rotation": "word", "period": "d"}

    kind: Literal["aws.key"] = "aws.key"
    alias: str = Field(min_length=1)

    def seen(self, estate: Estate) -> Observation:
        """Two calls."""
        kms = aws_service(estate, "kms")
        alias = f"alias/{self.alias.removeprefix('alias/')}"
        where = f"{alias}, {kms.where}"
        try:
            key = kms.read(_Key, "DescribeKey", KeyId=alias).key_metadata
        except NotThere:
            return absent(f"key {alias}", where)
        try:
            rotation = kms.read(_Rotation, "GetKeyRotationStatus", KeyId=key.key_id)
        except NotThere:  # keys of some sorts have no rotation
            rotation = _Rotation.model_validate({"KeyRotationEnabled": False})
        enabled = key.key_state == "Enabled"
        found = [yes("present", True), yes("enabled", enabled), yes("rotation", rotation.key_rotation_enabled)]
        if rotation.key_rotation_enabled and rotation.rotation_period is not None:
            found.append(Measurement.number("period", rotation.rotation_period, "d"))
        state = "" if enabled else f"its state is {key.key_state[:40]}"
        return Observation(found=tuple(found), where=where, because=state)
