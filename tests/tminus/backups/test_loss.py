"""How much is lost, by marks: also by one that cannot be."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tminus.backups.contents import Marker
from tminus.backups.loss import loss

COPIED = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
NEEDED = COPIED + timedelta(hours=9)


def marked(**before: float) -> Marker:
    """A mark, so long before the copy."""
    return Marker(number=7, at=COPIED - timedelta(**before))


def test_it_is_counted_from_the_newest_mark() -> None:
    """To the moment for which it is asked."""
    [found], said = loss(NEEDED, marked(minutes=1), COPIED)
    assert (str(found), said) == ("loss 32460 s", [])


def test_without_a_mark_it_is_not_known() -> None:
    """And that is said."""
    found, [said] = loss(NEEDED, None, COPIED)
    assert found == []
    assert "`tminus mark`" in said


def test_a_mark_from_the_future_proves_nothing() -> None:
    """It would make any loss none: not measured, with the reason, so that it is unknown."""
    found, [said] = loss(NEEDED, marked(days=-300), COPIED)
    assert found == []
    assert "its newest mark is of 2027-09-18 03:00:00 UTC, and the copy of 2026-11-22 03:00:00 UTC" in said


def test_a_mark_may_come_into_it_while_it_is_copied() -> None:
    """What was written after the moment that the copy is of counts as lost."""
    assert loss(NEEDED, marked(minutes=-20), COPIED)[0] == []
    [found], said = loss(NEEDED, marked(minutes=-20), COPIED, COPIED + timedelta(minutes=30))
    assert (str(found), said) == ("loss 32400 s", [])


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_it_is_never_less_than_the_copys_age(before: float, age: float) -> None:
    """Whatever the mark says."""
    for one in loss(COPIED + timedelta(seconds=age), marked(seconds=before), COPIED)[0]:
        assert one.quantity is not None
        assert float(one.quantity.value) >= timedelta(seconds=age).total_seconds()
