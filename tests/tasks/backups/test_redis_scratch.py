"""The scratch server: it answers nobody but us, changes nothing, and never outlives whoever started it."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tasks.backups import redis_server
from tasks.backups.damage import Damaged
from tasks.backups.redis_counting import own_folder
from tasks.backups.redis_server import RDB, scratch_redis
from tasks.backups.redis_tools import RedisProgram
from tests.tasks.backups.redis_room import PROGRAMS, edited
from tminus.errors import CouldNotObserve
from tminus.unprivileged import NOBODY

PROGRAM = PROGRAMS[0]
_HOLDS = """
import asyncio, sys
from pathlib import Path
from tasks.backups.redis_server import scratch_redis
from tasks.backups.redis_tools import RedisProgram, RedisVersion

async def hold() -> None:
    async with scratch_redis(RedisProgram(Path(sys.argv[1]), RedisVersion.parse(sys.argv[2])), Path(sys.argv[3])):
        print("up", flush=True)
        await asyncio.sleep(60)

asyncio.run(hold())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scratch folder, deeper than the path of a socket may be, with ten keys in it."""
    empty = bytes.fromhex("524544495330303039ff") + b"\0" * 8  # version 9, the end, no checksum
    rdb = edited(
        PROGRAM, empty, tmp_path / "edit", lambda client: client.mset({f"key {one}": one for one in range(10)})
    )
    place = tmp_path / ("deep" * 20) / ("deeper" * 10)
    place.mkdir(parents=True)
    (place / RDB).write_bytes(rdb)
    return place


def pid(folder: Path) -> int:
    """The server's."""
    return int((folder / "redis.pid").read_text())


def gone(number: int, within: float = 5.0) -> bool:
    """Whether a process ends in time."""
    until = time.monotonic() + within
    while psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


async def test_nobody_else_reaches_it(folder: Path) -> None:
    """It has no port, tells no secret in its command line, takes no write, and a sweep finds it by its folder."""
    async with scratch_redis(PROGRAM, folder) as server:
        process = psutil.Process(pid(folder))
        listening = [one for one in process.net_connections(kind="inet") if one.status == psutil.CONN_LISTEN]
        assert not listening
        assert f"{folder}/" in " ".join(process.cmdline())
        assert server.password not in " ".join([*process.cmdline(), *process.environ().values()])
        with server.wire() as wire:
            assert wire.ask("DBSIZE") == 10
            with pytest.raises(CouldNotObserve, match="READONLY"):
                wire.ask("SET", "a", "b")
        assert (folder / "redis.conf").stat().st_mode & 0o077 == 0


async def test_ends_with_the_block(folder: Path) -> None:
    """It is gone when the block ends by an exception, or its task is cancelled."""

    async def break_off() -> None:
        async with scratch_redis(PROGRAM, folder):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_off()
    assert gone(pid(folder))

    async def hold() -> None:
        async with scratch_redis(PROGRAM, folder):
            up.set()
            await asyncio.sleep(60)

    up = asyncio.Event()
    task = asyncio.create_task(hold())
    await up.wait()
    number = pid(folder)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(number)


def test_ends_with_whoever_started_it(folder: Path) -> None:
    """Where our process is killed, the kernel kills the server."""
    argv = [sys.executable, "-c", _HOLDS, str(PROGRAM.path), str(PROGRAM.version), str(folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"up\n"
        number = pid(folder)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert gone(number)


async def test_too_little_memory_is_unknown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup that needs more memory than may be used is not called damaged."""
    monkeypatch.setattr(redis_server, "_MEMORY", 1e-9)
    with pytest.raises(CouldNotObserve, match="before it had loaded"):
        async with scratch_redis(PROGRAM, folder):
            pass


async def test_refusal_quotes_no_key(folder: Path) -> None:
    """What the server says of a damaged file is told, without what it quotes."""
    whole = (folder / RDB).read_bytes()
    (folder / RDB).write_bytes(whole[:-12])
    with pytest.raises(Damaged) as refused:
        async with scratch_redis(PROGRAM, folder):
            pass
    assert "key 1" not in str(refused.value)
    assert "RDB" in str(refused.value)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Can't initialize Background Jobs. Error message: Resource temporarily unavailable", "Can't initialize Back"),
        ("Can't open the append-only file: No space left on device", "No space left on device"),
        ("Failed opening Unix socket: bind: No such file or directory", "Failed opening"),
    ],
)
async def test_what_ails_this_machine_is_no_damage(folder: Path, said: str, shown: str) -> None:
    """It is told, and the backup may well be good."""
    with pytest.raises(CouldNotObserve, match=shown):
        async with scratch_redis(ending(folder, said), folder):
            pass


async def test_what_is_quoted_is_not_told(folder: Path) -> None:
    """A key may have quotes in it; an apostrophe is no quote."""
    said = "Can't load: the key 'it's mine' is there twice"
    with pytest.raises(Damaged, match="Can't load: the key '…' is there twice") as refused:
        async with scratch_redis(ending(folder, said), folder):
            pass
    assert "mine" not in str(refused.value)


def ending(folder: Path, said: str) -> RedisProgram:
    """A server that writes a line into its log, and ends."""
    program = folder / "ends"
    program.write_text(f'#!/bin/sh\necho "1:S 22 Nov 2026 03:00:00.000 # {said}" > redis.log\nexit 1\n')
    program.chmod(0o755)
    return RedisProgram(program, PROGRAM.version)


@pytest.fixture
def passable() -> Iterator[Path]:
    """A folder that lets everybody through, as a scratch folder's should."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory(prefix="tminus-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


async def test_it_is_not_us(folder: Path, passable: Path) -> None:
    """Where every folder above lets others through, it runs as a user that owns nothing else."""
    place = own_folder(passable)
    shutil.copy(folder / RDB, place)
    async with scratch_redis(PROGRAM, place) as server:
        assert psutil.Process(pid(place)).uids().real == NOBODY
        assert not any("our own user" in line for line in server.exposed)


async def test_nothing_to_load_is_damage(folder: Path) -> None:
    """A file that is missing is no empty Redis."""
    (folder / RDB).unlink()
    with pytest.raises(Damaged, match=RDB):
        async with scratch_redis(PROGRAM, folder):
            pass
