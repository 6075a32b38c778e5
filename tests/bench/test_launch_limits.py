"""Every figure of a launch has a limit, and one that is above it is said not to hold."""

import json
from dataclasses import replace

import pytest

from bench import launch_limits, watch
from bench.launch_limits import WayBack, decisions
from deployments.rehearsal.faults import FAULTS
from deployments.rehearsal.nginx import _TEMPLATE
from deployments.rehearsal.play import BOOK
from deployments.rehearsal.trading_builds import NEXT

WELL = WayBack(onset=100.0, decided=102.0, undone=102.5, last_bad=103.0, failed=30)


def test_a_usual_way_back_holds() -> None:
    """Four figures, all within their limits, each a line of JSON with a goal."""
    figures = [*WELL.figures(), *decisions([0.2] * 5, [0.01] * 5)]
    assert [one.figure for one in figures if not one.holds] == []
    lines = [json.loads(one.line()) for one in figures]
    assert all(line["goal"].startswith("<= ") and line["holds"] is True for line in lines)


@pytest.mark.parametrize(
    ("slow", "broken"),
    [
        (replace(WELL, decided=106.0, undone=106.5, last_bad=107.0), "onset_to_decision_ms"),
        (replace(WELL, undone=104.0), "decision_to_rollback_ms"),
        (replace(WELL, last_bad=113.0), "onset_to_last_bad_ms"),
        (replace(WELL, failed=200), "requests_failed"),
    ],
)
def test_a_late_way_back_does_not(slow: WayBack, broken: str) -> None:
    """The figure that is above its limit, and no other."""
    assert [one.figure for one in slow.figures() if not one.holds] == [broken]


@pytest.mark.parametrize("slow", [0, 1])
def test_a_slow_decision_does_not(slow: int) -> None:
    """One of twenty that takes as long as Slack waits breaks the 99th percentile."""
    times = [[0.2] * 20, [0.2] * 20]
    times[slow][3] = 3.1
    held = [one.holds for one in decisions(*times)]
    assert held == [slow == 1, slow == 0]


def test_the_limits_are_those_of_the_design() -> None:
    """Each number that a limit is made of is the one that the book, the estate and bench.watch have."""
    assert launch_limits.WITHIN_SAMPLES == watch.WITHIN
    assert f"every: {launch_limits.SAMPLING_MS:g} ms" in BOOK.read_text("utf-8")
    assert f"worker_shutdown_timeout {launch_limits.WORKERS_END_MS / 1000:g}s;" in _TEMPLATE.read_text("utf-8")
    assert FAULTS["bad-release"].services[NEXT].error_rate == launch_limits.FAILING
