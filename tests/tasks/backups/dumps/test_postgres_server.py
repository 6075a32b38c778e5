"""A scratch PostgreSQL: cut off, marked, with nothing to do, and gone when we are."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest

from tasks.backups.asked import Scratch
from tasks.backups.postgres_cluster import Cluster, cluster, make, put
from tasks.backups.postgres_server import ScratchServer, run
from tasks.backups.scratch import make_scratch, remove_scratch
from tminus import events as ev
from tminus.errors import CouldNotObserve
from tminus.systems.stores import Postgres

SECTION = Postgres(dsn="env:NONE")
NAME = "tminus-scratch-test-0011"
# What must not happen in a restored copy, whatever its own configuration says.
OFF = {
    "listen_addresses": "",
    "archive_mode": "off",
    "shared_preload_libraries": "",
    "session_preload_libraries": "",
    "max_logical_replication_workers": "0",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "fsync": "off",
    "ssl": "off",
    "event_triggers": "off",
}
LIVES = """
import asyncio, sys
from pathlib import Path
from tasks.backups.asked import Scratch
from tasks.backups.postgres_cluster import cluster
from tasks.backups.postgres_server import run
from tminus.systems.stores import Postgres
async def main():
    made = cluster(Scratch(sys.argv[1], Path(sys.argv[2]), 10**9), Postgres(dsn="env:NONE"), 18)
    async with run(made):
        print("up", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """A cluster that was made once; each test runs a server on it."""
    folder = tmp_path_factory.mktemp("s") / NAME
    scratch = Scratch(NAME, folder, 10**9)
    make_scratch(scratch, "backups.shop.test")
    planned = cluster(scratch, SECTION, 18)
    asyncio.run(make(planned))
    return planned


async def asked(server: ScratchServer, question: str, database: str = "postgres") -> object:
    """One answer."""
    async with server.connect(database) as connection:
        [(answer,)] = await (await connection.execute(question.encode())).fetchall()
        return answer


async def done(server: ScratchServer, statement: str) -> None:
    """A statement without an answer, done from another database."""
    async with server.connect("template1") as connection:
        await connection.execute(statement.encode())


async def killed(made: Cluster) -> None:
    """The server, a moment later."""
    await asyncio.sleep(0.1)
    os.kill(int((made.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)


async def test_it_is_cut_off_and_has_nothing_to_do(made: Cluster) -> None:
    """No address, no job, no archive, no library, even where the cluster's own configuration says so."""
    (made.data / "postgresql.auto.conf").write_text(
        "listen_addresses = '*'\narchive_mode = on\narchive_command = 'true'\nautovacuum = on\n"
        "shared_preload_libraries = 'pg_stat_statements'\nmax_logical_replication_workers = 4\n"
    )
    try:
        async with run(made) as server:
            for name, value in OFF.items():
                assert await asked(server, f"SELECT current_setting('{name}')") == value, name
            pid = int((made.data / "postmaster.pid").read_text().split()[0])
            assert psutil.Process(pid).net_connections("inet") == []
            if server.offline:
                assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")  # noqa: PTH115
    finally:
        (made.data / "postgresql.auto.conf").write_text("")


async def test_a_restored_database_loads_no_library_into_our_sessions(made: Cluster) -> None:
    """Nor does one of its roles: neither into ours, nor into those of PostgreSQL's tools."""
    missing = "SET session_preload_libraries = 'reports_home'"
    async with run(made) as server:
        await done(server, f"ALTER DATABASE postgres {missing}")
        await done(server, f"ALTER ROLE {server.cluster.superuser} {missing}")
        try:
            assert await asked(server, "SELECT current_setting('session_preload_libraries')") == ""
            argv = server.argv("psql", "-c", "SELECT 1")
            psql = await asyncio.create_subprocess_exec(*argv, env=server.env("postgres"), stdout=subprocess.DEVNULL)
            assert await psql.wait() == 0
        finally:
            await done(server, "ALTER DATABASE postgres RESET ALL")
            await done(server, f"ALTER ROLE {server.cluster.superuser} RESET ALL")


@pytest.fixture
def passable() -> Iterator[Path]:
    """A folder that lets everybody through, as a scratch folder's should."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory(prefix="tminus-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


async def test_what_a_backup_runs_there_is_not_us(passable: Path) -> None:
    """A function in it may start programs: they are of a user that owns nothing, and read nothing of ours."""
    secret = passable / "secret"
    os.close(os.open(secret, os.O_CREAT, 0o600))
    scratch = Scratch(NAME, passable / NAME, 10**9)
    make_scratch(scratch, "backups.shop.test")
    planned = cluster(scratch, SECTION, 18)
    await make(planned)
    async with run(planned) as server:
        await done(server, "CREATE TABLE said (line text)")
        await done(server, "COPY said FROM PROGRAM 'id -u'")
        assert await asked(server, "SELECT line FROM said", "template1") == "65534"
        with pytest.raises(CouldNotObserve, match="ExternalRoutineException"):
            await done(server, f"COPY said FROM PROGRAM 'cat {secret}'")
        for plants in (
            "ln -s {0} {1}/x",
            "ln -sf {0} {1}/postgresql.conf",
            "mv {1}/data {1}/away",
            "rm {1}/server.log",
        ):
            with pytest.raises(CouldNotObserve, match="ExternalRoutineException"):
                await done(server, f"COPY said FROM PROGRAM '{plants.format(secret, scratch.folder)}'")
        await done(server, f"COPY said FROM PROGRAM 'ln -s {secret} {planned.data}/recovery.signal'")
        put(planned, planned.data / "recovery.signal", "written by root")
        assert secret.read_text() == ""


async def test_it_says_that_it_is_this_scratch(made: Cluster) -> None:
    """And nothing is restored onto what says something else."""
    async with run(made) as server:
        await server.require_scratch()
        assert await asked(server, "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database") == (
            "postgres template0 template1"
        )
        other = replace(made, scratch=replace(made.scratch, name="tminus-scratch-other"))
        with pytest.raises(CouldNotObserve, match="nothing is restored"):
            await replace(server, cluster=other).require_scratch()


async def test_its_tools_see_none_of_our_variables(made: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a password nor a way to another server."""
    monkeypatch.setenv("PGPASSWORD", "live")
    monkeypatch.setenv("PGHOST", "live.example")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "live")
    async with run(made) as server:
        assert "live" not in " ".join(f"{name}={value}" for name, value in server.env("x").items())
        backend = psutil.Process(int((made.data / "postmaster.pid").read_text().split()[0]))
        assert "AWS_SECRET_ACCESS_KEY" not in backend.environ()


async def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    """A socket's address has room for 107 characters."""
    folder = tmp_path / ("x" * 60) / ("y" * 60)
    folder.mkdir(parents=True, mode=0o700)
    planned = cluster(Scratch(NAME, folder, 10**9), SECTION, 18)
    await make(planned)
    async with run(planned) as server:
        sockets = server.sockets
        assert await asked(server, "SELECT 1") == 1
    assert not sockets.exists() or sockets == folder


async def test_a_server_that_does_not_come_up_says_why(made: Cluster) -> None:
    """With the end of its log."""
    with pytest.raises(CouldNotObserve, match="shared_buffers"):
        async with run(made, {"shared_buffers": "nonsense"}):
            pass


async def test_a_server_that_dies_is_no_answer(made: Cluster) -> None:
    """Whatever was being asked: it is said that the server ended."""
    with pytest.raises(CouldNotObserve, match="scratch server was killed"):
        async with run(made) as server, server.connect("postgres") as connection:
            await asyncio.gather(connection.execute("SELECT pg_sleep(30)"), killed(made))


async def test_an_error_of_a_query_is_told_by_its_kind(made: Cluster) -> None:
    """And by nothing that it quotes."""
    with pytest.raises(CouldNotObserve, match="InvalidTextRepresentation 22P02") as raised:
        async with run(made) as server, server.connect("postgres") as connection:
            await connection.execute("SELECT 'alice'::int")
    assert "alice" not in str(raised.value)
    assert isinstance(raised.value.__cause__, psycopg.Error)


def test_it_ends_with_whoever_started_it(made: Cluster) -> None:
    """Kill -9 of the verification: its server ends by itself, or the sweep finds it."""
    folder = made.scratch.folder
    victim = psutil.Popen([sys.executable, "-c", LIVES, NAME, str(folder)], stdout=-1)
    try:
        assert victim.stdout.readline() == b"up\n"
        server = psutil.Process(int((made.data / "postmaster.pid").read_text().split()[0]))
    finally:
        victim.kill()
        victim.wait()
        victim.stdout.close()
    deadline = time.monotonic() + 5
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.02)
    planned = ev.ScratchPlanned(verification="v", store="database", scratch=NAME, folder=str(folder), machine="here")
    assert remove_scratch(planned, "backups.shop.test").how == "gone"
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
