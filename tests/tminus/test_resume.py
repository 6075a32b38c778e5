"""What a resume lets go of: what its author could see held, by the ledger's order and by clocks that can be trusted."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.tminus.ledger.recorded import ended, record_of, stored
from tminus import events as ev
from tminus.ordering import seen_by
from tminus.outcome import Outcome
from tminus.record import Record

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def held(seconds: float, why: str = "no data") -> ev.Held:
    """Tminus holds, so many seconds from noon."""
    return ev.Held(why=why, at=NOON + timedelta(seconds=seconds))


def hold(seconds: float, person: str = "devops", via: ev.Via = "slack") -> ev.Ordered:
    """A person holds, so many seconds from noon by the clock of whoever wrote it down."""
    return ev.Ordered(order="hold", person=person, via=via, at=NOON + timedelta(seconds=seconds))


def resume(seen: int | None) -> ev.Ordered:
    """By somebody who saw so many events."""
    return ev.Ordered(order="resume", person="devops", via="slack", seen=seen, at=NOON)


@pytest.mark.parametrize(
    ("events", "seen"),
    [
        ([], 0),
        ([held(-2), held(-1)], 2),
        ([held(-2), held(1)], 1),
        ([held(1), held(-2)], 0),
        ([held(-2), hold(-1), hold(1), held(2)], 2),
        ([held(-2), hold(200, via="command line")], 1),
        ([held(-2), hold(200, via="command line"), held(-1)], 3),
        ([held(-2), held(1), hold(-100, via="command line")], 1),
    ],
    ids=["nothing", "all", "one", "order", "people", "a fast laptop", "a fast laptop, proven", "a slow laptop"],
)
def test_what_was_there_by_a_moment(events: list[ev.Event], seen: int) -> None:
    """Nothing that tminus wrote down later, and nothing behind that; a person's own clock proves little."""
    record = Record.of(stored(*events))
    assert seen_by(record, NOON) == seen


def test_later_holds_stand_and_their_steps_are_not_tried_again() -> None:
    """By the number that the resume itself carries, whoever reads it and whenever."""
    failed = Outcome.failed("not as expected")
    before = [ended("a", failed), ev.Held(why="a", step="a"), ended("b", failed), ev.Held(why="b", step="b"), hold(0)]
    record = record_of(*before, resume(2))
    assert [one.step for one in record.holding] == ["b", ""]
    assert (record.retries, record.step("a").outcome, record.step("b").outcome) == ({"a": 1}, None, failed)
    assert record_of(*before, resume(5)).held is None
    assert record_of(*before, resume(None)).held is None
    assert len(record_of(*before, resume(0)).holding) == 3
