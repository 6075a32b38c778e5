"""The one question that whatever changes an environment asks its calendar."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tminus.calendar.verdict import HORIZON, NotNow, verdict_for
from tminus.clock import show_duration
from tminus.environment import Environment
from tminus.errors import OutsideCalendar, UsageError
from tminus.systems.change_calendar import Deed

_AT_ONCE = timedelta(0)


def require_allowed(
    environment: Environment, deed: Deed, at: datetime, *, lasts: timedelta = _AT_ONCE, emergency: bool = False
) -> None:
    """Raises OutsideCalendar, with the reason and the next allowed moment, where the calendar says no.

    An emergency is never refused. Raises UsageError where the sessions of an exchange are not known.

    Args:
        environment: whose calendar is asked.
        deed: what is to be begun.
        at: when.
        lasts: within which it must not run into anything, either.
        emergency: whether the calendar counts at all.
    """
    if not emergency and environment.calendar is not None:
        found = verdict_for(environment.calendar, deed, at, lasts)
        if isinstance(found, NotNow):
            raise OutsideCalendar(_said(environment, environment.calendar.time_zone, deed, at, lasts, found))


def barred(environment: Environment, deed: Deed, at: datetime, lasts: timedelta = _AT_ONCE) -> str:
    """The rules alone that bar a deed, by their names; "" where none does. Raises UsageError like `require_allowed`."""
    if environment.calendar is None:
        return ""
    found = verdict_for(environment.calendar, deed, at, lasts)
    return found.why if isinstance(found, NotNow) else ""


def why_not_allowed(environment: Environment, deed: Deed, at: datetime) -> str | None:
    """What `require_allowed` says, or why the calendar cannot be read; None where the calendar lets it be done."""
    try:
        require_allowed(environment, deed, at)
    except (OutsideCalendar, UsageError) as e:
        return str(e)
    return None


def moment_said(at: datetime, time_zone: str) -> str:
    """A moment by the clock on the wall there, and in UTC."""
    return f"{at.astimezone(ZoneInfo(time_zone)):%a %Y-%m-%d %H:%M %Z} ({at.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"


def _said(environment: Environment, time_zone: str, deed: Deed, at: datetime, lasts: timedelta, found: NotNow) -> str:
    following = (
        f"it may be at {moment_said(found.until, time_zone)} at the earliest"
        if found.until
        else f"nor may it be in the {HORIZON.days} days after that: mend `calendar` in the environment file"
    )
    where = f"the calendar of {environment.environment}"
    moment = moment_said(at, time_zone) + (f", which may take {show_duration(lasts)}" if lasts else "")
    return f"by {where} no {deed} may be at {moment}: {found.why}; {following}. Nothing was changed"
