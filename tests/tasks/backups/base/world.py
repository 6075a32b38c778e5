"""A live PostgreSQL that is written to, its archive and its backups in moto's S3, and keys to encrypt them with."""

import asyncio
import itertools
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pyrage
from pydantic import SecretStr

from tasks.backup_store import BackupStore
from tasks.backups.asked import Asked, Scratch, Seen, TakeAsked
from tasks.backups.marks import Marked, mark
from tasks.backups.take_base import BaseTaker
from tasks.backups.verify_base import BaseVerifier
from tasks.backups.wal_archive import WalArchive
from tasks.estate import Estate
from tests.conftest import Estates, PostgresServer, S3Server
from tminus.backups.aspects import expected
from tminus.backups.book import Invariant, PostgresBase
from tminus.backups.manifest import BackupManifest
from tminus.expectation import Expectation
from tminus.outcome import Outcome, judge

DISK = 2_000_000_000
STORE = PostgresBase(
    title="The trading database",
    owner="platform",
    bucket="backups",
    every=timedelta(days=1),
    rpo=timedelta(minutes=5),
    rto=timedelta(minutes=5),
    kind="postgres.base",
    database="main",
    invariants=(
        Invariant(
            title="the entries sum to zero",
            sql="SELECT coalesce(sum(amount), 0) FROM busy_entries",
            expect=Expectation("= 0"),
        ),
    ),
)
# Judged by whoever asks for a verification, before anything is restored.
ELSEWHERE = frozenset({"age", "missing", "overdue", "shrunk", "manifest"})
_MORE = """
    CREATE SCHEMA IF NOT EXISTS tminus;
    CREATE TABLE IF NOT EXISTS tminus.marker (number bigint PRIMARY KEY, at timestamptz NOT NULL);
    GRANT USAGE ON SCHEMA tminus TO tminus;
    GRANT SELECT, INSERT, UPDATE ON tminus.marker TO tminus;
    DROP TABLE IF EXISTS documents, cache;
    CREATE TABLE documents (id int PRIMARY KEY, body text NOT NULL, tags int[] NOT NULL, span int4range);
    ALTER TABLE documents ALTER body SET STORAGE EXTERNAL;
    INSERT INTO documents SELECT g, repeat(md5(g::text), 200), ARRAY[g, g % 7], int4range(g, g + 5)
        FROM generate_series(1, 400) AS g;
    CREATE INDEX documents_by_tag ON documents USING gin (tags);
    CREATE INDEX documents_by_span ON documents USING gist (span);
    CREATE INDEX documents_by_hash ON documents USING hash (id);
    CREATE UNLOGGED TABLE cache (id serial, at timestamptz DEFAULT now());
    INSERT INTO cache SELECT FROM generate_series(1, 10);
    DROP SEQUENCE IF EXISTS idle, tickets;
    CREATE SEQUENCE idle;
    CREATE SEQUENCE tickets INCREMENT -3 CACHE 4;
    SELECT nextval('tickets');
"""


@dataclass
class World:
    """One live server, one bucket; each test has a prefix of its own."""

    server: PostgresServer
    s3: S3Server
    estates: Estates
    identity: pyrage.x25519.Identity
    scratches: Iterator[int] = field(default_factory=itertools.count)

    @property
    def dsn(self) -> str:
        """A superuser's."""
        return self.server.at.address.dsn("postgres").get_secret_value()

    @property
    def recipients(self) -> tuple[str, ...]:
        """The public key."""
        return (str(self.identity.to_public()),)

    def estate(self, binaries: Path | None = None) -> Estate:
        """With the database, the bucket and the keys; PostgreSQL's tools from a folder of a test's own."""
        key = self.estates.secret(SecretStr(str(self.identity)))
        return self.estates.make(
            postgres={"main": {"dsn": self.estates.secret(self.server.dsn), "bin": binaries}},
            buckets={"backups": self.s3.section(self.estates.secret, f"base/{self.estates.folder.name}")},
            backups={
                "recipients": list(self.recipients),
                "identity": key,
                "scratch": str(self.estates.folder / "scratch"),
            },
        )

    def archive(self) -> WalArchive:
        """Where the test's WAL goes."""
        return WalArchive.open(self.estate().environment, "backups", "wal")

    def mark(self) -> datetime:
        """Writes the next mark, as `tminus mark` does; returns its moment."""
        with ThreadPoolExecutor(1) as thread:  # whoever calls may be within a loop of their own
            marked = thread.submit(asyncio.run, self._marked()).result()
        assert not marked.failed, marked.failed
        return marked.mark.at

    async def _marked(self) -> Marked:
        async with self.estate() as estate:
            return await mark(estate, (STORE,))

    def switch(self) -> str:
        """Closes the segment that is being written; returns its name once the server has archived it."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute("SELECT pg_logical_emit_message(true, 'test', 'so that there is something')")
            asked = "SELECT pg_walfile_name(pg_switch_wal()), pg_size_bytes(current_setting('wal_segment_size'))"
            row = connection.execute(asked).fetchone()
        assert row is not None
        name, size = str(row[0]), int(row[1])
        archived = self.server.at.folder / "archive" / name
        deadline = time.monotonic() + 30
        while not archived.exists() or archived.stat().st_size < size:  # `cp` may still be at it
            assert time.monotonic() < deadline, name
            time.sleep(0.02)
        return name

    def pump(self, since: str = "") -> list[str]:
        """Puts what the server has archived into the bucket, as archive-wal does; returns the names, in order."""
        archive, names = self.archive(), []
        for path in sorted((self.server.at.folder / "archive").iterdir()):
            if path.name >= since and "." not in path.name:
                archive.put(path, self.recipients)
                names.append(path.name)
        return names

    async def take(self, backup: str, binaries: Path | None = None) -> BackupManifest:
        """A base backup, whose manifest is not in the bucket yet."""
        folder = self.estates.folder / f"take-{backup}"
        folder.mkdir(mode=0o700)
        async with self.estate(binaries) as estate:
            bucket = BackupStore.open(estate, "backups")
            asked = TakeAsked(estate, "tradesense", "main", STORE, bucket, backup, self.recipients, folder)
            return await BaseTaker().take(asked)

    async def verify(
        self, manifest: BackupManifest, needed_at: datetime | None = None, store: PostgresBase = STORE
    ) -> tuple[Outcome, Seen]:
        """Verifies it in a scratch of its own; the outcome is judged by what a verifier measures."""
        async with self.asked(manifest, needed_at, store) as asked:
            seen = await BaseVerifier().verify(asked)
        wanted = {name: one for name, one in expected("postgres.base", store).items() if name not in ELSEWHERE}
        return judge(wanted, seen.observation("scratch")), seen

    def asked(
        self, manifest: BackupManifest, needed_at: datetime | None = None, store: PostgresBase = STORE
    ) -> "_Asking":
        """A scratch, and what is asked there."""
        return _Asking(self, manifest, needed_at or datetime.now(UTC), store)


class _Asking:
    """Makes the scratch folder, and removes it."""

    def __init__(self, world: World, manifest: BackupManifest, needed_at: datetime, store: PostgresBase) -> None:
        self._world, self._manifest, self._needed_at, self._store = world, manifest, needed_at, store
        self._estate = world.estate()
        self._folder = world.estates.folder / f"tminus-scratch-{next(world.scratches)}"

    async def __aenter__(self) -> Asked:
        self._folder.mkdir(mode=0o700)
        scratch = Scratch(self._folder.name, self._folder, DISK)
        bucket = BackupStore.open(self._estate, "backups")
        return Asked(self._estate, "main", self._store, bucket, self._manifest, self._needed_at, scratch)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(shutil.rmtree, self._folder)


def make_tables(dsn: str) -> None:
    """Tables with every sort of index, values in TOAST, sequences that are used and one that is not."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_MORE)
        # So that nothing is left to be noted in their pages: a page that is written anew is in the WAL whole.
        connection.execute("VACUUM (FREEZE, ANALYZE) documents")
        connection.execute("CHECKPOINT")


def measured(seen: Seen) -> dict[str, str]:
    """Name → what was found, as people read it."""
    return {one.name: str(one).removeprefix(f"{one.name} ") for one in seen.found}
