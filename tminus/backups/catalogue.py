"""What can be told of a store's backups without restoring any: how old, which are missing, too old, or too small."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

from tminus import events as ev
from tminus.backups.book import Store
from tminus.backups.manifest import SUFFIX
from tminus.expectation import Measurement

_MEDIAN_OF = 10  # earlier backups that a size is held against
_NAMED = 10  # parts of one sort that are named
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Entry:
    """One object under a store's folder, as a listing gives it."""

    key: str
    size: int
    stored: datetime


@dataclass(frozen=True)
class Listed:
    """What lies in the bucket of one backup.

    Attributes:
        name: the backup's own name, from the key.
        manifest: the manifest's key; None where there is none: it was never completed, or its manifest is lost.
        size: bytes of its files; the manifest's own do not count.
        stored: when the last of it was stored.
        recorded: what the ledger says of it; None where it does not know it.
    """

    name: str
    manifest: str | None
    size: int
    stored: datetime
    recorded: ev.BackupTaken | None = None

    @property
    def at(self) -> datetime:
        """Its moment: what was recorded as it was taken, else when it was stored. A copy is no younger for it."""
        return min(self.recorded.taken_at, self.stored) if self.recorded else self.stored

    @property
    def whole(self) -> bool:
        """Whether a manifest is there, and as many bytes as were recorded."""
        return self.manifest is not None and (self.recorded is None or self.recorded.size == self.size)


@dataclass(frozen=True)
class Outlived:
    """Contents of objects that no backup names any more which is kept: how many, and their bytes."""

    contents: int = 0
    size: int = 0


@dataclass(frozen=True)
class Catalogue:
    """The backups of one store.

    Attributes:
        complete: those that have a manifest, the newest first.
        unfinished: those without one, the newest first.
        taken: what the ledger knows, the earliest first.
        outlived: what lies beside the backups of a set of objects, and should be gone.
    """

    complete: tuple[Listed, ...]
    unfinished: tuple[Listed, ...]
    taken: tuple[ev.BackupTaken, ...] = ()
    outlived: Outlived = Outlived()

    @property
    def newest(self) -> Listed | None:
        """The newest that has a manifest."""
        return self.complete[0] if self.complete else None


def catalogue(folder: str, entries: Sequence[Entry], taken: Sequence[ev.BackupTaken]) -> Catalogue:
    """Puts the objects under a store's folder together, by backup.

    Args:
        folder: where they lie, with the slash at the end.
        entries: every object there.
        taken: what the ledger knows of this store.
    """
    recorded = {one.backup: one for one in taken}
    files: dict[str, list[Entry]] = {}
    manifests: dict[str, Entry] = {}
    for entry in entries:
        name, slash, _ = entry.key.removeprefix(folder).partition("/")
        if slash:
            files.setdefault(name, []).append(entry)
        elif name.endswith(SUFFIX):
            manifests[name.removesuffix(SUFFIX)] = entry
        else:
            files.setdefault(name, []).append(entry)
    found = [_listed(name, manifests.get(name), files.get(name, []), recorded) for name in {*files, *manifests}]
    found.sort(key=lambda one: (one.at, one.name), reverse=True)
    ordered = tuple(sorted(taken, key=lambda one: one.taken_at))
    return Catalogue(
        tuple(one for one in found if one.manifest is not None),
        tuple(one for one in found if one.manifest is None),
        ordered,
    )


def _listed(
    name: str, manifest: Entry | None, files: Sequence[Entry], recorded: Mapping[str, ev.BackupTaken]
) -> Listed:
    parts = [*files, *([manifest] if manifest else [])]
    return Listed(
        name=name,
        manifest=manifest.key if manifest else None,
        size=sum(one.size for one in files),
        stored=max(one.stored for one in parts),
        recorded=recorded.get(name),
    )


@dataclass(frozen=True)
class Told:
    """What a catalogue came to: measurements, and a line for each part worth naming."""

    found: tuple[Measurement, ...]
    details: tuple[str, ...]


def tell(found: Catalogue, store: Store, at: datetime) -> Told:
    """Age, missing, overdue and shrunk of a store's backups at a moment, as `tminus.backups.aspects` names them."""
    missing, gaps = _missing(found, store, at)
    overdue = [one for one in (*found.complete, *found.unfinished) if at - one.at > store.keep + lag(store)]
    newest = found.newest
    age = (at - (newest.at if newest else _NEVER)).total_seconds()
    measured = [
        Measurement.number("age", age, "s"),
        Measurement.number("missing", missing),
        Measurement.number("overdue", len(overdue) + found.outlived.contents),
    ]
    if newest is not None:
        measured.append(shrunk(found, newest))
    unfinished = [
        f"{one.name} has no manifest: it was not completed, or is being taken ({one.size} bytes)"
        for one in found.unfinished[:_NAMED]
    ]
    too_old = [f"{one.name} should be gone: it is of {one.at:%Y-%m-%d %H:%M}" for one in overdue[:_NAMED]]
    if found.outlived.contents:
        too_old.append(
            f"{found.outlived.contents} contents of objects should be gone ({found.outlived.size} bytes): no backup "
            "that is kept names what is older than one and a half `keep`; a lifecycle rule of the bucket removes it"
        )
    return Told(tuple(measured), (*gaps[:_NAMED], *too_old, *unfinished))


def lag(store: Store) -> timedelta:
    """How long after its time a backup may still lie there: `every`, a day at the least, and a day more.

    S3 rounds the end of an object's time up to the next midnight UTC, and removes it some while after that:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general-considerations.html and
    https://repost.aws/knowledge-center/s3-lifecycle-rule-delay.
    """
    return max(store.every, _DAY) + _DAY


def shrunk(found: Catalogue, one: Listed) -> Measurement:
    """By how many per cent it is smaller than the median of up to ten that are earlier; 0 where none are."""
    present = [(other.at, _size(other)) for other in found.complete if other.at < one.at]
    gone = {other.name for other in found.complete}
    past = [(other.taken_at, other.size) for other in found.taken if other.backup not in gone]
    earlier = sorted((*present, *((at, size) for at, size in past if at < one.at)), reverse=True)[:_MEDIAN_OF]
    usual = median(size for _, size in earlier) if earlier else 0
    less = 100 * (1 - one.size / usual) if usual else 0
    return Measurement.number("shrunk", max(0.0, less), "%")


def _size(one: Listed) -> int:
    """As it was recorded: of what was cut off since, the earlier size is the usual one."""
    return one.recorded.size if one.recorded else one.size


def _missing(found: Catalogue, store: Store, at: datetime) -> tuple[int, list[str]]:
    """How many backups of the promised time are not there: taken and gone, cut off, or never taken.

    The promise begins with the first backup that is known: a young store has no thirty days of them yet.
    """
    start = at - store.keep
    there = {one.name: one for one in (*found.complete, *found.unfinished)}
    details = []
    for one in found.taken:
        if one.taken_at <= start:
            continue
        if one.backup not in there:
            details.append(f"{one.backup} is gone: it was taken at {one.taken_at:%Y-%m-%d %H:%M}")
        elif not (listed := there[one.backup]).whole:
            what = "its manifest is gone" if listed.manifest is None else f"{listed.size} of {one.size} bytes are there"
            details.append(f"{one.backup} is not whole: {what}")
    gone = len(details)
    moments = sorted({*(one.at for one in found.complete), *(one.taken_at for one in found.taken)})
    before = [moment for moment in moments if moment <= start]
    within = [moment for moment in moments if moment > start]
    points = [*([start] if before else []), *within]
    never = 0
    for earlier, later in pairwise(points):
        count = never_taken(later - earlier, store.every, store.late)
        if count:
            details.append(f"none was taken between {earlier:%Y-%m-%d %H:%M} and {later:%Y-%m-%d %H:%M}")
        never += count
    return gone + never, details


def never_taken(gap: timedelta, every: timedelta, late: timedelta) -> int:
    """How many backups should lie between two that follow one another: none where the later is at most `late` late."""
    return max(0, math.ceil((gap - late) / every) - 1)
