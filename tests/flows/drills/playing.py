"""`tminus drill` as a process of its own, and what its chain tells."""

import subprocess
import sys
from contextlib import closing

from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.drill_estate import DrillEstate
from flows.drill_round import opened_drills
from tminus.drills.course import Course, Played
from tminus.drills.lever import Lever

_WITHIN = 120.0  # seconds


def argv(estate: DrillEstate, name: str, *words: str) -> list[str]:
    """What is typed."""
    files = ["--environment", str(estate.environment_file)]
    files += [] if "--runbook" in words else ["--runbook", str(estate.book)]
    return [sys.executable, "-m", "cli.main", "drill", name, *words, *files]


def drill(estate: DrillEstate, name: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """To its end."""
    return subprocess.run(
        argv(estate, name, *words),
        env=estate.seen(),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=_WITHIN,
        check=False,
    )


def course(estate: DrillEstate, name: str) -> Course:
    """What the ledger knows of a scenario."""
    opened = opened_drills(estate.book, estate.environment_file)
    with closing(opened.store()) as store:
        return opened.course(store, name)


def last(estate: DrillEstate, name: str) -> Played:
    """Its last drill."""
    return course(estate, name).drills[-1]


def locked(estate: DrillEstate) -> str | None:
    """Who holds the environment."""
    opened = opened_drills(estate.book, estate.environment_file)
    with closing(opened.store()) as store:
        return store.locked_by("drills")


def pull(estate: DrillEstate) -> None:
    """What `tminus drill --stop` does, in no time."""
    opened = opened_drills(estate.book, estate.environment_file)
    with closing(opened.store()) as store:
        Lever(store, opened.system, "drills").pull("on-call", "orders are late")
