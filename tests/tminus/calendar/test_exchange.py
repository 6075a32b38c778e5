"""The sessions of exchanges, where the package that knows them is installed, and what is said where it is not."""

import sys
from datetime import UTC, date, datetime

import pytest

from tminus.calendar import exchange
from tminus.calendar.verdict import Allowed, NotNow, is_holiday, verdict
from tminus.errors import UsageError
from tminus.systems.change_calendar import Calendar

NEW_YORK = Calendar.model_validate({"time_zone": "America/New_York", "exchanges": ["XNYS"]})


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the way without it."""
    exchange._month.cache_clear()
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    with pytest.raises(UsageError, match=r"extra `exchanges`.*by hand"):
        verdict(NEW_YORK, "launch", datetime(2026, 11, 23, 17, 0, tzinfo=UTC))


def test_an_exchange_has_its_holidays_and_half_days() -> None:
    """New York at Thanksgiving 2026: closed on Thursday, until 13:00 on Friday."""
    pytest.importorskip("exchange_calendars")
    assert is_holiday(NEW_YORK, date(2026, 11, 26))
    noon = verdict(NEW_YORK, "launch", datetime(2026, 11, 27, 17, 0, tzinfo=UTC))
    assert isinstance(noon, NotNow)
    assert noon.until == datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
    assert verdict(NEW_YORK, "launch", datetime(2026, 11, 26, 17, 0, tzinfo=UTC)) == Allowed()
    with pytest.raises(UsageError, match="no exchange"):
        exchange.exchange_days("XFOO", date(2026, 11, 26), date(2026, 11, 26))
