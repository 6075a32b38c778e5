"""TradeSense's backups, as a launch leaves them: dumps with their manifests in moto's S3."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import boto3

from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.aws import Aws
from deployments.rehearsal.processes import Processes
from tasks.backup_manifest import dump_key, manifest_key
from tminus.backups.contents import PostgresContents, TableContents
from tminus.backups.manifest import BackupManifest, ForLaunch, Origin, RestorePoint, StoredFile
from tminus.clock import now

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_KEY, _SECRET = "TMINUS_WORLD_BACKUPS_KEY", "TMINUS_WORLD_BACKUPS_SECRET"
_PREFIX, _LAUNCH, _PURPOSE = "tradesense", "tradesense-1-9-0", "nightly"
_CONTENT = b"what pg_dump wrote"
_OTHER = b"what pg_dumb wrote"  # as many bytes
_TABLES = {"public.users": 200, "public.revenue": 30, "public.accounts": 500, "public.orders": 350}


class BackupsWorld(World):
    """moto, a fake of S3, in a process of its own; one bucket that encrypts, and one backup in it."""

    system: ClassVar[str] = "backups"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "s3.backup",
            {"bucket": "backups", "database": "main", "purpose": _PURPOSE, "holds": [*_TABLES]},
            {
                "backups": ">= 1",
                "age": "< 26 h",
                "size": "> 0 B",
                "tables": ">= 4",
                "rows": ">= 1000",
                "encrypted": "= yes",
                "intact": "= yes",
                "restore_point": "= yes",
            },
            (
                *("none", "stale", "another_database", "empty", "no_restore_point", "dump_gone", "replaced"),
                *("in_the_clear", ("taken", "26.1"), ("no_row_of", "public.orders")),
            ),
        ),
        Case(
            "s3.backup",
            {"bucket": "backups", "database": "main", "download": True},
            {"intact": "= yes"},
            ("replaced", "dump_gone"),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = Aws.plan(folder / "aws")
        self._made = {_PURPOSE: (_LAUNCH, 1.0)}

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """The server, and one backup of an hour ago."""
        with Processes() as processes:
            self.server.start(processes)
            self._put()
            yield

    def sections(self) -> Sections:
        """The bucket."""
        section: Sections = {**self.server.address.section(_PREFIX, f"env:{_KEY}", f"env:{_SECRET}")}
        return {"buckets": {"backups": section}}

    def also(self, purpose: str, launch: str, hours: float) -> None:
        """From now on there is another backup, of so many hours ago; what breaks backups breaks all of them."""
        self._made[purpose] = (launch, hours)
        self._put()

    def secrets(self) -> dict[str, str]:
        """Keys that moto does not look at."""
        at = self.server.address
        return {_KEY: at.access_key_id, _SECRET: at.secret_access_key.get_secret_value()}

    @fault
    def none(self) -> Iterator[None]:
        """Nothing was ever backed up."""
        self._remove(*(manifest_key(_PREFIX, "main", launch, purpose) for purpose, (launch, _) in self._made.items()))
        self._remove(*self._dump_keys)
        yield
        self._put()

    @fault
    def stale(self) -> Iterator[None]:
        """The newest backup is three days old."""
        yield from self._instead(taken_at=now() - timedelta(days=3))

    @fault
    def taken(self, hours: str) -> Iterator[None]:
        """The newest backup is so many hours old."""
        yield from self._instead(taken_at=now() - timedelta(hours=float(hours)))

    @fault
    def no_row_of(self, table: str) -> Iterator[None]:
        """The dump has no row of one table."""
        yield from self._instead(contents=_contents({**_TABLES, table: 0}))

    @fault
    def another_database(self) -> Iterator[None]:
        """It is a backup of staging."""
        yield from self._instead(store="staging")

    @fault
    def empty(self) -> Iterator[None]:
        """The dump was taken of a database without rows."""
        yield from self._instead(contents=_contents(dict.fromkeys(_TABLES, 0)))

    @fault
    def no_restore_point(self) -> Iterator[None]:
        """No restore point was written with it."""
        yield from self._instead(restore_point=None)

    @fault
    def dump_gone(self) -> Iterator[None]:
        """Somebody deleted the dump, and left the manifest."""
        self._remove(*self._dump_keys)
        yield
        self._put()

    @fault
    def replaced(self) -> Iterator[None]:
        """The dump was written over, by as many bytes."""
        for key in self._dump_keys:
            self._s3.put_object(Bucket=self.server.address.bucket, Key=key, Body=_OTHER)
        yield
        self._put()

    @fault
    def in_the_clear(self) -> Iterator[None]:
        """The bucket no longer encrypts, and the dump was written after that."""
        bucket = self.server.address.bucket
        before = self._s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
        self._s3.delete_bucket_encryption(Bucket=bucket)
        self._put()
        yield
        self._s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=before)
        self._put()

    @property
    def _dump_keys(self) -> list[str]:
        return [_dump_key(launch, purpose) for purpose, (launch, _) in self._made.items()]

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

    def _put(self, **changed: object) -> None:
        """Each dump and its manifest, as a launch writes them, but for what is changed in the manifest."""
        bucket = self.server.address.bucket
        for purpose, (launch, hours) in self._made.items():
            key = _dump_key(launch, purpose)
            etag = self._s3.put_object(Bucket=bucket, Key=key, Body=_CONTENT)["ETag"]
            made = _manifest(launch, purpose, hours, key, etag).model_copy(update=changed)
            self._s3.put_object(Bucket=bucket, Key=manifest_key(_PREFIX, "main", launch, purpose), Body=made.text())

    def _instead(self, **changed: object) -> Iterator[None]:
        """Other manifests, and the right ones afterwards."""
        self._put(**changed)
        yield
        self._put()

    def _remove(self, *keys: str) -> None:
        for key in keys:
            self._s3.delete_object(Bucket=self.server.address.bucket, Key=key)


def _dump_key(launch: str, purpose: str) -> str:
    return dump_key(_PREFIX, "main", launch, purpose, hashlib.sha256(_CONTENT).hexdigest())


def _contents(rows: Mapping[str, int]) -> PostgresContents:
    tables = {name: TableContents(rows=count, checksum="0") for name, count in rows.items()}
    return PostgresContents(schema_lines={}, tables=tables, sequences={}, encoding="UTF8")


def _manifest(launch: str, purpose: str, hours: float, key: str, etag: str) -> BackupManifest:
    sha256 = hashlib.sha256(_CONTENT).hexdigest()
    return BackupManifest(
        backup=purpose,
        system="tradesense",
        store="main",
        kind="postgres.dump",
        taken_at=now() - timedelta(hours=hours),
        finished_at=now() - timedelta(hours=hours),
        origin=Origin(identity="7", version="18.6", database="trading", wal_lsn="0/16B3748"),
        files=(StoredFile(name="dump", key=key, size=len(_CONTENT), sha256=sha256, plain_sha256=sha256, etag=etag),),
        restore_point=RestorePoint(name="tminus", lsn="0/16B3748"),
        contents=_contents(_TABLES),
        made_for=ForLaunch(launch=launch, purpose=purpose),
    )
