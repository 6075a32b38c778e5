"""`tminus drill` as a process of its own, and what its chain tells."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from deployments.rehearsal.binaries import CHECKOUT
from flows.drill_round import opened_drills
from tminus import events as ev
from tminus.drills.course import Course, Played
from tminus.drills.lever import Lever

_WITHIN = 120.0  # seconds


class Ground(Protocol):
    """Servers on which drills are played, with their environment and their book."""

    environment_file: Path
    book: Path
    plan: Path

    def seen(self) -> dict[str, str]:
        """What a process of a drill sees."""


def argv(estate: Ground, name: str, *words: str) -> list[str]:
    """What is typed."""
    files = ["--environment", str(estate.environment_file)]
    files += [] if "--runbook" in words else ["--runbook", str(estate.book)]
    return [sys.executable, "-m", "cli.main", "drill", name, *words, *files]


def drill(estate: Ground, name: str, *words: str) -> "subprocess.CompletedProcess[str]":
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


def course(estate: Ground, name: str) -> Course:
    """What the ledger knows of a scenario."""
    opened = opened_drills(estate.book, estate.environment_file)
    with closing(opened.store()) as store:
        return opened.course(store, name)


def last(estate: Ground, name: str) -> Played:
    """Its last drill."""
    return course(estate, name).drills[-1]


def locked(estate: Ground) -> str | None:
    """Who holds the environment."""
    opened = opened_drills(estate.book, estate.environment_file)
    with closing(opened.store()) as store:
        return store.locked_by("drills")


def pull(estate: Ground) -> None:
    """What `tminus drill --stop` does, in no time."""
    opened = opened_drills(estate.book, estate.environment_file)
    with closing(opened.store()) as store:
        Lever(store, opened.system, "drills").pull("on-call", "orders are late")


def count(estate: Ground, name: str) -> int:
    """How many drills of it there were."""
    return len(course(estate, name).drills)


def require_undone_after_a_kill(estate: Ground, name: str, stage: ev.DrillStage) -> None:
    """Kills one in a stage; the next one must undo and break nothing, and leave all as it was."""
    process = subprocess.Popen(argv(estate, name), env=estate.seen(), cwd=CHECKOUT, stdout=subprocess.DEVNULL)
    before = count(estate, name)
    try:
        until = time.monotonic() + 60
        while not (count(estate, name) > before and stage in last(estate, name).moments):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
    assert locked(estate) is not None, "nobody else may begin anything there"
    came = drill(estate, name)
    how, code = ("held", 0) if stage == "undo" else ("undone", 1)
    assert came.returncode == code, came.stdout + came.stderr
    assert "is undone, nothing more" in came.stdout
    played = last(estate, name)
    assert count(estate, name) == before + 1, "it broke something again"
    assert played.ended is not None
    assert played.ended.how == how
    assert played.ended.after == played.began.before
    assert locked(estate) is None


def machine(estate: Ground, deed: str, name: str) -> None:
    """One of the servers is switched, as by whoever has its switch."""
    words = [sys.executable, "-m", "deployments.rehearsal.machinectl", str(estate.plan), deed, name]
    subprocess.run(words, cwd=CHECKOUT, check=True)


@contextmanager
def said_otherwise(path: Path, old: str, new: str, *, everywhere: bool = False) -> Iterator[None]:
    """The block in which a file says something else, once or everywhere."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, -1 if everywhere else 1), "utf-8")
    try:
        yield
    finally:
        path.write_text(text, "utf-8")
