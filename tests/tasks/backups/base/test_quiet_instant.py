"""What is counted in a quiet instant's snapshot is what a restore to its named point gives."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from deployments.rehearsal.binaries import postgres_folder
from tasks.backups.quiet_instant import Instant, instant, settled
from tests.sampling import few
from tests.tasks.backups.base.quiet_writers import SEEN, writing
from tests.tasks.backups.base.world import World
from tminus.unprivileged import unprivileged

INSTANTS = 12


@contextlib.asynccontextmanager
async def two(world: World) -> "AsyncIterator[list[psycopg.AsyncConnection[tuple[object, ...]]]]":
    """Two connections of the role that takes backups."""
    dsn = world.server.dsn.get_secret_value()
    one, other = [await psycopg.AsyncConnection.connect(dsn, autocommit=True) for _ in range(2)]
    async with one, other:
        yield [one, other]


async def counted(world: World, instants: int, asynchronous: bool) -> list[tuple[Instant, str]]:
    """So many instants with what was seen in each, some time after its point was written."""
    found = []
    async with two(world) as (counting, beside):
        for number in range(instants):
            async with instant(counting, beside, f"quiet-{asynchronous}-{number}") as one:
                await asyncio.sleep(0.02)
                [(seen,)] = await (await counting.execute(SEEN)).fetchall()
                found.append((one, str(seen)))
    return found


class Restores:
    """One base backup, recovered from one named point to the next; each is looked at while recovery waits there."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.data = folder / "restored"
        self.account = unprivileged(folder)
        arguments = ["-D", str(self.data), "-X", "none", "-c", "fast", "-d", world.dsn]
        subprocess.run([postgres_folder() / "pg_basebackup", *arguments], check=True, capture_output=True)
        (self.data / "pg_hba.conf").write_text("local all all trust\n")
        (self.data / "recovery.signal").touch()
        self.account.own(self.data, *self.data.rglob("*"))

    def seen(self, point: str) -> str:
        """What the tables hold there."""
        archive, sockets = self.world.server.at.folder / "archive", self.folder
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(sockets),
            "archive_mode": "off",
            "restore_command": f"cp {archive}/%f %p",
            "recovery_target_name": point,
            "recovery_target_action": "pause",
            "recovery_target_timeline": "current",
            "fsync": "off",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (sockets / "restored.log").open("ab") as log:
            server = subprocess.Popen(
                [*self.account.prefix, str(postgres_folder() / "postgres"), "-D", str(self.data), *words],
                stdout=log,
                stderr=log,
            )
        try:
            return next(self._looks(sockets, server))
        finally:
            server.terminate()
            server.wait()

    def _looks(self, sockets: Path, server: "subprocess.Popen[bytes]") -> Iterator[str]:
        while server.poll() is None:
            with (
                contextlib.suppress(psycopg.OperationalError),
                psycopg.connect(host=str(sockets), user="postgres", dbname="trading", autocommit=True) as connection,
            ):
                state = connection.execute(
                    "SELECT pg_is_in_recovery() AND pg_get_wal_replay_pause_state() = 'paused'"
                ).fetchone()
                if state == (True,):
                    yield str((connection.execute(SEEN).fetchone() or [""])[0])
        pytest.fail((sockets / "restored.log").read_text()[-2000:])


@pytest.mark.parametrize("asynchronous", few([False, True], True))
@pytest.mark.long
async def test_what_is_counted_is_what_is_restored(world: World, tmp_path: Path, asynchronous: bool) -> None:
    """Under writers that leave hardly a gap, also where their commits are not waited for: row by row, every time."""
    restores = Restores(world, tmp_path)
    with writing(world.dsn, writers=3, pause=0.002, asynchronous=asynchronous):
        found = await counted(world, INSTANTS, asynchronous)
    world.switch()
    assert all(one.quiet for one, _ in found)
    for one, seen in found:
        assert restores.seen(one.point.name) == seen, one


async def test_a_transaction_that_runs_is_no_quiet_instant(world: World) -> None:
    """Also where its number is the newest, which the snapshot's own limits do not show."""
    async with two(world) as (counting, beside):
        with psycopg.connect(world.dsn) as writing_on:
            writing_on.execute("INSERT INTO busy_entries (account, amount) VALUES (1, 1), (2, -1)")
            async with instant(counting, beside, "running", within=-1) as found:
                limits = await (
                    await counting.execute("SELECT pg_current_snapshot()::text, pg_current_xact_id_if_assigned()")
                ).fetchone()
            assert not found.quiet
            assert limits is not None
            oldest, following, _ = str(limits[0]).split(":")
            assert oldest == following, "else this would prove nothing"
            assert not await settled(beside, found, within=0.1)
            writing_on.rollback()
            assert await settled(beside, found)


async def test_who_only_reads_disturbs_nothing(world: World) -> None:
    """A transaction without a number writes no rows."""
    async with two(world) as (counting, beside):
        with psycopg.connect(world.dsn) as reading:
            reading.execute("SELECT count(*) FROM busy_entries")
            async with instant(counting, beside, "reading") as found:
                assert found.quiet
                assert found.tries == 1


async def test_a_commit_that_waits_for_a_standby_is_no_quiet_instant(world: World) -> None:
    """It is in the WAL, so a restore has it, and no snapshot sees it yet: both would be right, and they differ."""
    with psycopg.connect(world.dsn, autocommit=True) as settings:
        settings.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        settings.execute("SELECT pg_reload_conf()")
        try:
            await _waiting_commit(world)
        finally:
            settings.execute("ALTER SYSTEM RESET synchronous_standby_names")
            settings.execute("SELECT pg_reload_conf()")


async def _waiting_commit(world: World) -> None:
    def write() -> None:
        with psycopg.connect(world.dsn, autocommit=True) as connection:
            connection.execute("INSERT INTO busy_entries (account, amount) VALUES (1, 1), (2, -1)")

    async with two(world) as (counting, beside):
        before = await (await counting.execute("SELECT count(*) FROM busy_entries")).fetchone()
        writer = asyncio.create_task(asyncio.to_thread(write))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        while await (await beside.execute(waits)).fetchone() != (1,):
            await asyncio.sleep(0.01)
        async with instant(counting, beside, "waiting", within=0.2) as found:
            seen = await (await counting.execute("SELECT count(*) FROM busy_entries")).fetchone()
        assert not found.quiet
        assert seen == before
        with psycopg.connect(world.dsn, autocommit=True) as ending:
            ending.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        await writer
