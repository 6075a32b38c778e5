"""A calendar says when something may be done, right across the changes of the clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.tminus.test_environment import PLAIN
from tminus.calendar.asking import require_allowed
from tminus.calendar.drill_days import drill_days, first_day
from tminus.calendar.verdict import Allowed, NotNow, allowed_spans, verdict, verdict_for
from tminus.environment import Environment
from tminus.errors import OutsideCalendar
from tminus.systems.change_calendar import Calendar, Deed

NEW_YORK = "America/New_York"
MINUTE = timedelta(minutes=1)
WORK = ["mon", "tue", "wed", "thu", "fri"]
MARKET = {"name": "the market", "days": WORK, "from": "09:30", "to": "16:00", "half_days": {"2026-11-27": "13:00"}}
FULL = Calendar.model_validate(
    {
        "time_zone": NEW_YORK,
        "sessions": [MARKET],
        "holidays": ["2026-11-26", "2026-09-07", "2027-01-01"],
        "freezes": [{"from": "2026-12-18T18:00", "to": "2027-01-04T08:00", "why": "the end of the year"}],
        "windows": [{"days": WORK, "from": "08:00", "to": "20:00"}],
        "deeds": {"rotation": {"windows": [], "in_sessions": True}},
        "full_drill": 3,
    }
)


def local(text: str) -> datetime:
    """A moment by New York's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK))


@pytest.mark.parametrize(
    ("at", "says", "until"),
    [
        ("2026-11-23T12:00", "the market trades", "2026-11-23T16:00"),
        ("2026-11-27T12:59", "the market trades", "2026-11-27T13:00"),
        ("2026-11-26T12:00", "no window", "2026-11-27T08:00"),
        ("2026-12-18T19:00", "the end of the year", "2027-01-04T08:00"),
        ("2026-11-28T12:00", "no window", "2026-11-30T08:00"),
    ],
)
def test_a_refusal_says_why_and_when_it_may_be(at: str, says: str, until: str) -> None:
    """In a session, on a half day, on a holiday, in a freeze, outside the windows."""
    found = verdict(FULL, "launch", local(at))
    assert isinstance(found, NotNow)
    assert says in found.why
    assert found.until == local(until)
    assert verdict(FULL, "launch", found.until) == Allowed()


@pytest.mark.parametrize(
    ("at", "minutes", "says", "until"),
    [
        ("2026-11-23T09:20", 12, "the market trades", "2026-11-23T16:00"),
        ("2026-11-23T19:50", 12, "no window", "2026-11-24T08:00"),
        ("2026-12-18T17:50", 12, "the end of the year", "2027-01-04T08:00"),
        ("2026-11-23T12:00", 12, "the market trades", "2026-11-23T16:00"),
        ("2026-11-24T05:00", 100, "no window", "2026-11-24T16:00"),
    ],
)
def test_what_lasts_must_be_over_before_anything_bars_it(at: str, minutes: int, says: str, until: str) -> None:
    """And the next moment is one after which there is time enough; a window of 90 minutes is none for 100."""
    found = verdict_for(FULL, "drill", local(at), minutes * MINUTE)
    assert isinstance(found, NotNow)
    assert says in found.why
    assert found.until == local(until)
    assert verdict_for(FULL, "drill", found.until, minutes * MINUTE) == Allowed()


def test_every_rule_in_its_way_is_named() -> None:
    """So that whoever overrides one has heard of all: a session that ends, then a freeze that begins."""
    both = FULL.model_copy(
        update={
            "windows": (),
            "freezes": Calendar.model_validate(
                {
                    "time_zone": NEW_YORK,
                    "freezes": [{"from": "2026-11-23T16:30", "to": "2026-11-24T08:00", "why": "a move"}],
                }
            ).freezes,
        }
    )
    found = verdict_for(both, "drill", local("2026-11-23T15:50"), 60 * MINUTE)
    assert isinstance(found, NotNow)
    assert "the market trades until Mon 2026-11-23 16:00 EST" in found.why
    assert "a move" in found.why
    short = verdict_for(both, "drill", local("2026-11-23T15:50"), 20 * MINUTE)
    assert isinstance(short, NotNow)
    assert "a move" not in short.why


@settings(max_examples=25, deadline=None)
@given(begin=st.integers(0, 7 * 24 * 60), lasts=st.integers(0, 300))
def test_what_lasts_is_what_a_walk_over_its_minutes_finds(begin: int, lasts: int) -> None:
    """Allowed just where each minute of it is."""
    at = local("2026-11-23T00:00") + begin * MINUTE
    every = (verdict(FULL, "drill", at + n * MINUTE) == Allowed() for n in range(max(lasts, 1)))
    assert (verdict_for(FULL, "drill", at, lasts * MINUTE) == Allowed()) == all(every)


@pytest.mark.parametrize("at", ["2026-11-23T16:00", "2026-11-27T13:00", "2026-11-23T09:29:59"])
def test_outside_of_all_that_it_is_allowed(at: str) -> None:
    """A session's end belongs to it no more, a half day's neither."""
    assert verdict(FULL, "launch", local(at)) == Allowed()


def test_a_deed_may_have_rules_of_its_own() -> None:
    """A rotation goes on at night and while the market trades; in a freeze it does not."""
    assert verdict(FULL, "rotation", local("2026-11-23T12:00")) == Allowed()
    assert isinstance(verdict(FULL, "rotation", local("2026-12-20T03:00")), NotNow)


def test_where_it_never_opens_there_is_no_next_moment() -> None:
    """It is not searched for without an end."""
    always = {"name": "m", "days": [*WORK, "sat", "sun"], "from": "00:00", "to": "24:00"}
    found = verdict(Calendar.model_validate({"time_zone": "UTC", "sessions": [always]}), "launch", local("2026-11-23"))
    assert isinstance(found, NotNow)
    assert found.until is None


def test_a_drill_is_on_the_first_monday_that_is_no_holiday() -> None:
    """Labor Day leaves it to the next; the full one is in March; before the market opens."""
    assert first_day(FULL, 2026, 9) == local("2026-09-14T08:00")
    drills = drill_days(FULL, 2026)
    assert [one.at.month for one in drills] == list(range(1, 13))
    assert [one.at for one in drills if one.full] == [local("2026-03-02T08:00")]


def test_an_environment_without_a_calendar_refuses_nothing() -> None:
    """And one with it does, but for an emergency."""
    require_allowed(Environment.model_validate(PLAIN), "launch", local("2026-11-23T12:00"))
    environment = Environment.model_validate({**PLAIN, "calendar": FULL.model_dump(mode="json", by_alias=True)})
    with pytest.raises(OutsideCalendar, match=r"no launch may be .*2026-11-23 16:00 EST \(2026-11-23 21:00 UTC\)"):
        require_allowed(environment, "launch", local("2026-11-23T12:00"))
    require_allowed(environment, "launch", local("2026-11-23T12:00"), emergency=True)


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"time_zone": "Mars/Base"}, "no time zone"),
        ({"time_zone": "UTC", "windows": [{"days": ["mon"], "from": "9", "to": "10:00"}]}, "no time of day"),
        ({"time_zone": "UTC", "freezes": [{"from": "2026-12-02", "to": "2026-12-01", "why": "x"}]}, "before it begins"),
        ({"time_zone": "UTC", "sessions": [{**MARKET, "half_days": {"2026-11-27": "18:00"}}]}, "is not between"),
    ],
)
def test_a_mistake_in_it_is_found(section: dict[str, object], says: str) -> None:
    """Before anything rests on it."""
    with pytest.raises(ValidationError, match=says):
        Calendar.model_validate(section)


WALL = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
WEEKLY = st.fixed_dictionaries(
    {"days": st.lists(st.sampled_from([*WORK, "sat", "sun"]), min_size=1, unique=True), "from": WALL, "to": WALL}
)
CHANGES = [
    (NEW_YORK, "2026-03-07"),
    (NEW_YORK, "2026-10-31"),
    ("Europe/Zurich", "2026-10-24"),
    ("Australia/Lord_Howe", "2026-04-04"),
    ("Asia/Kathmandu", "2026-05-01"),
]


def slow(calendar: Calendar, at: datetime) -> bool:
    """The rules, read off the clock on the wall at one moment."""
    shown = at.astimezone(ZoneInfo(calendar.time_zone)).replace(tzinfo=None)

    def within(one: object, day: datetime) -> bool:
        begins, ends = one.begins, one.ends  # type: ignore[attr-defined]
        ends += timedelta(days=1) if ends <= begins else timedelta(0)
        return f"{day:%a}".lower() in one.days and day + begins <= shown < day + ends  # type: ignore[attr-defined]

    midnight = shown.replace(hour=0, minute=0, second=0)
    days = [midnight, midnight - timedelta(days=1)]
    traded = any(within(one, day) for one in calendar.sessions for day in days)
    opened = not calendar.windows or any(within(one, day) for one in calendar.windows for day in days)
    return opened and not traded


@settings(max_examples=25, deadline=None)
@given(place=st.sampled_from(CHANGES), windows=st.lists(WEEKLY, max_size=2), sessions=st.lists(WEEKLY, max_size=1))
def test_it_is_what_a_walk_minute_by_minute_finds(
    place: tuple[str, str], windows: list[dict[str, object]], sessions: list[dict[str, object]]
) -> None:
    """Over three days around a change of the clock, where times are shown twice, or never."""
    zone, begin = place
    named = [{"name": "m", **one} for one in sessions]
    calendar = Calendar.model_validate({"time_zone": zone, "windows": windows, "sessions": named})
    first = datetime.fromisoformat(begin).replace(tzinfo=UTC)
    minutes = [first + MINUTE * n for n in range(3 * 24 * 60)]
    deed: Deed = "launch"
    spans = list(allowed_spans(calendar, deed, first, minutes[-1] + MINUTE))
    found = {at for span in spans for at in minutes if span.holds(at)}
    assert found == {at for at in minutes if slow(calendar, at)}
    asked = verdict(calendar, deed, first)
    if isinstance(asked, NotNow) and asked.until is not None and asked.until <= minutes[-1]:
        assert asked.until == min(found)
