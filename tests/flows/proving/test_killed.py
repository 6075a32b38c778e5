"""A verification that is killed (-9) at each of its stages: the next one ends, removes and tells what it left behind.

What holds for any kind of store is in test_backup_verification_killed; here are the stages of real restores.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest

from tests.flows.proving.shop import ProvenShop
from tests.sampling import few
from tminus import events as ev
from tminus.outcome import Verdict

ROOT = Path(__file__).parents[3]
_WITHIN = 120.0  # seconds for the victim to get there
FLOW = "flows.restoring"
DUMP, OVERLAPPED = "tasks.backups.verify_postgres_dump", "tasks.backups.overlapped"
BASE, RESTORE, RECOVERY = "tasks.backups.verify_base", "tasks.backups.restore_base", "tasks.backups.recovery"
STAGES = {
    "dump": {
        "before the scratch is made": (FLOW, "make_scratch"),
        "before the cluster is made": (DUMP, "make"),
        "while it is fetched": ("tasks.backups.stored_file", "difference"),
        "before pg_restore": (DUMP, "restore"),
        "while pg_restore works": (DUMP, "Overlapped.hint"),
        "while others are restored": (OVERLAPPED, "Overlapped._check_table"),
        "before the last checks": (DUMP, "Overlapped.finish"),
        "while it is asked": (DUMP, "ask"),
        "before the scratch is removed": (FLOW, "remove_scratch"),
    },
    "base": {
        "before the scratch is made": (FLOW, "make_scratch"),
        "while it is fetched": ("tasks.backups.base_fetch", "difference"),
        "once it is unpacked": (BASE, "unpacked"),
        "before pg_verifybackup": (BASE, "corrupt_files"),
        "before recovery": (BASE, "make_ready"),
        "while it recovers": (RECOVERY, "_arrival"),
        "at its point": (BASE, "held"),
        "before it goes on": (RESTORE, "after_point"),
        "at its end": (BASE, "broken_indexes"),
        "while pages are read": (BASE, "bad_pages"),
        "before the scratch is removed": (FLOW, "remove_scratch"),
    },
}


@pytest.mark.parametrize(
    "at",
    few(
        [f"{store}: {stage}" for store, stages in STAGES.items() for stage in stages],
        "dump: while pg_restore works",
    ),
)
def test_killed_there(shop: ProvenShop, at: str) -> None:
    """It proves the backup; what ran is ended, what lay there is gone, and live stores and backups are as they were."""
    store, _, stage = at.partition(": ")
    before = shop.live()
    reached = shop.folder / "reached"
    reached.unlink(missing_ok=True)
    said = shop.folder / "said"
    argv = [sys.executable, "-m", "tests.flows.proving.victim", str(shop.folder), store, *STAGES[store][stage]]
    with said.open("wb") as file:
        victim = subprocess.Popen(argv, cwd=ROOT, stdout=file, stderr=file)
    until = monotonic() + _WITHIN
    while not reached.exists() and victim.poll() is None and monotonic() < until:
        sleep(0.01)
    left = [one for one in shop.processes() if one.pid != victim.pid]
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    assert reached.exists(), said.read_text("utf-8")

    again = shop.verify(store)

    assert again.outcome.verdict is Verdict.PASS, (again.outcome.summary, again.outcome.details)
    assert [one for one in left if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
    assert shop.processes() == []
    assert list(shop.scratch.iterdir()) == []
    assert shop.live() == before
    events = shop.events()
    planned = [one.scratch for one in events if isinstance(one, ev.ScratchPlanned)]
    gone = [one.scratch for one in events if isinstance(one, ev.ScratchGone)]
    assert sorted(planned) == sorted(gone)
    began = [one.verification for one in events if isinstance(one, ev.VerificationBegan)]
    over = [one.verification for one in events if isinstance(one, ev.VerificationEnded)]
    assert began == over
