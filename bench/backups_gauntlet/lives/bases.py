"""A live PostgreSQL that archives its WAL and is written to all the while, and base backups of it."""

import asyncio
import itertools
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import ClassVar

import psycopg

from bench.backups_gauntlet.damage import BASE
from bench.backups_gauntlet.live import Live, Taken
from bench.backups_gauntlet.lives.drawn_schema import DrawnSchema, quoted
from bench.backups_gauntlet.place import BACKUPS
from deployments.rehearsal.binaries import postgres_folder
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Child
from flows.marks import mark_all
from tasks.backups.wal_archive import WalArchive
from tests.conftest import Estates, PostgresServer, S3Server
from tests.tasks.backups.base import quiet_writers
from tests.tasks.backups.base.world import World, make_tables
from tminus.backups.manifest import BackupManifest
from tminus.backups.opened import OpenedBackups
from tminus.backups.wal_names import Segment, parse_lsn
from tminus.unprivileged import unprivileged

SEGMENT = 1 << 20
"""Bytes of a segment of the WAL here: so small that a base backup is mostly data."""
_INVARIANT = {
    "title": "The entries sum to zero",
    "sql": "SELECT coalesce(sum(amount), 0) FROM busy_entries",
    "expect": "= 0",
}
_AFTER = 3  # segments that are archived after a backup


class LiveBase(Live):
    """pg_basebackup's."""

    kind: ClassVar[str] = BASE

    def start(self) -> None:
        """A server whose segments of the WAL have 1 MiB."""
        server = Postgres.plan(self.place.new_folder("live"), standby=False)
        [child] = server.start(self.processes)
        child.end(within=10.0)
        account, data = unprivileged(server.folder), server.folder / "primary"
        argv = [*account.prefix, str(postgres_folder() / "pg_resetwal"), "--wal-segsize=1", "-D", str(data)]
        subprocess.run(argv, check=True, capture_output=True)
        for path in (server.folder / "archive").iterdir():
            path.unlink()
        self.server = server
        self._child = self._run(server)
        estates = Estates(self.place.new_folder("estates"), os.environ.__setitem__)
        self.world = World(
            PostgresServer(server, (self._child,)), S3Server(self.place.aws), estates, self.place.identity
        )
        self._dsn = self.place.secret(self.world.dsn)
        self._drawn = itertools.count()
        self._quiet = False

    def _run(self, server: Postgres) -> Child:
        account, data = unprivileged(server.folder), server.folder / "primary"
        options = ["-c", f"port={server.address.port}", "-c", "min_wal_size=2MB", "-c", "max_wal_size=16MB"]
        return self.processes.start(
            "postgres with small segments",
            [*account.prefix, str(postgres_folder() / "postgres"), "-D", str(data), *options],
            env={"LC_ALL": "C.UTF-8"},
            cwd=server.folder,
            log=server.folder / "again.log",
            ready=self._accepts,
            stop_signal=signal.SIGINT,
        )

    def _accepts(self) -> bool:
        dsn = self.server.address.dsn("postgres").get_secret_value()
        with suppress(psycopg.OperationalError), psycopg.connect(dsn, connect_timeout=2):
            return True
        return False

    def fill(self) -> None:
        """See Live."""
        quiet_writers.make_tables(self.world.dsn)
        make_tables(self.world.dsn)

    def grow(self) -> None:
        """See Live."""
        with psycopg.connect(self.world.dsn, autocommit=True) as connection:
            connection.execute("UPDATE documents SET tags = tags || 1 WHERE id > 395")
            connection.execute("VACUUM (FREEZE, ANALYZE) documents")
            connection.execute("CHECKPOINT")

    def entry(self) -> Mapping[str, object]:
        """See Live."""
        return {"database": "live", "invariants": [_INVARIANT]}

    def sections(self) -> Mapping[str, object]:
        """See Live."""
        return {"postgres": {"live": {"dsn": self._dsn}}}

    def take(self, prefix: str) -> Taken:
        """See Live. Somebody transfers money between accounts until all is archived."""
        with quiet_writers.writing(self.world.dsn, writers=1 if self._quiet else 3, pause=0.05):
            return super().take(prefix)

    def after(self, opened: OpenedBackups, manifest: BackupManifest) -> None:
        """The WAL since the backup, put into the bucket as archive-wal does."""
        for number in range(_AFTER):
            time.sleep(0.05)
            if number == _AFTER - 1:
                asyncio.run(mark_all(opened))
            self.world.switch()
        archive = WalArchive.open(opened.environment, BACKUPS, "wal")
        since = Segment.holding(1, parse_lsn(manifest.origin.wal_from or ""), SEGMENT).name(SEGMENT)
        for path in sorted((self.server.folder / "archive").iterdir()):
            if path.name >= since and "." not in path.name:
                archive.put(path, [str(self.place.identity.to_public())])

    @contextmanager
    def varied(self, drawn: random.Random) -> Iterator[str]:
        """A schema of its own in the database, and more or fewer writers."""
        schema = f"drawn{next(self._drawn)}"
        self._quiet = drawn.random() < 0.5
        made = DrawnSchema.draw(drawn, schema)
        with psycopg.connect(self.world.dsn, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}".encode())
            for statement in made.statements:
                connection.execute(statement.encode())
        try:
            yield f"{made}, {1 if self._quiet else 3} writers"
        finally:
            with psycopg.connect(self.world.dsn, autocommit=True) as connection:
                connection.execute(f"DROP SCHEMA {quoted(schema)} CASCADE".encode())
