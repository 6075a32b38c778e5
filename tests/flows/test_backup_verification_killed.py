"""A verification killed at each of its stages: the record says how far it came, and the next one cleans up."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest

from flows.backup_verification import proven, verify
from tests.conftest import Estates, S3Server
from tests.flows.backup_room import Room, one_store
from tests.sampling import few
from tminus import events as ev
from tminus.outcome import Verdict

ROOT = Path(__file__).parents[2]
STAGES = [
    *("before verification.began", "after verification.began", "before scratch.planned", "after scratch.planned"),
    *("folder", "server", "before scratch.gone", "after scratch.gone", "before backup.verified"),
    *("after backup.verified", "before verification.ended", "after verification.ended"),
]
_WITHIN = 120.0  # seconds for the victim to get to its stage


@pytest.fixture
def room(estates: Estates, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """One store with a good backup."""
    for made in one_store(estates, s3_server, monkeypatch):
        made.put()
        yield made


def killed(room: Room, stage: str) -> None:
    """Runs a verification to that stage in a process of its own, and kills it there."""
    where = [room.bucket[name] for name in ("endpoint", "prefix", "bucket", "region")]
    argv = [sys.executable, "-m", "tests.flows.backup_victim", str(room.folder), stage, *where]
    said = room.folder / "said"
    with said.open("wb") as file:  # no pipe: what it leaves running would keep that open
        victim = subprocess.Popen(argv, cwd=ROOT, stderr=file)
    until = monotonic() + _WITHIN
    while not (room.folder / "reached").exists() and victim.poll() is None and monotonic() < until:
        sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert (room.folder / "reached").exists(), said.read_text("utf-8")


def left_behind(room: Room) -> list[psutil.Process]:
    """Processes that the victim left."""
    found = [path.read_text("utf-8").split()[0] for path in room.scratch.rglob("*.pid")]
    return [psutil.Process(int(pid)) for pid in found]


@pytest.mark.parametrize("stage", few(STAGES, "before backup.verified"))
def test_killed_there(room: Room, stage: str) -> None:
    """The next verification begins at once, ends what is left running, removes it, says so, and comes to its end."""
    killed(room, stage)
    servers = left_behind(room)
    assert len(servers) == (stage == "server")

    ended = asyncio.run(verify(room.opened(), ("cache",), shown=False))

    assert proven(ended)
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in servers)
    assert list(room.scratch.iterdir()) == []
    events = room.events()
    planned = [one.scratch for one in events if isinstance(one, ev.ScratchPlanned)]
    gone = [one for one in events if isinstance(one, ev.ScratchGone)]
    assert sorted(planned) == sorted(one.scratch for one in gone)
    assert [one.ended for one in gone if one.ended] == [(one.pid,) for one in servers]
    began = [one.verification for one in events if isinstance(one, ev.VerificationBegan)]
    over = [one for one in events if isinstance(one, ev.VerificationEnded)]
    assert began == [one.verification for one in over]
    assert [one.broke_off for one in over[:-1]] == [True] * (len(began) - 1) or stage == "after verification.ended"
    assert room.verified()[-1].outcome.verdict is Verdict.PASS
