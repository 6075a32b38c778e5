"""A run that Prefect cancels undoes what it broke, and one whose process is killed is undone by the flow for that."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bench.drill_world import look
from deployments.rehearsal.addresses import plain
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.drill_estate import DrillEstate
from deployments.rehearsal.prefect_server import PrefectServer
from deployments.rehearsal.processes import Processes
from tests.flows.drills.playing import course, drill, last, locked
from tminus import events as ev

NAME = "cache-failover"
_CALL = """
import asyncio, sys
from flows.{flow} import {flow}
print(asyncio.run({flow}(*sys.argv[1:], return_state=True)).name)
"""


@dataclass(frozen=True)
class Prefect:
    """A server of its own, and what a flow's process sees."""

    estate: DrillEstate
    variables: dict[str, str]

    def begun(self, flow: str, *words: str) -> "subprocess.Popen[str]":
        """A flow, in a process of its own."""
        files = [str(self.estate.book), str(self.estate.environment_file)]
        return subprocess.Popen(
            [sys.executable, "-c", _CALL.format(flow=flow), *files, *words],
            env={**self.estate.seen(), **self.variables},
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture(scope="module")
def prefect(estate: DrillEstate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    """For all tests of this module."""
    server = PrefectServer.plan(tmp_path_factory.mktemp("prefect"))
    with Processes() as processes:
        server.start(processes)
        yield Prefect(estate, plain(server.address.environment()))


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "stage"), [(signal.SIGTERM, "recover"), (signal.SIGTERM, "undo"), (signal.SIGKILL, "recover")]
)
def test_a_run_that_is_ended(prefect: Prefect, number: signal.Signals, stage: ev.DrillStage) -> None:
    """SIGTERM, as Prefect sends it at a cancellation, undoes; after SIGKILL the flow `dr_undo` does, and only once."""
    estate, before = prefect.estate, look(prefect.estate)
    drills = len(course(estate, NAME).drills)
    process = prefect.begun("dr_drill", "", NAME)
    try:
        until = time.monotonic() + 60
        while len(course(estate, NAME).drills) == drills or stage not in last(estate, NAME).moments:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(number)
        said, _ = process.communicate(timeout=90)
    finally:
        process.kill()
    if number == signal.SIGKILL:
        assert last(estate, NAME).ended is None
        with prefect.begun("dr_undo") as undoing:
            said, _ = undoing.communicate(timeout=90)
        assert "Completed" in said.splitlines(), said
    ended = last(estate, NAME).ended
    assert ended is not None, said
    assert ended.how == ("held" if stage == "undo" else "undone"), said
    assert look(estate) == before
    assert locked(estate) is None


@pytest.mark.long
def test_what_runs_is_left_alone(prefect: Prefect) -> None:
    """The flow `dr_undo` finds nothing to undo while a drill is played."""
    estate = prefect.estate
    process = prefect.begun("dr_drill", "", NAME)
    try:
        while not course(estate, NAME).unproven:
            time.sleep(0.01)
        with prefect.begun("dr_undo") as undoing:
            said, _ = undoing.communicate(timeout=90)
        assert "Nothing to undo" in said.splitlines(), said
        assert "Held" in process.communicate(timeout=90)[0].splitlines()
    finally:
        process.kill()
        if course(estate, NAME).unproven:
            drill(estate, NAME, "--undo")
