"""A standby that was behind is promoted: what was live until then went on along a timeline that was left."""

import asyncio
import shutil
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pyrage
import pytest

from deployments.rehearsal.binaries import postgres_folder
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Child, Processes
from tasks.backups.damage import Damaged
from tasks.backups.restore_base import restore_to
from tests.conftest import Estates, PostgresServer, S3Server
from tests.tasks.backups.base.world import STORE, World, make_tables
from tminus.backups.manifest import BackupManifest
from tminus.unprivileged import unprivileged

BEHIND = timedelta(seconds=1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Processes, PostgresServer]]:
    """It archives its WAL."""
    at = Postgres.plan(tmp_path / "live", standby=False)
    with Processes() as processes:
        yield processes, PostgresServer(at, tuple(at.start(processes)))


def started(processes: Processes, at: Postgres, folder: str) -> Child:
    """A server of that folder of files, in the place of the one that ran."""

    def answers() -> bool:
        try:
            with psycopg.connect(at.address.dsn("postgres").get_secret_value(), connect_timeout=2) as connection:
                return connection.execute("SELECT NOT pg_is_in_recovery()").fetchone() == (True,)
        except psycopg.OperationalError:
            return False

    argv = [*unprivileged(at.folder).prefix, str(postgres_folder() / "postgres"), "-D", str(at.folder / folder), "-c"]
    return processes.start(
        f"postgres {folder}",
        [*argv, f"port={at.address.port}", "-c", "restore_command=false"],
        env={"LC_ALL": "C.UTF-8"},
        cwd=at.folder,
        log=at.folder / f"{folder}.log",
        ready=answers,
        stop_signal=signal.SIGINT,
    )


def failed_over(world: World, processes: Processes, child: Child) -> tuple[datetime, datetime]:
    """The last commit along the timeline that is left, which the standby never got, and the first of the new one."""
    at = world.server.at
    world.mark()
    child.end(within=10.0)
    shutil.copytree(at.folder / "primary", at.folder / "behind")
    (at.folder / "behind" / "recovery.signal").touch()
    unprivileged(at.folder).own(at.folder / "behind", *(at.folder / "behind").rglob("*"))
    child = started(processes, at, "primary")
    time.sleep(BEHIND.total_seconds())
    lost = world.mark()
    world.switch()
    child.end(within=10.0)
    started(processes, at, "behind")
    first = world.mark()
    world.switch()
    world.pump()
    for history in (at.folder / "archive").glob("*.history"):
        world.archive().put(history, world.recipients)
    return lost, first


async def restored(world: World, manifest: BackupManifest, instant: datetime, rpo: timedelta) -> None:
    """To an instant."""
    async with (
        world.asked(manifest, instant, STORE.model_copy(update={"rpo": rpo})) as asked,
        restore_to(asked, instant),
    ):
        pass


@pytest.mark.long
def test_what_only_the_timeline_that_was_left_has(
    server: tuple[Processes, PostgresServer], estates: Estates, s3_server: S3Server
) -> None:
    """What is restored along the new one is not what was live then, and is refused with the numbers."""
    processes, running = server
    world = World(running, s3_server, estates, pyrage.x25519.Identity.generate())
    make_tables(world.dsn)
    manifest = asyncio.run(world.take("main-before"))
    lost, first = failed_over(world, processes, running.children[0])
    with pytest.raises(Damaged, match=r"the last commit along timeline 2 is of .* timeline 1 was left at"):
        asyncio.run(restored(world, manifest, lost + (first - lost) / 2, BEHIND / 2))
