"""The platform's own backups, by the commands that its scheduler would run: taken, marked, and proven by restoring."""

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psycopg
from pydantic import JsonValue
from ruamel.yaml import YAML

from deployments.rehearsal.addresses import AwsAddress, PostgresAddress
from deployments.rehearsal.binaries import CHECKOUT
from tminus import events as ev
from tminus.backups.history import History
from tminus.backups.manifest import SUFFIX, BackupManifest, digest
from tminus.backups.opened import OpenedBackups, open_backups
from tminus.ledger.opening import have_chain
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TMINUS = (sys.executable, "-m", "cli.main")
_WITHIN = 120.0  # seconds for one command
# What an administrator does once, where tminus may not make its table of marks itself.
_MARKS = (
    "CREATE SCHEMA IF NOT EXISTS tminus",
    "CREATE TABLE IF NOT EXISTS tminus.marker (number bigint PRIMARY KEY, at timestamptz NOT NULL)",
    "GRANT USAGE ON SCHEMA tminus TO tminus",
    "GRANT SELECT, INSERT, UPDATE ON tminus.marker TO tminus",
)


def allow_marks(postgres: PostgresAddress) -> None:
    """Gives tminus a table to write its marks into."""
    with psycopg.connect(postgres.dsn("postgres").get_secret_value(), autocommit=True) as connection:
        for statement in _MARKS:
            connection.execute(statement)


@dataclass(frozen=True)
class StoredAt:
    """One store of a system's book of backups.

    Attributes:
        system: whose `backups.yaml` it is in.
        environment: the environment file.
        seen: every environment variable that the commands see.
    """

    system: str
    store: str
    environment: Path
    seen: Mapping[str, str]

    def mark(self) -> None:
        """Writes a mark through the system's live stores; those that this estate has not get none."""
        self._tminus("mark", allowed=(0, 1))

    def take(self, environment: Path | None = None) -> None:
        """Takes a backup."""
        self._tminus("backup", self.store, environment=environment)

    def verify(self) -> bool:
        """Restores the newest backup, through Prefect; whether it is proven."""
        return self._tminus("verify-backup", self.store, allowed=(0, 1)) == 0

    def take_and_prove(self) -> None:
        """A backup as it should be, of a store that was marked; raises RuntimeError where it is not proven."""
        self.take()
        if not self.verify():
            raise RuntimeError(f"the backup of {self.system}'s {self.store} is not proven; `tminus backups` says why")

    def take_otherwise(self, aws: AwsAddress, *, age: timedelta, damaged: bool) -> None:
        """The newest backup is older than it should be, or damaged; it is looked at all the same.

        What is damaged was recorded like that: its manifest and S3 agree with the file, so only a restore can tell.
        """
        elsewhere = self._with_another_ledger()
        self.take(elsewhere)
        _Bucket(aws, open_backups(self._book, elsewhere), open_backups(self._book, self.environment)).move(age, damaged)
        self.verify()

    @property
    def _book(self) -> Path:
        return CHECKOUT / "runbooks" / self.system

    def _with_another_ledger(self) -> Path:
        """An environment file that differs by its ledger alone."""
        known: dict[str, JsonValue] = YAML(typ="safe").load(self.environment)
        path = self.environment.with_name("before-it-was-spoilt.yaml")
        with path.open("w", encoding="utf-8") as file:
            YAML().dump({**known, "ledger": {"sqlite": str(path.with_suffix(".sqlite"))}}, file)
        return path

    def _tminus(self, *words: str, environment: Path | None = None, allowed: tuple[int, ...] = (0,)) -> int:
        files = ["--runbook", str(self._book), "--environment", str(environment or self.environment)]
        done = subprocess.run(
            [*_TMINUS, *words, *files],
            env=dict(self.seen),
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=_WITHIN,
            check=False,
        )
        if done.returncode not in allowed:
            said = (done.stderr or done.stdout).strip()[-800:]
            raise RuntimeError(f"`tminus {' '.join(words)}` ended with {done.returncode}: {said}")
        return done.returncode


@dataclass(frozen=True)
class _Bucket:
    """Where a backup lies that one ledger knows, and the other shall know of it otherwise."""

    aws: AwsAddress
    taken_in: OpenedBackups
    known_in: OpenedBackups

    def move(self, age: timedelta, damaged: bool) -> None:
        """Puts it under the name of its new age, with a part of its end missing where it is `damaged`."""
        taken = self._taken()
        folder = f"{self._prefix(taken)}/{taken.store}/"
        old = f"{folder}{taken.backup}{SUFFIX}"
        manifest = BackupManifest.read(old, self._s3.get_object(Bucket=self.aws.bucket, Key=old)["Body"].read())
        at = manifest.taken_at - age
        name = f"{taken.store}-{at:%Y%m%dT%H%M%SZ}"
        files = []
        for file in manifest.files:
            content = self._s3.get_object(Bucket=self.aws.bucket, Key=file.key)["Body"].read()
            content = content[: len(content) * 2 // 3] if damaged else content
            self._s3.delete_object(Bucket=self.aws.bucket, Key=file.key)
            key = f"{folder}{name}/{file.key.rpartition('/')[2]}"
            etag = self._s3.put_object(Bucket=self.aws.bucket, Key=key, Body=content)["ETag"]
            sha256 = hashlib.sha256(content).hexdigest()
            files.append(file.model_copy(update={"key": key, "size": len(content), "sha256": sha256, "etag": etag}))
        self._s3.delete_object(Bucket=self.aws.bucket, Key=old)
        marker = manifest.marker and manifest.marker.model_copy(update={"at": manifest.marker.at - age})
        moved = {"backup": name, "taken_at": at, "finished_at": manifest.finished_at - age, "marker": marker}
        text = manifest.model_copy(update={**moved, "files": tuple(files)}).text()
        self._s3.put_object(Bucket=self.aws.bucket, Key=f"{folder}{name}{SUFFIX}", Body=text)
        told = {"at": datetime.now(UTC) - age, "backup": name, "taken_at": at, "marker": marker}
        size = sum(file.size for file in files)
        self._record(taken.model_copy(update={**told, "size": size, "manifest_digest": digest(text)}))

    def _taken(self) -> ev.BackupTaken:
        ledger = self.taken_in.environment.ledger.sqlite
        with closing(SqliteStore(Path(str(ledger)))) as store:
            return History.read(store, self.taken_in.system, self.taken_in.environment.environment).taken[-1]

    def _record(self, taken: ev.BackupTaken) -> None:
        with closing(self.known_in.store()) as store:
            have_chain(store, self.known_in.chain)
            store.append(Entry(self.known_in.chain, ev.write(taken)))

    def _prefix(self, taken: ev.BackupTaken) -> str:
        bucket = self.known_in.book.stores[taken.store].bucket
        return self.known_in.environment.buckets[bucket].prefix.strip("/")

    @property
    def _s3(self) -> "S3Client":
        return boto3.client(
            "s3",
            endpoint_url=self.aws.url,
            region_name=self.aws.region,
            aws_access_key_id=self.aws.access_key_id,
            aws_secret_access_key=self.aws.secret_access_key.get_secret_value(),
        )
