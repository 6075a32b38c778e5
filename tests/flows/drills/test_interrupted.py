"""Whoever interrupts a drill finds all as it was; a process that slept through its lease touches nothing any more."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.drill_world import look
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.drill_estate import DrillEstate
from tests.flows.drills.playing import argv, course, drill, last, locked, said_otherwise
from tminus import events as ev

NAME = "database-failover"


@pytest.mark.parametrize(
    ("number", "stage"),
    [
        pytest.param(signal.SIGINT, "recover", id="Ctrl-C"),
        pytest.param(signal.SIGTERM, "inject", id="SIGTERM", marks=pytest.mark.long),
        pytest.param(signal.SIGHUP, "verify", id="a lost terminal", marks=pytest.mark.long),
        pytest.param(signal.SIGINT, "undo", id="Ctrl-C while it is undone", marks=pytest.mark.long),
    ],
)
def test_interrupted(estate: DrillEstate, number: signal.Signals, stage: ev.DrillStage) -> None:
    """It is undone, whatever it was at; exit status 1, and nobody has anything left to do."""
    before = look(estate)
    with playing(estate, stage) as process:
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
    played = last(estate, NAME)
    assert played.ended is not None, said
    assert look(estate) == before
    assert locked(estate) is None
    if stage == "undo":
        assert (process.returncode, played.ended.how) == (0, "held"), said
        assert "interrupted while it is undone, which goes on" in said
    else:
        assert (process.returncode, played.ended.how) == (1, "undone"), said
        assert "somebody interrupted it" in played.ended.sentence
        assert "acknowledged writes are lost" in played.ended.sentence


@pytest.mark.long
def test_told_twice(estate: DrillEstate) -> None:
    """The second Ctrl-C leaves it as it is; what brings it back is said, and does."""
    before = look(estate)
    slow = "cluster: main\n    patience: 20s"
    with said_otherwise(estate.book, "cluster: main", slow), playing(estate, "recover") as process:
        process.send_signal(signal.SIGINT)
        _until("undo" in last(estate, NAME).moments for _ in _ever())
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
        if process.returncode == 1:
            pytest.skip("it was undone before the second one came")
        assert process.returncode == 4, said
        assert f"To bring it back: tminus drill {NAME} --undo" in said
        assert drill(estate, NAME, "--undo").returncode in {0, 1}
    assert look(estate) == before
    assert locked(estate) is None


@pytest.mark.long
def test_a_kill_that_takes_effect_later(estate: DrillEstate) -> None:
    """An order to a cloud, say: interrupted in between, the drill waits for it, and undoes it."""
    before, text = look(estate), estate.environment_file.read_text("utf-8")
    later = "import subprocess, sys; subprocess.Popen(['sh', '-c', 'sleep 3; exec \"$@\"', 'sh', *sys.argv[1:]])"
    argv_of_kill = re.compile(r"(kill:\n +argv:\n)( +- )(?=.*\n(?:\2.*\n)*?\2kill\n\2pg-)")
    slow = argv_of_kill.sub(rf"\1\2{sys.executable}\n\2-c\n\2{json.dumps(later)}\n\2", text)
    assert slow.count("Popen") == 2
    with (
        said_otherwise(estate.environment_file, text, slow.replace("settles: 0s", "settles: 8s")),
        playing(estate, "inject") as process,
    ):
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert look(estate) == before
    time.sleep(3)
    assert look(estate) == before, "it took effect after it was called undone"


@pytest.mark.long
def test_nobody_listens_any_more(estate: DrillEstate) -> None:
    """A reader that goes away ends no drill."""
    process = subprocess.Popen(argv(estate, NAME), env=estate.seen(), cwd=CHECKOUT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    process.wait(60)
    ended = last(estate, NAME).ended
    assert ended is not None
    assert ended.how == "held", ended.sentence


@pytest.mark.long
def test_asleep_for_longer_than_its_lease(estate: DrillEstate) -> None:
    """Somebody else undoes it meanwhile; woken up it does nothing more, and there are never two that take writes."""
    before = look(estate)
    with playing(estate, "recover") as process:
        process.send_signal(signal.SIGSTOP)
        time.sleep(6)  # the lease of the estate is 5 s long
        came = drill(estate, NAME, "--undo")
        assert came.returncode in {0, 1}, came.stdout + came.stderr
        process.send_signal(signal.SIGCONT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode not in {0, 1}, said
    assert look(estate) == before
    assert len(course(estate, NAME).drills[-1].broke_off) == 0, "it wrote nothing any more"


@contextmanager
def playing(estate: DrillEstate, stage: ev.DrillStage) -> "Iterator[subprocess.Popen[str]]":
    """The block in which a drill of the database is in that stage, or has just left it."""
    before = len(course(estate, NAME).drills)
    process = subprocess.Popen(
        argv(estate, NAME),
        env=estate.seen(),
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        _until(
            (len(course(estate, NAME).drills) > before and stage in last(estate, NAME).moments) or process.poll()
            for _ in _ever()
        )
        assert process.poll() is None, process.communicate()[0]
        yield process
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGCONT)
            process.kill()
            process.wait()


def _ever() -> Iterator[None]:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        yield None
        time.sleep(0.005)
    pytest.fail("not within a minute")


def _until(looks: "Iterator[object]") -> None:
    next(one for one in looks if one)
