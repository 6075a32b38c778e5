"""Which WAL follows a base backup in an archive: along which timeline, how far, and what is missing on the way."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tminus.backups.wal_names import Fork, Segment, missing, newest, show_lsn, timelines


@dataclass(frozen=True)
class WalPlan:
    """What recovery goes along.

    Attributes:
        timeline: the newest that comes from the backup's own, at or after its point, and has a segment.
        last: its newest segment; None where the archive has nothing that follows.
        missing: segments before that which are not there: recovery would end at the first, and say nothing.
        strangers: timelines in the archive that are newer than the backup's and do not come from it.
        forks: where, after the backup's point, one timeline is left for the next.
    """

    timeline: int
    last: Segment | None
    missing: tuple[Segment, ...]
    strangers: tuple[int, ...]
    forks: tuple[Fork, ...] = ()


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
            ahead = tuple(fork for fork in forks if fork.position >= position)
            return WalPlan(heir, last, tuple(missing(names, start, last, forks, size)), tuple(strangers), ahead)
    return WalPlan(timeline, None, (), tuple(strangers))


def short_of(way: WalPlan, position: int, commit: datetime, instant: datetime, allowed: timedelta) -> str:
    """Why what was recovered is not what was live at an instant; "" where nothing says so.

    Along one timeline everything that committed until the instant is there, however long ago that was. Where another
    was begun between, by a standby that was behind, say, what was live may have gone on along the one that was left.

    Args:
        way: that recovery went along.
        position: where it ended.
        commit: the last that is there.
        instant: to go back to.
        allowed: how long before the instant that may be.
    """
    passed = [fork for fork in way.forks if fork.position <= position]
    if not passed or instant - commit <= allowed:
        return ""
    left = passed[-1]
    return (
        f"the last commit along timeline {way.timeline} is of {commit:%Y-%m-%d %H:%M:%S} UTC, "
        f"{(instant - commit).total_seconds():.0f} s before the instant that was asked for, and the book's rpo is "
        f"{allowed.total_seconds():.0f} s: timeline {left.timeline} was left at {show_lsn(left.position)}, and what "
        f"was committed along it after that is not there. Name an instant until that commit, or after the change"
    )


def _comes_from(forks: Sequence[Fork], timeline: int, position: int) -> bool:
    return any(fork.timeline == timeline and fork.position >= position for fork in forks)
