"""One secret in Secrets Manager: its versions by their stages, each moved by naming where it was before.

A stage moves only from the version that it is expected on (RemoveFromVersionId), so of two who move it one is refused.
Source: UpdateSecretVersionStage and PutSecretValue of the API reference of AWS Secrets Manager.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import Field, SecretStr

from tasks.aws_client import Answer, AwsService, aws_service
from tasks.aws_errors import NotThere
from tasks.estate import Estate
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.document import Document

Stage = Literal["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"]
CURRENT: Stage = "AWSCURRENT"
PENDING: Stage = "AWSPENDING"
PREVIOUS: Stage = "AWSPREVIOUS"
_LOUD = ("botocore", "urllib3")  # at DEBUG these log what is sent and what comes back


class _Described(Answer):
    name: str
    deleted_date: datetime | None = None
    stages: dict[str, list[str]] = Field(default_factory=dict, alias="VersionIdsToStages")


class _Version(Answer):
    version_id: str
    created_date: datetime | None = None


class _Versions(Answer):
    versions: list[_Version]


class _Value(Answer):
    version_id: str
    secret_string: SecretStr | None = None


class _Done(Answer):
    pass


@dataclass(frozen=True)
class Versions:
    """Which version has which stage; "" where none has it.

    Attributes:
        all: the ids of all that have a stage.
    """

    current: str
    pending: str
    previous: str
    all: frozenset[str]


class SecretVersions:
    """One secret. All of it blocks: call it from a thread.

    Every method raises NotThere where there is no such secret, and CouldNotObserve where AWS does not answer or
    refuses.
    """

    def __init__(self, service: AwsService, secret: str) -> None:
        self._service = service
        self.secret = secret

    @classmethod
    def open(cls, estate: Estate, secret: str) -> "SecretVersions":
        """As the environment's `aws` section leads there; raises NotConfigured, MissingSecret, CouldNotObserve."""
        for name in _LOUD:
            logger = logging.getLogger(name)
            logger.setLevel(max(logger.getEffectiveLevel(), logging.INFO))
        return cls(aws_service(estate, "secretsmanager"), secret)

    def versions(self) -> Versions:
        """As they stand now."""
        described = self._service.read(_Described, "DescribeSecret", SecretId=self.secret)
        if described.deleted_date is not None:
            raise NotThere(f"{self.secret} is about to be deleted; restore it in Secrets Manager first")
        by_stage = {stage: version for version, stages in described.stages.items() for stage in stages}
        return Versions(
            by_stage.get(CURRENT, ""),
            by_stage.get(PENDING, ""),
            by_stage.get(PREVIOUS, ""),
            frozenset(by_stage.values()),
        )

    def made(self, version: str) -> datetime:
        """When a version was made."""
        for page in self._service.pages(_Versions, "ListSecretVersionIds", SecretId=self.secret):
            for one in page.versions:
                if one.version_id == version and one.created_date is not None:
                    return one.created_date
        raise CouldNotObserve(f"{self.secret}: Secrets Manager does not say when its version {version[:8]} was made")

    def current_since(self) -> datetime | None:
        """When the current value was made; None where there is none. No value is read."""
        current = self.versions().current
        return self.made(current) if current else None

    def read(self, version: str, called: str = "") -> Document:
        """A version's value."""
        of = f"{self.secret} ({called or 'version ' + version[:8]})"
        value = self._service.read(_Value, "GetSecretValue", SecretId=self.secret, VersionId=version)
        if value.secret_string is None:
            raise CouldNotObserve(f"{of} is binary; tminus rotates secrets that are text")
        return Document(value.secret_string, of)

    def put_pending(self, version: str, document: Document) -> None:
        """Makes a version with the stage AWSPENDING, and reads back what lies there; raises Refused where it differs.

        The id is the request's token: sent twice, it is made once.
        """
        self._service.read(
            _Done,
            "PutSecretValue",
            SecretId=self.secret,
            ClientRequestToken=version,
            SecretString=document.text.get_secret_value(),
            VersionStages=[PENDING],
        )
        if not self.read(version, PENDING).same_as(document):
            raise Refused(f"{self.secret}: what lies there as {PENDING} is not what was put there; somebody else did")

    def promote(self, version: str, instead_of: str, fence: Callable[[], None]) -> None:
        """Gives AWSCURRENT to a version, where another one has it that is named; that one is AWSPREVIOUS then.

        `fence` is asked right before anything is moved, and raises where it must not be any more. Raises Refused where
        a third one has it.
        """
        stands = self.versions()
        if stands.current != version:
            if stands.current != instead_of:
                raise Refused(
                    f"{self.secret}: version {stands.current[:8] or 'none'} is current, and {instead_of[:8]} was when "
                    "this began: somebody else changed it. Nothing was moved"
                )
            self._move(fence, CURRENT, to=version, off=instead_of)
        if stands.pending == version:
            self._move(fence, PENDING, off=version)

    def forget(self, version: str, fence: Callable[[], None]) -> None:
        """Takes AWSPENDING and AWSPREVIOUS off a version that is not current, so that nobody reads it any more."""
        stands = self.versions()
        for stage, holder in ((PENDING, stands.pending), (PREVIOUS, stands.previous)):
            if version and holder == version != stands.current:
                self._move(fence, stage, off=version)

    def _move(self, fence: Callable[[], None], stage: Stage, *, off: str, to: str = "") -> None:
        fence()
        moved = {"MoveToVersionId": to} if to else {}
        self._service.read(
            _Done,
            "UpdateSecretVersionStage",
            SecretId=self.secret,
            VersionStage=stage,
            RemoveFromVersionId=off,
            **moved,
        )


__all__ = ["CURRENT", "PENDING", "PREVIOUS", "NotThere", "SecretVersions", "Stage", "Versions"]
