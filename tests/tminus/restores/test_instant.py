"""The instant to go back to: whatever the zone, and never without one."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tminus.errors import UsageError
from tminus.restores.instant import parse_instant

AT = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(2000, 1, 1), datetime(2026, 11, 20)), ZONES)  # noqa: DTZ001 - the zone comes beside it
def test_a_moment_is_the_same_in_every_zone(moment: datetime, zone: timezone) -> None:
    """What is written with a zone is that moment, in UTC."""
    written = moment.replace(tzinfo=zone)
    found = parse_instant(written.isoformat(), AT)
    assert found == written
    assert found.utcoffset() == timedelta(0)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2999, 1, 1)))  # noqa: DTZ001 - that is what is tested
def test_without_a_zone_it_is_refused(moment: datetime) -> None:
    """An hour's mistake would lose an hour's data."""
    with pytest.raises(UsageError, match="has no zone"):
        parse_instant(moment.isoformat(), AT)


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_past_moment_or_refused(text: str) -> None:
    """Nothing else comes out."""
    try:
        found = parse_instant(text, AT)
    except UsageError:
        return
    assert found <= AT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-22T18:00:01Z", "1 s to come"),
        ("0001-01-01T00:00:00+23:00", "beyond what a calendar holds"),
        ("noon", "is no time"),
    ],
)
def test_it_says_what_is_wrong(text: str, said: str) -> None:
    """In a sentence."""
    with pytest.raises(UsageError, match=said):
        parse_instant(text, AT)
