"""The names of PostgreSQL's WAL files: which position each holds, in what order, and which are missing.

A segment's name is three numbers of eight hexadecimal digits: timeline, log, segment within the log
(https://www.postgresql.org/docs/current/wal-internals.html; XLogFileName in access/xlog_internal.h).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tminus.errors import CouldNotObserve

DEFAULT_SIZE = 16 * 1024 * 1024  # bytes of a segment, unless initdb was told otherwise
_LOG = 1 << 32  # bytes of a log
_SEGMENT = re.compile(r"[0-9A-F]{24}")
_HISTORY = re.compile(r"[0-9A-F]{8}\.history")
_OTHER = re.compile(r"[0-9A-F]{24}\.(?:partial|[0-9A-F]{8}\.backup)")
_FORK = re.compile(r"^\s*(\d+)\s+([0-9A-F]{1,8}/[0-9A-F]{1,8})\b", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, order=True)
class Segment:
    """One segment: its timeline, and its number on from the beginning of the WAL."""

    timeline: int
    number: int

    def name(self, size: int = DEFAULT_SIZE) -> str:
        """As its file is called."""
        log, within = divmod(self.number, _LOG // size)
        return f"{self.timeline:08X}{log:08X}{within:08X}"

    @classmethod
    def parse(cls, name: str, size: int = DEFAULT_SIZE) -> "Segment | None":
        """None where that is no segment's name, or none of segments of that size."""
        if not _SEGMENT.fullmatch(name):
            return None
        timeline, log, within = (int(name[at : at + 8], 16) for at in (0, 8, 16))
        return cls(timeline, log * (_LOG // size) + within) if timeline and within < _LOG // size else None

    @classmethod
    def holding(cls, timeline: int, position: int, size: int = DEFAULT_SIZE) -> "Segment":
        """That in which a position lies."""
        return cls(timeline, position // size)


@dataclass(frozen=True)
class Fork:
    """Where a timeline was left for the next: the last of `timeline` is what comes before `position`."""

    timeline: int
    position: int


def is_wal(name: str) -> bool:
    """Whether PostgreSQL would ask an archive to keep a file of that name."""
    return any(kind.fullmatch(name) for kind in (_SEGMENT, _HISTORY, _OTHER))


def is_segment(name: str) -> bool:
    """Whether it is a whole segment's name."""
    return _SEGMENT.fullmatch(name) is not None


def history_name(timeline: int) -> str:
    """The file that tells where a timeline comes from; the first has none."""
    return f"{timeline:08X}.history"


def timelines(names: Iterable[str]) -> set[int]:
    """Those that the names speak of."""
    return {int(name[:8], 16) for name in names if is_wal(name)}


def parse_lsn(text: str) -> int:
    """A position such as `0/B0000B8` as a number of bytes; raises CouldNotObserve."""
    high, slash, low = text.partition("/")
    try:
        return int(high, 16) * _LOG + int(low if slash else "", 16)
    except ValueError as e:
        raise CouldNotObserve(f"{text!r} is no position in a WAL, such as 0/3000028") from e


def show_lsn(position: int) -> str:
    """As PostgreSQL writes it."""
    return f"{position // _LOG:X}/{position % _LOG:X}"


def parse_history(text: str) -> tuple[Fork, ...]:
    """The forks of a history file, the oldest first."""
    return tuple(Fork(int(match[1]), parse_lsn(match[2].upper())) for match in _FORK.finditer(text))


def way(start: Segment, last: Segment, forks: Sequence[Fork], size: int = DEFAULT_SIZE) -> Iterator[Segment]:
    """Every segment that recovery reads from one to another, along the timelines that led there.

    Args:
        start: the first, on its own timeline.
        last: the last, on the timeline that is recovered to.
        forks: of that timeline's history; those from before `start` do not matter.
        size: bytes of a segment.

    Recovery reads a fork's own segment from the newer timeline, which holds a copy of what the older one wrote to it.
    """
    timeline = start.timeline
    ahead = [(fork.timeline, fork.position // size) for fork in forks if fork.timeline >= start.timeline]
    following = [later for later, _ in ahead[1:]] + [last.timeline]
    for number in range(start.number, last.number + 1):
        while ahead and ahead[0][0] == timeline and number >= ahead[0][1]:
            ahead.pop(0)
            timeline = following.pop(0)
        yield Segment(timeline, number)


def missing(
    names: Iterable[str], start: Segment, last: Segment, forks: Sequence[Fork] = (), size: int = DEFAULT_SIZE
) -> list[Segment]:
    """Which segments between two, both counted, are not among the names: where recovery would end without an error."""
    there = {found for name in names if (found := Segment.parse(name, size)) is not None}
    return [segment for segment in way(start, last, forks, size) if segment not in there]


def newest(names: Iterable[str], timeline: int, size: int = DEFAULT_SIZE) -> Segment | None:
    """The last segment of a timeline among the names; None where it has none."""
    found = [segment for name in names if (segment := Segment.parse(name, size)) and segment.timeline == timeline]
    return max(found, default=None)
