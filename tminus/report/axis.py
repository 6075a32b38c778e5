"""Time along a drawing: linear within each stretch in which something happened, cut where nothing did."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

BREAK = 24.0  # how wide a stretch is drawn in which nothing happened
_IDLE = 0.15  # of all that happened: a longer gap is cut out
_NAME = 50.0  # how wide the name of a tick is
_LEAST = 34.0  # how wide a stretch is drawn at least
_STEPS = tuple(
    timedelta(seconds=seconds)
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
)


@dataclass(frozen=True)
class Tick:
    """A place on the axis that is named."""

    at: datetime
    x: float


@dataclass(frozen=True)
class Stretch:
    """A linear piece of the axis."""

    start: datetime
    end: datetime
    left: float
    right: float

    def x(self, at: datetime) -> float:
        """Where a moment lies."""
        length = (self.end - self.start).total_seconds()
        share = (at - self.start).total_seconds() / length if length else 0.0
        return self.left + share * (self.right - self.left)


@dataclass(frozen=True)
class Axis:
    """Stretches from left to right, with a break between each two."""

    stretches: tuple[Stretch, ...]

    def x(self, at: datetime) -> float:
        """Where a moment lies; one within a break in its middle, one beyond an end at that end."""
        before = [stretch for stretch in self.stretches if stretch.start <= at]
        if not before:
            return self.stretches[0].left
        last = before[-1]
        if at <= last.end:
            return last.x(at)
        return last.right + BREAK / 2 if last is not self.stretches[-1] else last.right

    @property
    def breaks(self) -> list[tuple[float, timedelta]]:
        """The middle of each break, and how long nothing happened there."""
        pairs = zip(self.stretches, self.stretches[1:], strict=False)
        return [((one.right + two.left) / 2, two.start - one.end) for one, two in pairs]

    def ticks(self, apart: float, width: float) -> Iterator[Tick]:
        """The start of each stretch, and round times within it: `apart` from each other, with room for their names.

        Args:
            apart: how far each is from the one before, at least.
            width: of the drawing, beyond which nothing may reach.
        """
        last = -apart
        for stretch in self.stretches:
            for at in (stretch.start, *_round_times(stretch, apart)):
                x = stretch.x(at)
                if x - last >= apart and x + _NAME <= width:
                    yield Tick(at, x)
                    last = x


def axis(spans: Iterable[tuple[datetime, datetime]], left: float, right: float) -> Axis:
    """An axis from `left` to `right` that shows every span.

    Each stretch gets its least width, and the rest is shared by how long they last.

    Args:
        spans: what happened, from when to when; at least one.
        left: where the axis begins.
        right: where it ends.
    """
    pieces = _merged(sorted(spans))
    free = right - left - BREAK * (len(pieces) - 1)
    least = min(_LEAST, free / len(pieces))
    whole = sum(((end - start) for start, end in pieces), timedelta())
    stretches, x = [], left
    for start, end in pieces:
        share = (end - start) / whole if whole else 1 / len(pieces)
        width = least + (free - least * len(pieces)) * share
        stretches.append(Stretch(start, end, x, x + width))
        x += width + BREAK
    return Axis(tuple(stretches))


def _merged(spans: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    close = _joined(spans, timedelta(0))
    busy = sum((end - start for start, end in close), timedelta())
    return _joined(close, max(busy * _IDLE, timedelta(seconds=1)))


def _joined(spans: Sequence[tuple[datetime, datetime]], gap: timedelta) -> list[tuple[datetime, datetime]]:
    joined: list[tuple[datetime, datetime]] = []
    for start, end in spans:
        if joined and start - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _round_times(stretch: Stretch, apart: float) -> Iterator[datetime]:
    length, width = stretch.end - stretch.start, stretch.right - stretch.left
    fitting = [step for step in _STEPS if length and width * (step / length) >= apart]
    if not fitting:
        return
    step, epoch = fitting[0], datetime(1970, 1, 1, tzinfo=UTC)
    at = epoch + step * ((stretch.start - epoch) // step + 1)
    while at <= stretch.end:
        yield at
        at += step
