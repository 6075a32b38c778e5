"""A store's backups as `tminus backup` leaves them: encrypted files and manifests in S3, recorded in a ledger."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import boto3

from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.aws import Aws
from deployments.rehearsal.processes import Processes
from tminus import events as ev
from tminus.backups.contents import PostgresContents, TableContents
from tminus.backups.manifest import SUFFIX, BackupManifest, Origin, StoredFile, digest
from tminus.chain_names import backups_chain
from tminus.clock import now
from tminus.ledger.opening import have_chain
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_KEY, _SECRET = "TMINUS_WORLD_STORED_BACKUPS_KEY", "TMINUS_WORLD_STORED_BACKUPS_SECRET"
_CHAIN = backups_chain("world", "world")  # the system and the environment of every world
_PREFIX, _STORE = "stored", "database"
_CONTENT = b"what pg_dump wrote, encrypted"
_OTHER = b"what pg_dumb wrote, encrypted"  # as many bytes
_TABLES = {"public.accounts": 500, "public.orders": 350, "public.journal": 900}
_RECIPIENT = f"age1{'q' * 58}"


class StoredBackupsWorld(World):
    """moto, a fake of S3, in a process of its own; a ledger in SQLite; and one backup that both know."""

    system: ClassVar[str] = "stored-backups"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "backup.intact",
            {"store": _STORE, "bucket": "backups", "holds": ["public.accounts", "public.orders"]},
            {
                "backups": ">= 1",
                "age": "< 26 h",
                "size": "> 0 B",
                "encrypted": "= yes",
                "tables": ">= 3",
                "rows": ">= 1000",
            },
            (
                *("none", "never_completed", "unrecorded", "altered", "another_store", "file_gone", "replaced"),
                *("cut", "in_the_clear", "empty", ("taken", "26.1"), ("no_row_of", "public.orders")),
            ),
        ),
        Case(
            "backup.intact",
            {"store": _STORE, "bucket": "backups"},
            {"age": "< 26 h"},
            ("none", "unrecorded", "altered", "file_gone", "replaced"),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = Aws.plan(folder / "aws")
        self._made = 0
        self._ledger = folder / "ledger-0.db"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """The server, and one backup of an hour ago."""
        with Processes() as processes:
            self.server.start(processes)
            self._healthy()
            yield

    def sections(self) -> Sections:
        """The bucket and the ledger."""
        section: Sections = {**self.server.address.section(_PREFIX, f"env:{_KEY}", f"env:{_SECRET}")}
        return {"buckets": {"backups": section}, "ledger": {"sqlite": str(self._ledger)}}

    def secrets(self) -> dict[str, str]:
        """Keys that moto does not look at."""
        at = self.server.address
        return {_KEY: at.access_key_id, _SECRET: at.secret_access_key.get_secret_value()}

    @fault
    def none(self) -> Iterator[None]:
        """All backups are gone."""
        self._remove(_manifest_key(), _file_key())
        yield
        self._healthy()

    @fault
    def never_completed(self) -> Iterator[None]:
        """The file arrived, and its manifest never did."""
        self._remove(_manifest_key())
        yield
        self._healthy()

    @fault
    def taken(self, hours: str) -> Iterator[None]:
        """The newest backup is so many hours old, and was copied into the bucket just now."""
        yield from self._instead(_manifest(float(hours)))

    @fault
    def no_row_of(self, table: str) -> Iterator[None]:
        """The dump has no row of one table."""
        yield from self._instead(_manifest(rows={**_TABLES, table: 0}))

    @fault
    def empty(self) -> Iterator[None]:
        """The dump was taken of a database without rows."""
        yield from self._instead(_manifest(rows=dict.fromkeys(_TABLES, 0)))

    @fault
    def another_store(self) -> Iterator[None]:
        """It is a backup of staging, and recorded."""
        yield from self._instead(_manifest(store="staging"))

    @fault
    def in_the_clear(self) -> Iterator[None]:
        """It was not encrypted before it left."""
        yield from self._instead(_manifest(encrypted=False))

    @fault
    def unrecorded(self) -> Iterator[None]:
        """The ledger does not know it."""
        yield from self._instead(_manifest(), recorded=None)

    @fault
    def altered(self) -> Iterator[None]:
        """Somebody wrote another manifest over the one that was recorded."""
        recorded = _manifest()
        yield from self._instead(_manifest(rows={**_TABLES, "public.orders": 351}), recorded=recorded)

    @fault
    def file_gone(self) -> Iterator[None]:
        """Somebody deleted the dump, and left the manifest."""
        self._remove(_file_key())
        yield
        self._healthy()

    @fault
    def replaced(self) -> Iterator[None]:
        """The dump was written over, by as many bytes."""
        self._put(_file_key(), _OTHER)
        yield
        self._healthy()

    @fault
    def cut(self) -> Iterator[None]:
        """Only its beginning is there."""
        self._put(_file_key(), _CONTENT[:9])
        yield
        self._healthy()

    def _healthy(self) -> None:
        made = _manifest()
        self._write(made, made)

    def _instead(self, made: BackupManifest, **recorded: BackupManifest | None) -> Iterator[None]:
        """Another manifest, recorded unless it is said otherwise, and the right one afterwards."""
        self._write(made, recorded.get("recorded", made))
        yield
        self._healthy()

    def _write(self, made: BackupManifest, recorded: BackupManifest | None) -> None:
        """A ledger of its own each time: what is once written in one cannot be taken back."""
        self._put(_file_key(), _CONTENT)
        self._put(_manifest_key(), made.text())
        self._made += 1
        self._ledger = self.folder / f"ledger-{self._made}.db"
        with closing(SqliteStore(self._ledger)) as store:
            have_chain(store, _CHAIN)
            if recorded is not None:
                store.append(Entry(_CHAIN, ev.write(_taken(recorded))))

    def _put(self, key: str, body: bytes) -> None:
        self._s3.put_object(Bucket=self.server.address.bucket, Key=key, Body=body)

    def _remove(self, *keys: str) -> None:
        for key in keys:
            self._s3.delete_object(Bucket=self.server.address.bucket, Key=key)

    @property
    def _s3(self) -> "S3Client":
        at = self.server.address
        return boto3.client(
            "s3",
            endpoint_url=at.url,
            region_name=at.region,
            aws_access_key_id=at.access_key_id,
            aws_secret_access_key=at.secret_access_key.get_secret_value(),
        )


def _name() -> str:
    return f"{_STORE}-20260101T000000Z"


def _manifest_key() -> str:
    return f"{_PREFIX}/{_STORE}/{_name()}{SUFFIX}"


def _file_key() -> str:
    return f"{_PREFIX}/{_STORE}/{_name()}/dump"


def _manifest(
    hours: float = 1.0, *, rows: Mapping[str, int] = _TABLES, store: str = _STORE, encrypted: bool = True
) -> BackupManifest:
    """Its ETag is the one that S3 gives what is put in one piece."""
    sha256 = hashlib.sha256(_CONTENT).hexdigest()
    etag = f'"{hashlib.md5(_CONTENT, usedforsecurity=False).hexdigest()}"'
    tables = {name: TableContents(rows=count, checksum="0") for name, count in rows.items()}
    return BackupManifest(
        backup=_name(),
        system="world",
        store=store,
        kind="postgres.dump",
        taken_at=now() - timedelta(hours=hours),
        finished_at=now() - timedelta(hours=hours),
        origin=Origin(identity="7", version="18.6", database="trading", wal_lsn="0/16B3748"),
        encrypted_to=(_RECIPIENT,) if encrypted else (),
        files=(
            StoredFile(name="dump", key=_file_key(), size=len(_CONTENT), sha256=sha256, plain_sha256=sha256, etag=etag),
        ),
        contents=PostgresContents(schema_lines={}, tables=tables, sequences={}, encoding="UTF8"),
    )


def _taken(made: BackupManifest) -> ev.BackupTaken:
    return ev.BackupTaken(
        store=_STORE,
        kind=made.kind,
        backup=made.backup,
        manifest_digest=digest(made.text()),
        size=len(_CONTENT),
        taken_at=made.taken_at,
    )
