"""Two who rotate at once, a rotation beside a launch, and a process that was stopped and comes back."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Barrier, Thread
from time import monotonic, sleep

import pytest

from tests.flows.rotations.breaking import over, stands_well, to_its_end
from tests.flows.rotations.room import FIRST, NAME, Room
from tminus.errors import Refused
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry

LAUNCH = "tradesense-2-0-0"
_LONGEST = 60.0  # seconds


@contextmanager
def waiting_before(room: Room, moment: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that rotates the secret, and waits before this is written down; it goes on at the block's end."""
    module = "tests.flows.rotations.two_at_once_victim"
    argv = [sys.executable, "-m", module, str(room.folder), NAME, moment]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        until(lambda: (room.folder / "reached").exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()[0]
        yield process
    finally:
        (room.folder / "go").touch()
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            try:
                process.wait(_LONGEST)
            finally:
                process.kill()
                process.wait()
        if process.stdout is not None:
            process.stdout.close()


def until(so: Callable[[], bool]) -> None:
    """Waits for it; raises AssertionError where it never is."""
    end = monotonic() + _LONGEST
    while not so():
        assert monotonic() < end, "it never came to that"
        sleep(0.01)


def test_two_processes_one_secret(room: Room) -> None:
    """While one is in the midst of it, another is refused, and told who holds it; there is one new version."""
    with waiting_before(room, "rotation.stage_done set"):
        with pytest.raises(Refused, match=r"is conducted by process \d+"):
            room.rotate()
        assert room.value() == FIRST
    to_its_end(room)
    over(room, "rotated")
    assert len(room.course().rotations) == 1


def test_two_threads_begin_one_secret(room: Room) -> None:
    """Whoever comes second is refused, or finds it begun: never two rotations, never two new values."""
    start, refused = Barrier(2), list[Refused]()

    def rotate() -> None:
        start.wait(_LONGEST)
        try:
            room.rotate()
        except Refused as e:
            refused.append(e)

    threads = [Thread(target=rotate) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(_LONGEST)
    assert len(refused) == 1
    stands_well(room)
    to_its_end(room)
    over(room, "rotated")
    assert len(room.course().rotations) == 1


def test_a_launch_holds_the_environment(room: Room) -> None:
    """Nothing is changed while it does, and it is named; once it is over, the rotation that was begun goes on."""
    with closing(SqliteStore(room.folder / "ledger.db")) as store:
        store.open_locked("test", LAUNCH, Entry(LAUNCH, "{}"))
        with pytest.raises(Refused, match=f"test is held by {LAUNCH}"):
            room.rotate()
        assert room.value() == FIRST
        assert room.door.passwords == 1
        assert room.stages() == {"AWSCURRENT": 1}
        store.append_and_unlock("test", Entry(LAUNCH, "{}"))
    to_its_end(room)
    over(room, "rotated")


def test_a_rotation_holds_the_environment(room: Room) -> None:
    """A launch is refused while something is changed, and told what holds it; in the overlap it is not."""
    with closing(SqliteStore(room.folder / "ledger.db")) as store:
        with (
            waiting_before(room, "rotation.stage_done promote"),
            pytest.raises(Refused, match=rf"test is held by .*{NAME}"),
        ):
            store.open_locked("test", LAUNCH, Entry(LAUNCH, "{}"))
        assert room.course().open is not None
        store.open_locked("test", LAUNCH, Entry(LAUNCH, "{}"))
        store.append_and_unlock("test", Entry(LAUNCH, "{}"))
    to_its_end(room)
    over(room, "rotated")


@pytest.mark.long
@pytest.mark.parametrize("moment", ["rotation.stage_began create", "rotation.stage_began promote"])
def test_who_was_stopped_and_comes_back_changes_nothing(room: Room, moment: str) -> None:
    """Its lease ran out and another took it to the end: the next thing that it would write down is refused."""
    with waiting_before(room, moment) as process:
        until(lambda: _stopped(process.pid, room))
        (room.folder / "go").touch()
        until(lambda: _lease_is_free(room))
        room.go_on()
        to_its_end(room)
        over(room, "rotated")
        stood = room.value(), room.stages()
        os.kill(process.pid, signal.SIGCONT)
        said, _ = process.communicate(timeout=_LONGEST)
    assert "FencedOff" in said
    assert (room.value(), room.stages()) == stood
    over(room, "rotated")


def _lease_is_free(room: Room) -> bool:
    with closing(room.store()) as store:
        lease = store.lease(room.opened().chain(NAME))
    return lease is not None and lease.left <= 0


def _stopped(pid: int, room: Room) -> bool:
    """Stops a process, unless it is writing to the ledger's file just now: nobody else could until it goes on."""
    os.kill(pid, signal.SIGSTOP)
    with closing(sqlite3.connect(room.folder / "ledger.db", timeout=0.1, isolation_level=None)) as ledger:
        try:
            ledger.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            os.kill(pid, signal.SIGCONT)
            return False
        ledger.execute("ROLLBACK")
    return True
