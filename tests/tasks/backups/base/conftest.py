"""A live PostgreSQL of these tests' own, a world around it, and one good backup of it."""

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pyrage
import pytest

from deployments.rehearsal.binaries import postgres_folder
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Processes
from tests.conftest import Estates, PostgresServer, S3Server
from tests.tasks.backups.base import quiet_writers
from tests.tasks.backups.base.damages import Good
from tests.tasks.backups.base.world import World, make_tables
from tminus.backups.manifest import BackupManifest
from tminus.backups.wal_names import Segment, parse_lsn
from tminus.unprivileged import unprivileged


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL that archives its WAL, with tables of many sorts."""
    server = Postgres.plan(tmp_path_factory.mktemp("live"), standby=False)
    with Processes() as processes:
        running = PostgresServer(server, tuple(server.start(processes)))
        dsn = server.address.dsn("postgres").get_secret_value()
        quiet_writers.make_tables(dsn)
        make_tables(dsn)
        yield running


@pytest.fixture(scope="session")
def unsummed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL whose pages have no checksums."""
    server = Postgres.plan(tmp_path_factory.mktemp("unsummed"), standby=False)
    with Processes() as processes:
        [child] = server.start(processes)
        child.end(within=10.0)
        data, account = server.folder / "primary", unprivileged(server.folder)
        subprocess.run([postgres_folder() / "pg_checksums", "--disable", "-D", data], check=True, capture_output=True)
        argv = [*account.prefix, str(postgres_folder() / "postgres"), "-D", str(data), "-c"]
        again = processes.start(
            "postgres unsummed",
            [*argv, f"port={server.address.port}"],
            env={"LC_ALL": "C.UTF-8"},
            cwd=server.folder,
            log=server.folder / "primary.log",
            ready=lambda: answers(server),
            stop_signal=signal.SIGINT,
        )
        dsn = server.address.dsn("postgres").get_secret_value()
        quiet_writers.make_tables(dsn)
        make_tables(dsn)
        yield PostgresServer(server, (again,))


def answers(server: Postgres) -> bool:
    """Whether it lets somebody in."""
    dsn = server.address.dsn("postgres").get_secret_value()
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(dsn, connect_timeout=2):
        return True
    return False


@pytest.fixture(scope="session")
def plain_world(
    unsummed: PostgresServer, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A world around the server without checksums."""
    with pytest.MonkeyPatch.context() as patch:
        estates = Estates(tmp_path_factory.mktemp("plain-world"), patch.setenv)
        estates._secrets = 100  # names of variables that the other world does not use
        yield World(unsummed, s3_server, estates, pyrage.x25519.Identity.generate())


@pytest.fixture(scope="session")
def plain_good(plain_world: World) -> Good:
    """A good backup of it."""
    return take_good(plain_world)


@pytest.fixture(scope="session")
def world(live: PostgresServer, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The live server, and a place for its backups."""
    with pytest.MonkeyPatch.context() as patch:
        estates = Estates(tmp_path_factory.mktemp("world"), patch.setenv)
        yield World(live, s3_server, estates, pyrage.x25519.Identity.generate())


@pytest.fixture(scope="session")
def good(world: World) -> Good:
    """One of the server whose pages have checksums."""
    return take_good(world)


def take_good(world: World) -> Good:
    """A backup that was taken under writes, and the WAL until some time later, with a mark before and one after."""
    with quiet_writers.writing(world.dsn, pause=0.02):
        world.mark()
        manifest = asyncio.run(world.take("main-good"))
        for _ in range(3):
            time.sleep(0.2)
            world.switch()
        world.mark()
        needed_at = datetime.now(UTC)
    world.switch()
    return Good(world, manifest, needed_at, tuple(world.pump(_start(manifest))))


def _start(manifest: BackupManifest) -> str:
    """The first segment of a backup's WAL."""
    return Segment.holding(1, parse_lsn(manifest.origin.wal_from or "")).name()
