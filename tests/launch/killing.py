"""The process that conducts a launch, killed -9 at a moment that its record tells."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from deployments.rehearsal.fault_file import PlatformFaults, write_faults
from tests.launch.stage import Launched, Stage, read_lines, wait_for
from tminus.record import Record

_SLOW_START = 3.0  # seconds that an instance of the new version takes to start


@contextmanager
def slow_to_start(stage: Stage) -> Iterator[None]:
    """Inside the block a roll-out takes long enough to be met in its middle."""
    faults = stage.estate.trading.address.faults
    write_faults(faults, {}, PlatformFaults(start_delay=_SLOW_START))
    try:
        yield
    finally:
        write_faults(faults, {}, PlatformFaults())


def kill_conductor(launched: Launched, when: Callable[[Record], bool], what: str) -> None:
    """Waits for the moment, kills whoever conducts, and waits until another process does."""
    wait_for(lambda: when(launched.record()) or launched.process.poll() is not None, what, 90)
    pid, token = launched.conductor(), launched.token()
    assert pid, f"nobody conducts when {what}"
    os.kill(pid, signal.SIGKILL)
    wait_for(
        lambda: launched.token() > token and launched.conductor() not in {0, pid}, f"somebody else conducts: {what}"
    )


def kill_in_the_roll_out(stage: Stage, launched: Launched) -> None:
    """Kills whoever conducts when the new version's instances were asked for and are not there yet."""
    deployments = stage.estate.trading.address.deployments
    already = len(read_lines(deployments))
    kill_conductor(
        launched,
        lambda record: under_way(record, "roll-out") and len(read_lines(deployments)) > already,
        "the roll-out is under way",
    )


def under_way(record: Record, step: str) -> bool:
    """Whether a step was begun and has not ended."""
    state = record.step(step)
    return state.intended is not None and state.outcome is None


def asked(record: Record, step: str) -> bool:
    """Whether people are being asked."""
    return any(ask.opened.step == step and ask.ended is None for ask in record.asks.values())


def sampled(record: Record) -> bool:
    """Whether the watch has written some of what it saw, and has not decided."""
    return len(record.samples) > 0 and record.watch_decided is None
