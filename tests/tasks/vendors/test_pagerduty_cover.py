"""Who is on call when, worked out from shifts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.pagerduty_cover import doubled, gaps, whole_days
from tasks.pagerduty_records import ContactMethod, NotificationRule, OnCall, Policy

BEGIN = datetime(2026, 11, 22, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
END = BEGIN + 7 * DAY


def shift(begin: float | None, end: float | None, person: str = "PANNA", level: int = 1) -> OnCall:
    """A shift by hours from the beginning of the week."""
    return OnCall.model_validate(
        {
            "user": {"id": person},
            "escalation_policy": {"id": "PVATIC"},
            "escalation_level": level,
            "start": None if begin is None else BEGIN + HOUR * begin,
            "end": None if end is None else BEGIN + HOUR * end,
        }
    )


@pytest.mark.parametrize(
    ("shifts", "missing", "days"),
    [
        ([(None, None)], [], 7),
        ([(-10, 168)], [], 7),
        ([(-10, 100), (100, 300)], [], 7),
        ([(50, 200), (-10, 60)], [], 7),
        ([], [(0, 168)], 0),
        ([(-10, -1)], [(0, 168)], 0),
        ([(200, 300)], [(0, 168)], 0),
        ([(-10, 100), (101, 300)], [(100, 101)], 6),
        ([(-10, 24), (48, 300)], [(24, 48)], 6),
        ([(-10, 23), (25, 300)], [(23, 25)], 5),
        ([(1, 167)], [(0, 1), (167, 168)], 5),
        ([(10, 10), (None, 5)], [(5, 168)], 0),
    ],
)
def test_gaps_are_the_times_nobody_covers(
    shifts: list[tuple[float | None, float | None]], missing: list[tuple[int, int]], days: int
) -> None:
    """In order, within the week; a day with any gap in it is not covered wholly."""
    found = gaps([shift(*one) for one in shifts], BEGIN, END)

    assert [((gap.begin - BEGIN) / HOUR, (gap.end - BEGIN) / HOUR) for gap in found] == missing
    assert whole_days(found, BEGIN, 7) == days


@given(st.lists(st.tuples(st.integers(-20, 190), st.integers(0, 60)), max_size=12))
def test_every_hour_is_in_a_shift_or_in_a_gap(spans: list[tuple[int, int]]) -> None:
    """And never in both, whatever the shifts are."""
    found = gaps([shift(begin, begin + length) for begin, length in spans], BEGIN, END)

    for hour in range(168):
        at = BEGIN + HOUR * hour
        covered = any(begin <= hour < begin + length for begin, length in spans)
        assert covered != any(gap.begin <= at < gap.end for gap in found)


@pytest.mark.parametrize(
    ("one", "other", "levels"),
    [
        ((0, 10, "PANNA", 1), (5, 15, "PANNA", 2), {1, 2}),
        ((None, None, "PANNA", 1), (100, 101, "PANNA", 3), {1, 3}),
        ((0, 10, "PANNA", 1), (10, 20, "PANNA", 2), set()),
        ((0, 10, "PANNA", 1), (0, 10, "PBORIS", 2), set()),
        ((0, 10, "PANNA", 1), (5, 15, "PANNA", 1), set()),
    ],
)
def test_a_person_at_two_levels_at_once_is_found(
    one: tuple[int, int, str, int], other: tuple[int, int, str, int], levels: set[int]
) -> None:
    """Only where both shifts have a moment in common, and whichever comes first."""
    for shifts in ((one, other), (other, one)):
        found = doubled([shift(*each) for each in shifts])
        assert set().union(*found.values()) == levels


@pytest.mark.parametrize(
    ("kind", "blacklisted", "wakes"),
    [
        ("phone_contact_method", None, True),
        ("sms_contact_method", False, True),
        ("push_notification_contact_method", None, True),
        ("phone_contact_method", True, False),
        ("email_contact_method", None, False),
        ("whatsapp_contact_method", None, False),
    ],
)
def test_mail_wakes_nobody(kind: str, blacklisted: bool | None, wakes: bool) -> None:
    """Nor does a number that PagerDuty does not call any more."""
    assert ContactMethod(type=kind, blacklisted=blacklisted).wakes is wakes


@pytest.mark.parametrize(
    ("kind", "urgency", "starts", "minutes", "wakes"),
    [
        ("phone", "high", 0, 10, True),
        ("sms", "high", 9, 10, True),
        ("push_notification", "high", 10, 10, False),
        ("phone", "high", 30, 10, False),
        ("phone", "low", 0, 10, False),
        ("email", "high", 0, 10, False),
        ("phone", "high", 0, None, True),
        ("phone", "high", 1, None, False),
    ],
)
def test_a_rule_rings_before_the_next_level_is_paged(
    kind: str, urgency: str, starts: int, minutes: int | None, wakes: bool
) -> None:
    """For urgent incidents alone; where nobody says when the next level is, only what rings at once counts."""
    method = ContactMethod(type=f"{kind}_contact_method")
    rule = NotificationRule(urgency=urgency, start_delay_in_minutes=starts, contact_method=method)

    assert rule.wakes_within(minutes) is wakes


@pytest.mark.parametrize(("level", "minutes"), [(1, 5), (2, 30), (3, None), (0, None), (-1, None)])
def test_each_level_has_its_own_time(level: int, minutes: int | None) -> None:
    """A level that the policy does not have has none."""
    rules = [{"escalation_delay_in_minutes": one, "targets": []} for one in (5, 30)]

    assert Policy.model_validate({"id": "P", "name": "x", "escalation_rules": rules}).next_after(level) == minutes
