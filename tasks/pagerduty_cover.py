"""Who is on call when: which days are covered wholly, and whether the levels are different people."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tasks.pagerduty_records import OnCall

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which nobody is on call."""

    begin: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.begin:%a %Y-%m-%d %H:%M} to {self.end:%a %Y-%m-%d %H:%M} UTC"


def gaps(shifts: Iterable[OnCall], begin: datetime, end: datetime) -> list[Gap]:
    """The times between the two that no shift covers, in order."""
    spans = sorted((max(shift.start or begin, begin), min(shift.end or end, end)) for shift in shifts)
    found, covered = [], begin
    for start, stop in spans:
        if start >= stop:
            continue
        if start > covered:
            found.append(Gap(covered, start))
        covered = max(covered, stop)
    if covered < end:
        found.append(Gap(covered, end))
    return found


def whole_days(missing: Sequence[Gap], begin: datetime, days: int) -> int:
    """How many of the `days` spans of 24 hours from `begin` on no gap touches."""
    return sum(
        not any(gap.begin < begin + _DAY * (day + 1) and gap.end > begin + _DAY * day for gap in missing)
        for day in range(days)
    )


def doubled(shifts: Sequence[OnCall]) -> dict[str, frozenset[int]]:
    """Who is on call at several levels at the same moment: user id → those levels."""
    found: dict[str, set[int]] = {}
    for one in shifts:
        for other in shifts:
            same = one.user.id == other.user.id and one.escalation_level != other.escalation_level
            if same and _overlap(one, other):
                found.setdefault(one.user.id, set()).update({one.escalation_level, other.escalation_level})
    return {user: frozenset(levels) for user, levels in found.items()}


def _overlap(one: OnCall, other: OnCall) -> bool:
    return _begins_before_the_end(one, other) and _begins_before_the_end(other, one)


def _begins_before_the_end(one: OnCall, other: OnCall) -> bool:
    return one.start is None or other.end is None or one.start < other.end
