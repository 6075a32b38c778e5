"""When an environment may be changed: its time zone, trading sessions, holidays, freezes, and weekly windows."""

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from tminus.systems.section import Section

Deed = Literal["launch", "rotation", "drill"]
"""What a calendar is asked about."""
DEEDS: dict[str, Deed] = {"launch": "launch", "rotation": "rotation", "drill": "drill"}
"""By their names."""
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of `date.weekday()`."""
_WALL = r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$"


def _wall_time(text: object) -> timedelta:
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not re.match(_WALL, text):
        raise ValueError(f"{text!r} is no time of day, such as '09:30', '17:00' or '24:00'")
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def show_wall_time(since_midnight: timedelta) -> str:
    """`09:30`, as the file has it."""
    hours, rest = divmod(since_midnight, timedelta(hours=1))
    return f"{hours:02}:{rest // timedelta(minutes=1):02}"


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as e:
        raise ValueError(f"{name!r} is no time zone of the IANA database, such as 'Europe/Zurich' or 'UTC'") from e
    return name


WallTime = Annotated[
    timedelta,
    BeforeValidator(_wall_time),
    PlainSerializer(show_wall_time, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _WALL, "examples": ["09:30", "24:00"]}),
]
"""What the clock on the wall shows, as the time since it showed midnight."""
ZoneName = Annotated[str, AfterValidator(_zone)]


class Weekly(Section):
    """A stretch of some days of the week.

    Attributes:
        days: on which it begins.
        begins, ends: by the clock on the wall; one that does not end after it begins ends on the next day.
    """

    days: Annotated[tuple[Day, ...], Field(min_length=1)]
    begins: WallTime = Field(alias="from")
    ends: WallTime = Field(alias="to")


class Window(Weekly):
    """When something may be done.

    Attributes:
        holidays: whether it opens on a holiday too.
    """

    holidays: bool = False


class TradingSession(Weekly):
    """A market's session, given by hand; it is not held on a holiday.

    Attributes:
        name: the market's, as people are told it.
        time_zone: the market's; the calendar's where there is none.
        half_days: day → when its session ends then.
    """

    name: str
    time_zone: ZoneName | None = None
    half_days: dict[date, WallTime] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _half_days_are_shorter(self) -> "TradingSession":
        longest = self.ends if self.ends > self.begins else self.ends + timedelta(days=1)
        for day, ends in self.half_days.items():
            if not self.begins < ends <= longest:
                said = f"{show_wall_time(self.begins)} and {show_wall_time(longest)}"
                raise ValueError(f"half_days: {day}: {show_wall_time(ends)} is not between {said}")
        return self


class Freeze(Section):
    """A time in which nothing is changed.

    Attributes:
        begins, ends: with an offset, or by the clock on the wall of the calendar's time zone.
        why: said to whoever is refused.
    """

    begins: datetime = Field(alias="from")
    ends: datetime = Field(alias="to")
    why: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _a_period(self) -> "Freeze":
        if (self.begins.tzinfo is None) != (self.ends.tzinfo is None):
            raise ValueError("give both `from` and `to` an offset, or neither")
        if self.ends <= self.begins:
            raise ValueError(f"it ends at {self.ends}, before it begins at {self.begins}")
        return self


class DeedRules(Section):
    """Where other rules hold for one deed.

    Attributes:
        windows: instead of the calendar's; an empty list lets it be done at any time of the week.
        in_sessions: it may be done while a market trades.
        in_freezes: it may be done in a freeze.
    """

    windows: tuple[Window, ...] | None = None
    in_sessions: bool = False
    in_freezes: bool = False


class Calendar(Section):
    """When this environment may be changed; where there is none, at any time.

    Attributes:
        exchanges: whose sessions and holidays the exchange_calendars package knows, by code (`XNYS`).
        sessions: those given by hand.
        holidays: no session given by hand is held, and no window opens unless it says so.
        windows: when something may be done; at any time of the week where there is none.
        deeds: where they differ.
        override: the roles of which one may let a drill begin outside it, with a reason; nobody may where none is said.
        full_drill: the month, 1 to 12, of the yearly drill of everything.
    """

    time_zone: ZoneName
    exchanges: tuple[str, ...] = ()
    sessions: tuple[TradingSession, ...] = ()
    holidays: frozenset[date] = frozenset()
    freezes: tuple[Freeze, ...] = ()
    windows: tuple[Window, ...] = ()
    deeds: dict[Deed, DeedRules] = Field(default_factory=dict)
    override: tuple[str, ...] = ()
    full_drill: Annotated[int, Field(ge=1, le=12)] = 1

    def rules(self, deed: Deed) -> DeedRules:
        """What holds for a deed, its windows filled in."""
        own = self.deeds.get(deed, DeedRules())
        return own if own.windows is not None else own.model_copy(update={"windows": self.windows})
