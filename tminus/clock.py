"""Time: the only place that asks what time it is, and the compressed clock of a rehearsal."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, PlainSerializer

from tminus.errors import UsageError
from tminus.quantity import Quantity


def now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


def parse_duration(text: object) -> timedelta:
    """Reads `24h`, `15m`, `500 ms`, `2h 30m`; raises ValueError with an example otherwise."""
    if isinstance(text, timedelta):
        return text
    try:
        seconds = sum(float(_seconds(part)) for part in _parts(str(text)))
    except UsageError as e:
        raise ValueError(f"{text!r} is not a duration, such as '24h', '15m', '2h 30m' or '500 ms'") from e
    return timedelta(seconds=seconds)


def _seconds(part: str) -> float:
    quantity = Quantity.parse(part)
    if not quantity.unit:
        raise UsageError(f"{part!r} has no unit")
    return float(quantity.within("s"))


def _parts(text: str) -> list[str]:
    words = text.replace("\t", " ").split()
    joined: list[str] = []
    for word in words:
        if joined and joined[-1].replace(".", "").isdigit() and not word[0].isdigit():
            joined[-1] += word
        else:
            joined.append(word)
    if not joined:
        raise UsageError("an empty duration")
    return joined


def show_duration(length: timedelta) -> str:
    """`4h`, `15m`, `1.5s`, `2h 30m`: what parse_duration reads back."""
    seconds = length.total_seconds()
    if seconds < 0:
        return "-" + show_duration(-length)
    if seconds < 60 or seconds != int(seconds):  # noqa: PLR2004 - a minute
        return f"{seconds:g}s"
    hours, rest = divmod(int(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    shown = [f"{value}{unit}" for value, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if value]
    return " ".join(shown)


def _show(length: timedelta) -> str:
    return show_duration(length)


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(_show, return_type=str)]


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
