"""Which drill is due: each month its own, from the month's drill day on; once a year the full one."""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tminus.calendar.drill_days import drill_days
from tminus.drills.book import DrillsBook
from tminus.drills.course import Course
from tminus.systems.change_calendar import Calendar

_ANY_TIME = Calendar(time_zone="UTC")
_MONTHS = 12


class MonthsDrill(NamedTuple):
    """The scenario of a month, and from when on it is due, in UTC."""

    name: str
    at: datetime


def drill_of_month(book: DrillsBook, calendar: Calendar | None, at: datetime) -> MonthsDrill | None:
    """What the month in which `at` lies plays; None where the book says nothing of it, or the month has no drill day.

    The scenarios of `monthly` take turns, month after month. Raises UsageError where the sessions of an exchange are
    not known.
    """
    days = calendar or _ANY_TIME
    zone = ZoneInfo(days.time_zone)
    here = at.astimezone(zone)
    found = [day for day in drill_days(days, here.year) if day.at.astimezone(zone).month == here.month]
    if not found:
        return None
    if found[0].full and book.yearly is not None:
        return MonthsDrill(book.yearly, found[0].at)
    if not book.monthly:
        return None
    turn = here.year * _MONTHS + here.month - 1
    return MonthsDrill(book.monthly[turn % len(book.monthly)], found[0].at)


def due(book: DrillsBook, calendar: Calendar | None, course: Course, at: datetime) -> bool:
    """Whether this month's drill is still to be played: its day has come, and none was begun since.

    Args:
        book: the system's.
        calendar: the environment's; None where it may be changed at any time.
        course: of the month's scenario.
        at: now.
    """
    months = drill_of_month(book, calendar, at)
    if months is None or at < months.at:
        return False
    return not any(played.began.at >= months.at for played in course.drills)
