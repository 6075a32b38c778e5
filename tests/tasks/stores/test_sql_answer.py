"""A value that a query gave is read as what the book expects, or not at all."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sql_answer import UNITS, measured, never
from tminus.clock import now
from tminus.errors import CouldNotObserve

ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(max_size=200),
    st.timedeltas(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
    st.binary(max_size=9),
    st.lists(st.integers(), max_size=2),
)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("value", 3, "value 3"),
        ("value", "0.25", "value 0.25"),
        ("value", Decimal("12.50"), "value 12.5"),
        ("ratio", 0.034, "ratio 3.4 %"),
        ("percent", 97.5, "percent 97.5 %"),
        ("seconds", 30, "seconds 30 s"),
        ("seconds", timedelta(minutes=2), "seconds 120 s"),
        ("seconds", "30s", "seconds 30 s"),
        ("seconds", "5m0s", "seconds 300 s"),
        ("seconds", "1min", "seconds 60 s"),
        ("milliseconds", "1.5s", "milliseconds 1500 ms"),
        ("milliseconds", "250ms", "milliseconds 250 ms"),
        ("milliseconds", 12.5, "milliseconds 12.5 ms"),
        ("milliseconds", timedelta(seconds=1), "milliseconds 1000 ms"),
        ("bytes", "64MB", "bytes 67108864 B"),
        ("bytes", "8kB", "bytes 8192 B"),
        ("bytes", "1 GiB", "bytes 1073741824 B"),
        ("bytes", 4096, "bytes 4096 B"),
        ("word", True, "word yes"),
        ("word", "scram-sha-256", "word scram-sha-256"),
    ],
)
def test_a_value_is_read_by_the_name_it_is_expected_under(name: str, value: object, said: str) -> None:
    """Numbers, intervals, and the texts that settings are shown in, each in its unit."""
    assert str(measured(name, value)) == said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seconds", "30"),
        ("seconds", "30 parsecs"),
        ("seconds", "3s and more"),
        ("bytes", "many"),
        ("value", "30s"),
        ("value", True),
        ("value", "NaN"),
        ("value", float("nan")),
        ("value", Decimal("Infinity")),
        ("value", 10**30),
        ("value", b"1"),
        ("value", timedelta(seconds=3)),
        ("ratio", None),
        ("word", 3),
        ("word", "x" * 81),
        ("word", "a\nb"),
        ("age", "yesterday"),
        ("age", 1_700_000_000),
    ],
)
def test_what_is_nothing_of_that_kind_is_unknown(name: str, value: object) -> None:
    """A value without a unit where one is wanted, or of another kind, is no measurement."""
    with pytest.raises(CouldNotObserve, match="the query gives"):
        measured(name, value)


def test_an_age_counts_in_utc_and_never_from_the_future() -> None:
    """Times with and without a zone, and dates; what lies ahead is a clock that is wrong, not a young backup."""
    zoned = now() - timedelta(hours=2)
    assert str(measured("age", zoned)).startswith("age 2 h")
    assert str(measured("age", zoned.astimezone(UTC).replace(tzinfo=None))).startswith("age 2 h")
    assert measured("age", date(2020, 1, 1)) != measured("age", date(2020, 1, 2))
    with pytest.raises(CouldNotObserve, match=r"24\.0 h ahead"):
        measured("age", now() + timedelta(hours=24))


def test_a_timeout_that_is_off_is_longer_than_any_limit() -> None:
    """It counts from 1970."""
    seconds, milliseconds = never("seconds").quantity, never("milliseconds").quantity
    assert seconds is not None
    assert milliseconds is not None
    assert seconds.value > timedelta(days=365 * 50).total_seconds()
    assert milliseconds.value == seconds.value * 1000


@given(st.sampled_from(sorted(UNITS)), ANY)
def test_any_value_is_measured_or_said_to_be_none(name: str, value: object) -> None:
    """Nothing that a database may give ends in anything else, and what is measured can be shown."""
    try:
        found = measured(name, value)
    except CouldNotObserve:
        return
    assert str(found).startswith(name)
    assert not (name == "age" and isinstance(value, datetime) and str(found).startswith("age -"))
