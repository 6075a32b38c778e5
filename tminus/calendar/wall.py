"""From what a clock on the wall shows to moments, right where it is put forward or back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_STEP = timedelta(hours=3)  # no zone of the IANA database changes twice within it
_FURTHEST = timedelta(hours=24)  # `datetime` takes no offset as large
_LONGEST_GAP = timedelta(hours=26)  # Samoa left out a whole day in 2011
_SHORTEST = timedelta(seconds=1)


class Span(NamedTuple):
    """From a moment until before another, both in UTC."""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Whether a moment is in it."""
        return self.start <= at < self.end


def when_shown(zone: ZoneInfo, first: datetime, last: datetime) -> list[Span]:
    """When the clock on the wall shows a time from `first` until before `last`, in the order of time.

    Nothing, where it is put forward over all of that; twice, where it is put back over it.

    Args:
        zone: where the clock hangs.
        first: without a zone.
        last: without a zone.
    """
    found: list[Span] = []
    begin, end = first.replace(tzinfo=UTC), last.replace(tzinfo=UTC)
    for stretch, offset in _stretches(zone, begin - _FURTHEST, end + _FURTHEST):
        shown = Span(max(stretch.start, begin - offset), min(stretch.end, end - offset))
        if shown.start >= shown.end:
            continue
        if found and found[-1].end == shown.start:
            shown = Span(found.pop().start, shown.end)
        found.append(shown)
    return found


def whole_span(zone: ZoneInfo, first: datetime, last: datetime) -> Span:
    """One unbroken stretch from when the clock first shows `first` until it last shows less than `last`.

    Where a time is shown twice, or never, it is the longer of what could be meant. With an offset it is that moment.
    """
    if first.tzinfo is not None:
        return Span(first.astimezone(UTC), last.astimezone(UTC))
    return Span(
        when_shown(zone, first, first + _LONGEST_GAP)[0].start, when_shown(zone, last - _LONGEST_GAP, last)[-1].end
    )


def _stretches(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[tuple[Span, timedelta]]:
    """Pieces of a time, each with the one offset that holds in it."""
    begun, offset, at = start, _offset(zone, start), start
    while at < end:
        following = min(at + _STEP, end)
        if (then := _offset(zone, following)) != offset:
            change = _change(zone, at, following)
            yield Span(begun, change), offset
            begun, offset = change, then
        at = following
    yield Span(begun, end), offset


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second at which the later offset holds."""
    old = _offset(zone, before)
    before, after = before.replace(microsecond=0), after.replace(microsecond=0) + _SHORTEST
    while after - before > _SHORTEST:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if _offset(zone, middle) == old:
            before = middle
        else:
            after = middle
    return after


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)
