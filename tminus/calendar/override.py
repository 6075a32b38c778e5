"""Who may have something done outside the calendar, and what of it they override."""

from datetime import datetime, timedelta

from tminus.calendar.asking import barred, require_allowed
from tminus.environment import Environment
from tminus.errors import OutsideCalendar
from tminus.people import Person
from tminus.systems.change_calendar import Deed


def roles_that_override(environment: Environment, outside: str) -> tuple[str, ...]:
    """The roles of which one may override these rules; raises OutsideCalendar where nobody may."""
    if environment.calendar is None or not environment.calendar.override:
        raise OutsideCalendar(
            f"{outside}. Nobody may override that: name roles in the `calendar.override` of {environment.environment}"
        )
    return environment.calendar.override


def require_may_override(environment: Environment, person: Person, outside: str) -> None:
    """Raises OutsideCalendar where it is not that person who may."""
    roles = roles_that_override(environment, outside)
    if not set(person.roles) & set(roles):
        raise OutsideCalendar(
            f"{outside}. {person.name} may not override that; whoever is {' or '.join(roles)} may. Nothing was changed"
        )


def require_allowed_but(
    environment: Environment, deed: Deed, at: datetime, outside: str, lasts: timedelta = timedelta(0)
) -> None:
    """Raises OutsideCalendar where other rules bar it than those that were overridden, UsageError.

    Args:
        environment: whose calendar is asked.
        deed: what is to be begun.
        at: when.
        outside: the rules that were overridden; "" where none was.
        lasts: within which it must not run into anything, either.
    """
    if not outside or barred(environment, deed, at, lasts) not in {"", outside}:
        require_allowed(environment, deed, at, lasts=lasts)
