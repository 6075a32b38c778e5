"""Which WAL follows a base backup in an archive: along which timeline, how far, and what is missing on the way."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tminus.backups.wal_names import Fork, Segment, missing, newest, timelines


@dataclass(frozen=True)
class WalPlan:
    """What recovery goes along.

    Attributes:
        timeline: the newest that comes from the backup's own, at or after its point, and has a segment.
        last: its newest segment; None where the archive has nothing that follows.
        missing: segments before that which are not there: recovery would end at the first, and say nothing.
        strangers: timelines in the archive that are newer than the backup's and do not come from it.
    """

    timeline: int
    last: Segment | None
    missing: tuple[Segment, ...]
    strangers: tuple[int, ...]


def plan(
    names: Collection[str], histories: Mapping[int, Sequence[Fork]], timeline: int, position: int, size: int
) -> WalPlan:
    """Looks at the names in an archive.

    Args:
        names: of the files in it.
        histories: timeline → the forks of its history file, where the archive has one.
        timeline: that of the backup's point.
        position: the point's. The segment in which it lies is the first that the archive must have.
        size: bytes of a segment.
    """
    heirs = [timeline, *(one for one, forks in histories.items() if _comes_from(forks, timeline, position))]
    strangers = sorted(one for one in timelines(names) if one > timeline and one not in heirs)
    start = Segment.holding(timeline, position, size)
    for heir in sorted(heirs, reverse=True):
        last = newest(names, heir, size)
        if last is not None and last.number >= start.number:
            forks = histories.get(heir, ())
            return WalPlan(heir, last, tuple(missing(names, start, last, forks, size)), tuple(strangers))
    return WalPlan(timeline, None, (), tuple(strangers))


def _comes_from(forks: Sequence[Fork], timeline: int, position: int) -> bool:
    return any(fork.timeline == timeline and fork.position >= position for fork in forks)
