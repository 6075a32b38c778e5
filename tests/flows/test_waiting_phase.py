"""Which phase somebody should be conducting now, from the record alone."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.watchdog import waiting_phase
from tminus import events as ev
from tminus.record import Record

T0 = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
PHASES = {
    "T-4h": T0 - timedelta(hours=4),
    "T-15m": T0 - timedelta(minutes=15),
    "T-0": T0,
    "T+4h": T0 + timedelta(hours=4),
}


def record_of(*events: ev.Event) -> Record:
    """A launch whose phases are scheduled, and what happened then."""
    record = Record()
    for phase, due in PHASES.items():
        record.take(ev.PhaseScheduled(phase=phase, due=due, run="", token=0))
    for event in events:
        record.take(event)
    return record


def started(phase: str) -> ev.PhaseStarted:
    """A conductor took it up."""
    return ev.PhaseStarted(phase=phase, holder="", token=1)


def ended(phase: str) -> ev.PhaseEnded:
    """It is over."""
    return ev.PhaseEnded(phase=phase)


def order(what: ev.Order) -> ev.Ordered:
    """A person's order."""
    return ev.Ordered(order=what, person="devops-1", via="slack")


DONE = [event for phase in ("T-4h", "T-15m", "T-0") for event in (started(phase), ended(phase))]
CHANGE = ev.StepIntended(
    step="switch", attempt=1, token=1, deadline=T0, does="x", before="y", undo={"to": "blue"}, undo_summary="back"
)
CLOSED = ev.LaunchClosed(result="launched", sentence=".")


@pytest.mark.parametrize(
    ("events", "moment", "phase"),
    [
        ([], T0 - timedelta(hours=5), None),
        ([], T0 - timedelta(hours=4), "T-4h"),
        ([started("T-4h")], T0 - timedelta(hours=4), "T-4h"),
        ([started("T-4h"), ended("T-4h")], T0 - timedelta(hours=3), None),
        ([started("T-4h"), ended("T-4h")], T0, "T-15m"),
        ([started("T-4h"), ended("T-4h"), started("T-15m")], T0, "T-15m"),
        (DONE, T0 + timedelta(hours=3), None),
        (DONE, T0 + timedelta(hours=4), "T+4h"),
        ([order("scrub")], T0 - timedelta(hours=5), "T-4h"),
        ([*DONE, CHANGE, order("rollback")], T0 + timedelta(hours=1), "T-0"),
        ([*DONE, CHANGE, order("rollback"), CLOSED], T0 + timedelta(hours=5), None),
    ],
)
def test_the_phase_that_wants_a_conductor(events: list[ev.Event], moment: datetime, phase: str | None) -> None:
    """The one begun and not ended; between phases nobody, until the next one's time; the way back wants one at once."""
    assert waiting_phase(record_of(*events), moment) == phase


def test_a_way_back_that_was_gone_still_wants_its_end_written() -> None:
    """A conductor lost between the last undo and the end is followed by one that writes the end, and goes nowhere."""
    gone = [
        *DONE,
        CHANGE,
        ev.RollbackBegan(why="breach", by="tminus"),
        ev.RollbackEnded(proven=True, said="the old version serves"),
    ]
    record = record_of(*gone)
    assert waiting_phase(record, T0 + timedelta(minutes=1)) == "T-0"
    assert record.must_roll_back
