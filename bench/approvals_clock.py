"""A wall clock that a bench sets: `tminus.clock` is the only place that asks what time it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo

import tminus.clock
import tminus.slack_door

BEGINNING = datetime(2026, 11, 22, 10, tzinfo=UTC)


class SetClock:
    """Stands in for `datetime` and for `time` where tminus reads the hour."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self, _zone: tzinfo) -> datetime:
        """The moment that was set."""
        return BEGINNING + timedelta(seconds=self.seconds)

    def time(self) -> float:
        """The same in seconds since 1970."""
        return self.now(UTC).timestamp()


@contextmanager
def set_clock() -> Iterator[SetClock]:
    """While the block lasts, tminus' clock in this process stands where it is set."""
    clock, wall, door = SetClock(), tminus.clock.__dict__["datetime"], tminus.slack_door.__dict__["time"]
    setattr(tminus.clock, "datetime", clock)  # noqa: B010 - a module's own import, exchanged
    setattr(tminus.slack_door, "time", clock)  # noqa: B010 - same
    try:
        yield clock
    finally:
        setattr(tminus.clock, "datetime", wall)  # noqa: B010
        setattr(tminus.slack_door, "time", door)  # noqa: B010
