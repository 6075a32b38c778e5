"""What a live Redis allows a copy of it to hold, taken between looks at it while others went on writing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tminus.backups.contents import Marker, RedisContents


@dataclass(frozen=True)
class Look:
    """What a live server says of itself at one moment.

    Attributes:
        databases: number → its keys, and how many of them have a time to live.
        unsaved: changes since its last snapshot (`rdb_changes_since_last_save`); it falls when a snapshot ends.
        removed: keys that it expired or evicted, since it started.
        commands: commands that it carried out, since it started.
        marker: the newest mark in it.
    """

    databases: Mapping[int, tuple[int, int]]
    unsaved: int
    removed: int
    commands: int
    marker: Marker | None = None


def outside(looks: Sequence[Look], found: RedisContents) -> Iterator[str]:
    """Why a copy cannot be a whole one; nothing where it can.

    Between two looks a server changes no more keys than it says it changed, so the copy's counts lie between the
    counts of two looks, give or take those changes: exactly, on a server where nobody writes.

    Args:
        looks: in the order of time; the copy's moment lies between the first and the last, at least two.
        found: what the copy holds.
    """
    for number in sorted({*found.databases, *(number for look in looks for number in look.databases)}):
        census = found.databases.get(number)
        counts = (census.keys, census.expiring) if census else (0, 0)
        for what, which in (("keys", 0), ("keys with a time to live", 1)):
            ranges = [_range(before, after, number, which) for before, after in pairwise(looks)]
            if not any(low <= counts[which] <= high for low, high in ranges):
                low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
                yield (
                    f"database {number} of the copy has {counts[which]} {what}, and the server had {low} to {high} "
                    f"while it was taken"
                )


def marker_outside(looks: Sequence[Look], found: Marker | None) -> str:
    """Why the copy's newest mark cannot be the server's at that time; "" where it can."""
    first, last = looks[0].marker, looks[-1].marker
    low, high = (first.number if first else -1), (last.number if last else -1)
    number = found.number if found else -1
    if low <= number <= high or low > high:  # marks were taken back: nothing follows
        return ""
    return f"the copy's newest mark is {_mark(number)}, and the server's was {_mark(low)} to {_mark(high)}"


def _mark(number: int) -> str:
    return "none" if number < 0 else str(number)


def _range(before: Look, after: Look, number: int, which: int) -> tuple[int, int]:
    counts = [look.databases.get(number, (0, 0))[which] for look in (before, after)]
    changed = after.unsaved - before.unsaved
    if changed < 0:  # a snapshot ended in between: what was changed before it is not told any more
        changed = after.unsaved + max(0, after.commands - before.commands)
    changed += max(0, after.removed - before.removed)
    return min(counts) - changed, max(counts) + changed
