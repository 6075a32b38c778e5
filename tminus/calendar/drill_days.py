"""On which days of a year drills are held: the first Monday of each month that is no holiday."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tminus.calendar.verdict import allowed_spans, is_holiday
from tminus.calendar.wall import whole_span
from tminus.systems.change_calendar import Calendar

_WEEK = timedelta(weeks=1)
_MONTHS = range(1, 13)


class DrillDay(NamedTuple):
    """When a month's drill begins, in UTC, and whether it is the yearly one of everything."""

    at: datetime
    full: bool


def first_day(calendar: Calendar, year: int, month: int) -> datetime | None:
    """The first moment of a month's first Monday at which a drill may begin; None where there is none in the month.

    A Monday that is a holiday, or on which no drill may begin, leaves it to the next. Raises UsageError where the
    sessions of an exchange are not known.
    """
    zone, day = ZoneInfo(calendar.time_zone), date(year, month, 1)
    day += timedelta(days=-day.weekday() % 7)
    while day.month == month:
        midnight = datetime.combine(day, time())
        whole = whole_span(zone, midnight, midnight + timedelta(days=1))
        if not is_holiday(calendar, day):
            for span in allowed_spans(calendar, "drill", *whole):
                return span.start
        day += _WEEK
    return None


def drill_days(calendar: Calendar, year: int) -> list[DrillDay]:
    """The drills of a year; the full one in the calendar's month for it, or in the next that has a day."""
    found = [at for month in _MONTHS if (at := first_day(calendar, year, month)) is not None]
    zone = ZoneInfo(calendar.time_zone)
    full = next((at for at in found if at.astimezone(zone).month >= calendar.full_drill), found[-1] if found else None)
    return [DrillDay(at.astimezone(UTC), at == full) for at in found]
