"""The manifest beside a backup: what it is, of what, which files hold it, and what must be in it once restored."""

import hashlib
from typing import Annotated, Literal

import rfc8785
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, ValidationError

from tminus.backups.contents import Contents, Marker
from tminus.errors import CouldNotObserve

Lsn = Annotated[str, StringConstraints(pattern=r"^[0-9A-F]{1,8}/[0-9A-F]{1,8}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
BackupKind = Literal["postgres.dump", "postgres.base", "redis.rdb", "redis.aof", "s3.objects", "cockroach.backup"]
SUFFIX = ".manifest.json"


class StoredFile(BaseModel, frozen=True, extra="forbid"):
    """One object of a backup.

    Attributes:
        name: what it is within the backup (`dump`, `base.tar`, `backup_manifest`, `dump.rdb`, `objects.jsonl`).
        key: where it lies in the bucket.
        size: its bytes as they are stored, encrypted where the backup is.
        sha256: of those bytes.
        plain_sha256: of what they are once decrypted.
        etag: what S3 gave it.
    """

    name: str
    key: str
    size: Annotated[int, Field(gt=0)]
    sha256: Sha256
    plain_sha256: Sha256
    etag: str


class RestorePoint(BaseModel, frozen=True, extra="forbid"):
    """A named record in the WAL (`pg_create_restore_point`): what recovery_target_name takes."""

    name: str
    lsn: Lsn
    timeline: Annotated[int, Field(ge=1)] = 1


class Origin(BaseModel, frozen=True, extra="forbid"):
    """What was backed up.

    Attributes:
        identity: what no other server has: PostgreSQL's system identifier, a Redis' replication id, a bucket's name.
        version: the server's.
        database: the database's own name there, where there are several.
        wal_lsn: PostgreSQL's position in the WAL just before the snapshot.
        archive_mode: PostgreSQL's: with `off` there is no way to a point in time.
        wal_from: where recovery of a base backup begins.
        superuser: a role that may log in and do everything in a restored copy.
        wal_segment: bytes of a segment of PostgreSQL's WAL.
    """

    identity: str
    version: str
    database: str = ""
    wal_lsn: Lsn | None = None
    archive_mode: Literal["off", "on", "always"] | None = None
    wal_from: Lsn | None = None
    superuser: str = ""
    wal_segment: int | None = Field(default=None, gt=0)


class ForLaunch(BaseModel, frozen=True, extra="forbid"):
    """For which launch a backup was made, and what for.

    Attributes:
        purpose: `restore-point`, `post-launch` …
        cycle: how often the launch had been recycled.
    """

    launch: str
    purpose: str
    cycle: int = 0


class BackupManifest(BaseModel, frozen=True, extra="forbid"):
    """It is written last, where none is, so a backup without one was never completed.

    Attributes:
        backup: the backup's own name, `STORE-YYYYMMDDTHHMMSSZ-RANDOM` or the launch's and its purpose.
        store: the store's name in the book of backups.
        taken_at: the snapshot's moment, by the clock of the store itself where it has one.
        finished_at: when the last file was there.
        encrypted_to: the public age keys that it was encrypted to; empty where it was not encrypted here.
        marker: the newest mark in it.
        restore_point: where the WAL was when the contents were counted, for PostgreSQL.
        contents: what must be there once it is restored.
        made_for: the launch whose restore point it is; None for a backup by schedule.
    """

    format: Literal["tminus-backup/2"] = "tminus-backup/2"
    backup: str
    system: str
    store: str
    kind: BackupKind
    taken_at: AwareDatetime
    finished_at: AwareDatetime
    origin: Origin
    encrypted_to: tuple[str, ...] = ()
    files: tuple[StoredFile, ...] = Field(min_length=1)
    marker: Marker | None = None
    restore_point: RestorePoint | None = None
    contents: Contents
    made_for: ForLaunch | None = None

    def text(self) -> bytes:
        """As it is stored: RFC 8785 canonical JSON."""
        return rfc8785.dumps(self.model_dump(mode="json"))

    def file(self, name: str) -> StoredFile:
        """The file of that name; raises CouldNotObserve where the backup has none."""
        for one in self.files:
            if one.name == name:
                return one
        raise CouldNotObserve(f"the backup {self.backup} names no file {name!r}; it has {', '.join(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Of its files."""
        return tuple(one.name for one in self.files)

    @classmethod
    def read(cls, key: str, text: bytes) -> "BackupManifest":
        """Raises CouldNotObserve, naming the object's key, where it is no manifest."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as e:
            wrong = ", ".join(".".join(str(part) for part in error["loc"]) or error["type"] for error in e.errors())
            raise CouldNotObserve(f"the backup manifest {key} cannot be read: {wrong}") from e


def digest(text: bytes) -> str:
    """A manifest's digest, over the bytes as stored."""
    return f"sha256:{hashlib.sha256(text).hexdigest()}"
