"""Each month has its drill, from the first Monday on that is no holiday; one that was begun is not due again."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tminus import events as ev
from tminus.drills.book import Drill, DrillsBook
from tminus.drills.course import Course
from tminus.drills.monthly import drill_of_month, due
from tminus.systems.change_calendar import Calendar

ONE = {"kind": "a.kind", "title": "T", "owner": "o", "rto": "1h", "rpo": "1h"}


def book(monthly: tuple[str, ...] = ("a", "b"), yearly: str | None = "everything") -> DrillsBook:
    """A book of three."""
    scenarios = {name: Drill.model_validate(ONE) for name in ("a", "b", "everything")}
    return DrillsBook(drills="house", title="H", monthly=monthly, yearly=yearly, scenarios=scenarios)


def began(at: datetime) -> ev.DrillBegan:
    """A drill of that moment."""
    return ev.DrillBegan(
        at=at,
        drill="d",
        scenario="a",
        kind="a.kind",
        environment="e",
        digests={},
        way={},
        before={},
        rto_s=Decimal(1),
        rpo_s=Decimal(1),
    )


def test_they_take_turns_and_january_has_the_full_one() -> None:
    """Twelve months of a year, and the first of the next."""
    months = [datetime(2026, month, 15, tzinfo=UTC) for month in range(1, 13)]
    played = [drill_of_month(book(), None, at) for at in [*months, datetime(2027, 1, 5, tzinfo=UTC)]]
    names = [one.name for one in played if one]
    assert names == ["everything", *["b", "a"] * 5, "b", "everything"]


def test_the_day_is_a_monday_that_is_no_holiday() -> None:
    """By the calendar's clock on the wall."""
    calendar = Calendar(time_zone="America/New_York", holidays=frozenset({date(2026, 9, 7)}))
    found = drill_of_month(book(), calendar, datetime(2026, 9, 20, tzinfo=UTC))
    assert found is not None
    assert found.at == datetime(2026, 9, 14, 4, tzinfo=UTC), "Labor Day is left to the next Monday"


@pytest.mark.parametrize(
    ("begun", "now", "wanted"),
    [
        ([], datetime(2026, 9, 6, 23, tzinfo=UTC), False),
        ([], datetime(2026, 9, 7, 0, tzinfo=UTC), True),
        ([], datetime(2026, 9, 29, tzinfo=UTC), True),
        ([datetime(2026, 9, 7, 1, tzinfo=UTC)], datetime(2026, 9, 7, 2, tzinfo=UTC), False),
        ([datetime(2026, 9, 1, tzinfo=UTC)], datetime(2026, 9, 7, 2, tzinfo=UTC), True),
        ([datetime(2026, 7, 6, tzinfo=UTC)], datetime(2026, 9, 7, 2, tzinfo=UTC), True),
    ],
)
def test_it_is_due_until_it_was_begun(begun: list[datetime], now: datetime, wanted: bool) -> None:
    """From its day on, once; one before that day does not count."""
    assert due(book(), None, Course([began(at) for at in begun]), now) is wanted


def test_a_book_without_monthly_drills_has_none_due() -> None:
    """But for the yearly one."""
    plain = book(monthly=())
    assert drill_of_month(plain, None, datetime(2026, 9, 15, tzinfo=UTC)) is None
    assert not due(plain, None, Course(), datetime(2026, 9, 15, tzinfo=UTC))
    assert drill_of_month(plain, None, datetime(2026, 1, 15, tzinfo=UTC)) is not None


def test_a_month_without_any_day_has_none() -> None:
    """A freeze of the whole month leaves nothing."""
    freeze = {"from": "2026-09-01 00:00", "to": "2026-10-01 00:00", "why": "audit"}
    calendar = Calendar.model_validate({"time_zone": "UTC", "freezes": [freeze]})
    assert drill_of_month(book(), calendar, datetime(2026, 9, 15, tzinfo=UTC)) is None
    assert drill_of_month(book(), calendar, datetime(2026, 9, 15, tzinfo=UTC) + timedelta(days=20)) is not None
