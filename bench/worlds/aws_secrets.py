"""A world of Secrets Manager and KMS."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from pydantic import JsonValue
from ruamel.yaml import YAML

from bench.worlds.aws import REGION, AwsWorld
from bench.worlds.world import Case, Sections, fault
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.vendors.aws_moto import ACCOUNT, state

_NAMES = ("vatic/database", "vatic/api-keys", "vatic/stripe", "vatic/jwt-signing-key", "vatic/encryption-key")
_TRADESENSE = ("tradesense/database", "tradesense/jwt", "tradesense/stripe", "tradesense/encryption-key")
_BOOK = "secrets.yaml"
_ALIASES = ("vatic", "tradesense")
_ONE = _NAMES[2]
_DAY = 86_400  # seconds
_BY_ARN = ("key_of_aws", _ONE, f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/secretsmanager")


class AwsSecretsWorld(AwsWorld):
    """The secrets of Vatic and of TradeSense, ten days old, under one key that rotates every year, and their books.

    The books are the shipped ones, and what they name is there; Secrets Manager's own rotation is turned on. Moto says
    of every version that it was made just now, and not how often a key rotates; the fake in front of it says both.
    """

    system: ClassVar[str] = "aws-secrets"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            check="aws.secrets",
            given={"secrets": list(_NAMES)},
            expect={
                "present": "= all",
                "rotating": "= all",
                "overdue": "= 0",
                "oldest": "< 90 d",
                "encrypted": "= all",
            },
            broken_by=(
                "deleted",
                "gone",
                "empty",
                "not_rotating",
                "rotation_overdue",
                "old_value",
                "key_of_aws",
                _BY_ARN,
            ),
        ),
        Case(
            check="aws.secrets",
            given={"secrets": "all"},
            expect={"rotating": "= all"},
            broken_by=("not_rotating", "one_more_not_rotating"),
        ),
        Case(
            check="secret.age",
            given={"system": "tradesense"},
            expect={"oldest": "<= 90 d"},
            broken_by=(
                *((fault, "tradesense/database") for fault in ("deleted", "gone", "empty", "old_value")),
                ("old_value", "tradesense/database", "31"),
            ),
            blinded_by=(("book_gone", "tradesense"), ("book_mistaken", "tradesense")),
        ),
        Case(
            check="secret.age",
            given={"system": "tradesense", "secrets": ["database"]},
            expect={"overdue": "= 0"},
            broken_by=(
                ("unnamed", "tradesense", "database"),
                ("old_value", "tradesense/database", "91"),
                ("may_be", "tradesense", "database", "9d 23h"),
            ),
            blinded_by=(("book_gone", "tradesense"),),
        ),
        Case(
            check="aws.key",
            given={"alias": "vatic"},
            expect={"enabled": "= yes", "rotation": "= yes", "period": "<= 365 d"},
            broken_by=("key_disabled", "key_not_rotated", "key_seldom_rotated", "key_to_be_deleted", "alias_gone"),
        ),
    )

    def build(self) -> None:
        """Makes the key and the secrets."""
        self.period = 365
        self.key = str(self.call("kms", "CreateKey")["KeyMetadata"]["KeyId"])
        for alias in _ALIASES:
            self.call("kms", "CreateAlias", AliasName=f"alias/{alias}", TargetKeyId=self.key)
        self.call("kms", "EnableKeyRotation", KeyId=self.key)
        for name in {*_NAMES, *_TRADESENSE, *self._books()}:
            self._create(name)
        self.aws.answers["secretsmanager.ListSecretVersionIds"] = self._versions
        self.aws.answers["kms.GetKeyRotationStatus"] = self._rotation

    def sections(self) -> Sections:
        """The account, and the folder of the systems' books."""
        return {**super().sections(), "runbooks": str(self.folder / "runbooks")}

    def _books(self) -> Iterator[str]:
        """Writes the shipped books of secrets down here; the names that they know in Secrets Manager."""
        for shipped in sorted((CHECKOUT / "runbooks").glob(f"*/{_BOOK}")):
            book = self._book(shipped.parent.name)
            book.parent.mkdir(parents=True, exist_ok=True)
            book.write_text(shipped.read_text("utf-8"), "utf-8")
            yield from (str(one["secret"]) for one in YAML(typ="safe").load(shipped)["rotations"].values())

    def _book(self, system: str) -> Path:
        return self.folder / "runbooks" / system / _BOOK

    def _create(self, name: str) -> None:
        self.call("secretsmanager", "CreateSecret", Name=name, SecretString="made-up", KmsKeyId=self.key)
        secret = self._kept(name)
        secret.rotation_requested = secret.rotation_enabled = True
        secret.next_rotation_date = int(time.time()) + 20 * _DAY
        self._current(name)["createdate"] = int(time.time()) - 10 * _DAY

    def _kept(self, name: str) -> Any:
        return state("secretsmanager", REGION).secrets[name]

    def _current(self, name: str) -> dict[str, Any]:
        kept: dict[str, dict[str, Any]] = self._kept(name).versions
        return next(one for one in kept.values() if "AWSCURRENT" in one["version_stages"])

    def _versions(self, asked: Mapping[str, JsonValue]) -> JsonValue:
        kept = self._kept(str(asked["SecretId"]))
        versions: list[JsonValue] = [
            {"VersionId": number, "VersionStages": one["version_stages"], "CreatedDate": one["createdate"]}
            for number, one in kept.versions.items()
        ]
        return {"ARN": kept.arn, "Name": kept.name, "Versions": versions}

    def _rotation(self, asked: Mapping[str, JsonValue]) -> JsonValue:
        status = state("kms", REGION).keys[str(asked["KeyId"])].key_rotation_status
        return {"KeyId": asked["KeyId"], "KeyRotationEnabled": status, "RotationPeriodInDays": self.period}

    @fault
    def deleted(self, name: str = _ONE) -> Iterator[None]:
        """A secret was deleted, and can still be restored for 30 days."""
        self.call("secretsmanager", "DeleteSecret", SecretId=name)
        yield
        self.call("secretsmanager", "RestoreSecret", SecretId=name)

    @fault
    def gone(self, name: str = _ONE) -> Iterator[None]:
        """A secret is not there."""
        self.call("secretsmanager", "DeleteSecret", SecretId=name, ForceDeleteWithoutRecovery=True)
        yield
        self._create(name)

    @fault
    def empty(self, name: str = _ONE) -> Iterator[None]:
        """A secret is there, and nobody ever gave it a value."""
        with self.changed(self._kept(name), "versions", {}):
            yield

    @fault
    def not_rotating(self, name: str = _ONE) -> Iterator[None]:
        """Rotation of one is turned off."""
        with self.changed(self._kept(name), "rotation_enabled", False):
            yield

    @fault
    def one_more_not_rotating(self) -> Iterator[None]:
        """Somebody made a secret that no list names, on the second page, and that does not rotate."""
        more = [f"vatic/more-{number:03}" for number in range(120)]
        for name in more:
            self._create(name)
        self._kept(more[-1]).rotation_enabled = False
        yield
        for name in more:
            del state("secretsmanager", REGION).secrets[name]

    @fault
    def rotation_overdue(self, name: str = _ONE) -> Iterator[None]:
        """Rotation is turned on, and fails: its day has passed."""
        with self.changed(self._kept(name), "next_rotation_date", int(time.time()) - 3 * _DAY):
            yield

    @fault
    def old_value(self, name: str = _ONE, days: str = "100") -> Iterator[None]:
        """A value is so many days old, though a tag was changed today."""
        current = self._current(name)
        made, current["createdate"] = current["createdate"], int(time.time()) - int(days) * _DAY
        self.call("secretsmanager", "TagResource", SecretId=name, Tags=[{"Key": "owner", "Value": "platform"}])
        yield
        current["createdate"] = made

    @fault
    def key_of_aws(self, name: str = _ONE, key: str = "alias/aws/secretsmanager") -> Iterator[None]:
        """A secret is encrypted with the key that AWS keeps for everybody."""
        with self.changed(self._kept(name), "kms_key_id", key):
            yield

    @fault
    def book_gone(self, system: str) -> Iterator[None]:
        """A system has no book of secrets."""
        with _restored(self._book(system)) as book:
            book.unlink()
            yield

    @fault
    def book_mistaken(self, system: str) -> Iterator[None]:
        """A system's book of secrets cannot be read: one word in it is misspelt."""
        with _restored(self._book(system)) as book:
            book.write_text(book.read_text("utf-8").replace("rotations:", "rotation:"), "utf-8")
            yield

    @fault
    def unnamed(self, system: str, name: str) -> Iterator[None]:
        """A system's book does not say how one of its secrets is rotated: it knows it by no such name."""
        with _restored(self._book(system)) as book:
            said = YAML(typ="safe").load(book)
            said["rotations"][f"{name}-of-old"] = said["rotations"].pop(name)
            YAML().dump(said, book)
            yield

    @fault
    def may_be(self, system: str, name: str, every: str) -> Iterator[None]:
        """A system's book lets one of its secrets grow no older than that."""
        with _restored(self._book(system)) as book:
            said = YAML(typ="safe").load(book)
            said["rotations"][name] |= {"every": every, "overlap": "1h", "cycle": "1h", "switched_off": "1h"}
            YAML().dump(said, book)
            yield

    @fault
    def key_disabled(self) -> Iterator[None]:
        """The key is disabled: nothing can be decrypted."""
        self.call("kms", "DisableKey", KeyId=self.key)
        yield
        self.call("kms", "EnableKey", KeyId=self.key)

    @fault
    def key_not_rotated(self) -> Iterator[None]:
        """The key is never rotated."""
        self.call("kms", "DisableKeyRotation", KeyId=self.key)
        yield
        self.call("kms", "EnableKeyRotation", KeyId=self.key)

    @fault
    def key_seldom_rotated(self) -> Iterator[None]:
        """The key is rotated every other year."""
        with self.changed(self, "period", 730):
            yield

    @fault
    def key_to_be_deleted(self) -> Iterator[None]:
        """The key is about to be deleted."""
        self.call("kms", "ScheduleKeyDeletion", KeyId=self.key)
        yield
        self.call("kms", "CancelKeyDeletion", KeyId=self.key)
        self.call("kms", "EnableKey", KeyId=self.key)

    @fault
    def alias_gone(self, alias: str = _ALIASES[0]) -> Iterator[None]:
        """No key has the alias."""
        self.call("kms", "DeleteAlias", AliasName=f"alias/{alias}")
        yield
        self.call("kms", "CreateAlias", AliasName=f"alias/{alias}", TargetKeyId=self.key)


@contextmanager
def _restored(path: Path) -> Iterator[Path]:
    """The block after which a file is again what it was."""
    before = path.read_text("utf-8")
    try:
        yield path
    finally:
        path.write_text(before, "utf-8")
