"""What else goes on while a database is restored: a verification, another restore, the person who approves."""

import os
import re
import subprocess
import sys
from contextlib import closing
from time import monotonic, sleep

import pytest

from tests.flows.restores.desk import ROOT
from tests.flows.restores.room import Room
from tminus import events as ev
from tminus.clock import now
from tminus.lease import take
from tminus.ledger.store import Entry

GONE, THERE = 0, 900  # orders, in what is live and in the backup


_WITHIN = 30.0  # seconds


@pytest.mark.long
def test_while_backups_are_verified(room: Room) -> None:
    """The plan says so; a copy that has to wait for that is written down as such, and made later."""
    opened = room.opened()
    began = ev.VerificationBegan(
        verification="one", system="shop", environment="test", digests={}, stores=("database",)
    )
    with closing(opened.store()) as store:
        token = take(store, opened.chain, 60)
        store.append(Entry(opened.chain, ev.write(began), token))
        told = room.restore("database", now().isoformat(), "--dry-run")
        assert re.search(r"meanwhile +a verification of the backups runs", told.output), told.output
        chain = room.asked(unsaved="it is empty")
        room.approved(chain)
        found = room.restore("--resume")
        assert (found.exit_code, "the backups are being verified" in found.output) == (3, True), found.output
        assert room.verdicts(chain) == {"halted": "pass", "save": "pass", "beside": "unknown"}
        store.give_lease_back(opened.chain, token)
    assert room.restore("--resume").exit_code == 0
    assert room.orders() == THERE


def test_beside_nothing_else(room: Room) -> None:
    """A second one is refused, and so is a launch: by the environment's lock."""
    room.asked()
    found = room.restore("database", now().isoformat(), "--yes", key="lead")
    assert found.exit_code == 3
    assert "`tminus restore --resume` goes on with it" in found.output


@pytest.mark.long
def test_who_asks_waits_for_the_other(room: Room) -> None:
    """`tminus restore` from the asking to the switch, in one process, approved from another."""
    files = ["--runbook", "backups.yaml", "--environment", "environment.yaml", "--people", "people.yaml"]
    argv = [
        sys.executable,
        "-m",
        "cli.main",
        "restore",
        "database",
        now().isoformat(),
        *files,
        "--yes",
        "--key",
        "asker",
    ]
    with (room.folder / "said").open("wb") as file:
        asking = subprocess.Popen(
            argv, cwd=room.folder, stdout=file, stderr=file, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
    until = monotonic() + _WITHIN
    while room.holder() is None and monotonic() < until and asking.poll() is None:
        sleep(0.05)
    chain = room.holder()
    assert chain is not None, (room.folder / "said").read_text("utf-8")
    assert room.approved(chain).exit_code == 0
    assert asking.wait(_WITHIN) == 0, (room.folder / "said").read_text("utf-8")
    assert room.orders() == THERE
