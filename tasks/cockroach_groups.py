"""Backup schedules that belong together: those of one target into one collection, full and incremental."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tasks.cockroach_backups import Job, Schedule
from tasks.cockroach_target import Target
from tminus.clock import now

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Group:
    """What is backed up together.

    Attributes:
        target: what their BACKUP statements name.
        schedules: at least one.
        jobs: those that the active schedules began; what a paused one began says nothing of the next backup.
        full: when the full backups were taken that are known to be this group's; None where that is not known.
    """

    target: Target
    schedules: tuple[Schedule, ...]
    jobs: tuple[Job, ...]
    full: tuple[datetime, ...] | None = None

    @property
    def active(self) -> list[Schedule]:
        """Those that run."""
        return [one for one in self.schedules if one.active]

    @property
    def encrypts(self) -> bool:
        """Whether each that runs does, and one runs."""
        return bool(self.active) and all(one.encrypts for one in self.active)

    @property
    def incremental(self) -> bool:
        """Whether one that runs adds to the latest full backup."""
        return any(one.incremental for one in self.active)

    def every(self) -> timedelta:
        """The longest time that the most frequent schedule lets pass; since 1970 where none runs."""
        return min((one.gap() for one in self.active), default=now() - NEVER)

    def newest(self) -> timedelta:
        """Since the newest success began; none counts where it is known that nothing lies in the collection."""
        succeeded = [] if self.full == () else [job.created for job in self.jobs if job.succeeded]
        kept = (self.full or ()) if self.active else ()
        return max(now() - max([NEVER, *succeeded, *kept]), timedelta(0))

    def because(self) -> str:
        """What is wrong with it before any number; "" where it runs."""
        return "" if self.active else f"{self.target}: all its schedules are paused"


def grouped(
    schedules: Sequence[Schedule],
    jobs: Mapping[int, Sequence[Job]],
    full: Mapping[str | None, Sequence[datetime]] | None,
) -> list[Group]:
    """The groups, in the order of their first schedules.

    Args:
        schedules: those that count.
        jobs: a schedule's number → what it began.
        full: collection → when its full backups were taken; None where they cannot be listed.
    """
    members: dict[tuple[Target, str], list[Schedule]] = {}
    for one in schedules:
        members.setdefault((one.target, one.place), []).append(one)
    listed = [None if full is None else full.get(own[0].collection) for own in members.values()]
    return [
        Group(target, tuple(own), _of_active(own, jobs), _times(taken, listed))
        for ((target, _), own), taken in zip(members.items(), listed, strict=True)
    ]


def _of_active(schedules: Iterable[Schedule], jobs: Mapping[int, Sequence[Job]]) -> tuple[Job, ...]:
    return tuple(job for one in schedules if one.active for job in jobs[one.id])


def _times(
    taken: Sequence[datetime] | None, listed: Sequence[Sequence[datetime] | None]
) -> tuple[datetime, ...] | None:
    """Those of a list that is one group's alone, since it does not say what a backup is of; an empty one says all."""
    alone = sum(one is taken for one in listed) == 1
    return tuple(taken) if taken is not None and (alone or not taken) else None
