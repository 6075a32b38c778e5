"""The sessions of exchanges, as the exchange_calendars package knows them."""

from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from tminus.calendar.wall import Span
from tminus.errors import UsageError

_ABOUT = timedelta(days=45)  # asked for at once: making one takes 0.1 s whatever its length


class Day(NamedTuple):
    """A day on which an exchange trades, from its opening until its close; a break at noon belongs to it."""

    day: date
    span: Span


def exchange_days(code: str, first: date, last: date) -> list[Day]:
    """The days on which an exchange trades, from `first` to `last`, in their order.

    Raises UsageError for a code that is none, for days of which nothing is known yet, and, with what to install, where
    the package is missing.
    """
    found: list[Day] = []
    at = first.replace(day=1)
    while at <= last:
        found += (one for one in _month(code, at) if first <= one.day <= last)
        at = (at + timedelta(days=31)).replace(day=1)
    return found


@lru_cache(maxsize=256)
def _month(code: str, first: date) -> tuple[Day, ...]:
    try:
        import exchange_calendars
        from exchange_calendars.errors import InvalidCalendarName
    except ImportError as e:
        raise UsageError(
            f"the sessions of {code} are known to a package that is not installed: `pip install "
            "'exchange_calendars>=4.13'`, what pyproject.toml calls the extra `exchanges`; or give them by hand, "
            "as `calendar.sessions`"
        ) from e
    try:
        schedule = exchange_calendars.get_calendar(code, start=first - _ABOUT, end=first + _ABOUT).schedule
    except InvalidCalendarName as e:
        raise UsageError(f"calendar.exchanges: {code!r} is no exchange; codes are such as XNYS, XLON, XSWX") from e
    except ValueError as e:
        raise UsageError(
            f"the sessions of {code} in {first:%B %Y} are not known: {e} Update exchange_calendars, or give them by "
            "hand, as `calendar.sessions`"
        ) from e
    rows = ((one.Index.date(), one.open.to_pydatetime(), one.close.to_pydatetime()) for one in schedule.itertuples())
    return tuple(Day(day, Span(opens, closes)) for day, opens, closes in rows if _same_month(day, first))


def _same_month(one: date, other: date) -> bool:
    return (one.year, one.month) == (other.year, other.month)
