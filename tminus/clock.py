"""Time: the only place that asks what time it is, and the compressed clock of a rehearsal."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, PlainSerializer, WithJsonSchema

from tminus.quantity import NUMBER, Quantity

_DAY = timedelta(days=1)
# The one grammar of durations: what is read here, and what the schema for editors accepts.
_PART = rf"{NUMBER}\s*(?:us|ms|s|min|m|h|d)"
_WHOLE = rf"^\s*(?:{_PART}\s*)+$"


def now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


def end_of_day(day: date) -> datetime:
    """The last second of a day, in UTC: until when what holds until a date holds."""
    return datetime.combine(day, time(23, 59, 59, tzinfo=UTC))


def parse_duration(text: object) -> timedelta:
    """Reads `24h`, `15m`, `500 ms`, `4h30m`, `2h 30m`, to the microsecond; raises ValueError with an example."""
    if isinstance(text, timedelta):
        return text
    wrong = f"{text!r} is not a duration, such as '24h', '15m', '2h 30m' or '500 ms'"
    if not re.match(_WHOLE, str(text)):
        raise ValueError(wrong)
    microseconds = sum(Quantity.parse(part).within("us") for part in re.findall(_PART, str(text)))
    try:
        return timedelta(microseconds=round(microseconds))
    except OverflowError as e:
        raise ValueError(wrong) from e


def show_duration(length: timedelta) -> str:
    """`14d`, `4h`, `15m`, `2h 30m`, `1.5s`: what parse_duration reads back, where it is not negative."""
    if length < timedelta(0):
        return "-" + show_duration(-length)
    if length >= 2 * _DAY and length % _DAY == timedelta(0):
        return f"{length // _DAY}d"
    hours, rest = divmod(length, timedelta(hours=1))
    minutes, rest = divmod(rest, timedelta(minutes=1))
    seconds = Decimal(rest // timedelta(microseconds=1)).scaleb(-6).normalize()
    shown = [
        f"{value:f}{unit}" for value, unit in ((Decimal(hours), "h"), (Decimal(minutes), "m"), (seconds, "s")) if value
    ]
    return " ".join(shown) or "0s"


def _show(length: timedelta) -> str:
    return show_duration(length)


_WRITTEN = WithJsonSchema(
    {
        "type": "string",
        "pattern": _WHOLE,
        "examples": ["24h", "15m", "2h 30m", "500 ms"],
    }
)
Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(_show, return_type=str), _WRITTEN]


class Clock(BaseModel, frozen=True, extra="forbid"):
    """How long an hour of the countdown takes.

    It scales countdown offsets, approval deadlines, reminders and the watch; never timeouts,
    retries, sampling, the age of a backup, token lifetimes or the lease.
    """

    hour: Duration = timedelta(hours=1)

    def real(self, planned: timedelta) -> timedelta:
        """How long `planned` lasts on this clock."""
        return planned * (self.hour / timedelta(hours=1))

    @property
    def compressed(self) -> bool:
        """Whether this is a rehearsal's clock."""
        return self.hour != timedelta(hours=1)
