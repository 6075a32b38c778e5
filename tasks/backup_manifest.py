"""The manifest beside a database dump in S3: what the dump holds, and how to tell that it still does."""

import hashlib
from datetime import datetime
from typing import Annotated, Literal

import rfc8785
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, ValidationError

from tminus.errors import CouldNotObserve

Lsn = Annotated[str, StringConstraints(pattern=r"^[0-9A-F]{1,8}/[0-9A-F]{1,8}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
SUFFIX = ".manifest.json"


class Dump(BaseModel, frozen=True, extra="forbid"):
    """The dump's object: key, size in bytes, SHA-256 of its content, and the ETag S3 gave it."""

    key: str
    size: Annotated[int, Field(gt=0)]
    sha256: Sha256
    etag: str


class RestorePoint(BaseModel, frozen=True, extra="forbid"):
    """A named record in the WAL (`pg_create_restore_point`): what recovery_target_name takes."""

    name: str
    lsn: Lsn


class Manifest(BaseModel, frozen=True, extra="forbid"):
    """What a backup is. It is written last, so a backup without one was never completed.

    Attributes:
        database: the environment's name for it.
        cycle: how often the launch had been recycled.
        taken_at: when the snapshot was taken; the dump holds what was committed then.
        wal_lsn: the WAL's position just before the snapshot.
        archive_mode: the server's: with `off` it archives no WAL, so there is no way to a restore point.
        tables: rows by table (`schema.name`), counted in the snapshot that was dumped.
    """

    format: Literal["tminus-backup/1"] = "tminus-backup/1"
    launch: str
    purpose: str
    database: str
    cycle: int = 0
    taken_at: AwareDatetime
    server_version: str
    system_identifier: str
    wal_lsn: Lsn
    archive_mode: Literal["off", "on", "always"] | None = None
    restore_point: RestorePoint | None
    tables: dict[str, int]
    dump: Dump

    def text(self) -> bytes:
        """As it is stored: RFC 8785 canonical JSON."""
        return rfc8785.dumps(self.model_dump(mode="json"))

    @classmethod
    def read(cls, key: str, text: bytes) -> "Manifest":
        """Raises CouldNotObserve, naming the object's key, where it is no manifest."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as e:
            wrong = ", ".join(".".join(str(part) for part in error["loc"]) or error["type"] for error in e.errors())
            raise CouldNotObserve(f"the backup manifest {key} cannot be read: {wrong}") from e


def digest(text: bytes) -> str:
    """A manifest's digest, over the bytes as stored."""
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


def folder(prefix: str, database: str, launch: str | None = None) -> str:
    """Where a database's manifests are, of one launch or of all."""
    return "/".join([*prefix.strip("/").split("/"), database, *([launch] if launch else []), ""]).lstrip("/")


def manifest_key(prefix: str, database: str, launch: str, purpose: str, take: int = 1) -> str:
    """The one key of this launch's backup for this purpose: a second attempt finds the first one's.

    Where a backup got too old and is taken again, the next take has the next key.
    """
    return f"{folder(prefix, database, launch)}{purpose}{'' if take == 1 else f'.{take}'}{SUFFIX}"


def dump_key(prefix: str, database: str, launch: str, purpose: str, sha256: str) -> str:
    """A key that names the content, so that no attempt writes over another's dump."""
    return f"{folder(prefix, database, launch)}{purpose}-{sha256[:16]}.dump"


def effective_time(manifest: Manifest, stored: datetime) -> datetime:
    """When the backup counts as taken: the older of what it says and when it was stored."""
    return min(manifest.taken_at, stored)
