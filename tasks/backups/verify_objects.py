"""Verifying a backup of S3 objects: every content restored and hashed, and the list held against what was counted."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import ClassVar

from tasks.backups.asked import Asked, Seen, Verifier
from tasks.backups.damage import Damaged
from tasks.backups.in_order import in_order
from tasks.backups.object_pool import ObjectPool
from tasks.backups.object_restoring import Restoring, fitting, listed
from tasks.backups.object_source import ObjectSource
from tasks.backups.stored_file import Unreadable, fetch, identity_for
from tasks.backups.together_asking import ObjectIds, finish
from tasks.giving_up import in_thread
from tminus.backups.book import S3Objects
from tminus.backups.contents import Marker, ObjectsContents
from tminus.backups.loss import loss
from tminus.backups.manifest import BackupKind
from tminus.backups.object_list import (
    LIST,
    MARKER_OBJECT,
    ListCount,
    ListedObject,
    ObjectQuery,
    list_differences,
    read_marker,
)
from tminus.errors import CouldNotObserve, NotConfigured, UsageError
from tminus.expectation import Measurement

_WORST = ("yes", "unproven", "no")  # the first that was found of any object counts for all
_SAMPLE = 50  # objects that are held against the live bucket
_NAMED = 20
_SPARED = 0.95  # of the disk that may be filled, so that the watch over it does not end this first


@dataclass
class _Found:
    """What is found while objects are restored."""

    count: ListCount = field(default_factory=ListCount)
    wrong: Counter[str] = field(default_factory=Counter)
    readable: set[str] = field(default_factory=set)
    sums: dict[str, int] = field(default_factory=dict)
    sample: list[ListedObject] = field(default_factory=list)
    marker: Marker | None = None
    restored: int = 0
    lost: int = 0

    def readable_without_key(self) -> Measurement:
        return Measurement(name="readable_without_key", word=next(word for word in _WORST if word in self.readable))


class VerifyObjects(Verifier):
    """Sets of S3 objects.

    Where not all of it fits into the scratch, what was not read is not known: that is `unknown`, with how far it came.
    """

    kinds: ClassVar[tuple[BackupKind, ...]] = ("s3.objects",)

    async def verify(self, asked: Asked) -> Seen:
        """See Verifier."""
        return await in_thread(_verify, asked)


def _verify(asked: Asked) -> Seen:
    wanted, store = asked.manifest.contents, asked.store
    if not isinstance(wanted, ObjectsContents) or not isinstance(store, S3Objects):
        raise CouldNotObserve(f"{asked.manifest.backup} is no backup of objects")
    queries = {one.title: _query(one.title, one.sql) for one in store.invariants}
    began = perf_counter()
    found, damaged = _Found(), list[str]()
    try:
        _restore(asked, wanted, found, damaged, queries)
    except Damaged as e:
        measured = [Measurement(name="restored", word="no"), Measurement.number("files_damaged", len(damaged))]
        return Seen([*measured, *([found.readable_without_key()] if found.readable else [])], damaged, str(e))
    took = perf_counter() - began
    return _seen(asked, store, wanted, found, damaged, took)


def _restore(
    asked: Asked, wanted: ObjectsContents, found: _Found, damaged: list[str], queries: dict[str, ObjectQuery]
) -> None:
    """Brings the list, and every content that it names; raises Damaged where the list is none."""
    identity = identity_for(asked.estate, asked.manifest)
    path = asked.scratch.folder / LIST
    try:
        came = fetch(asked.bucket, asked.manifest.file(LIST), path, identity)
    except Unreadable as e:
        found.readable.add(e.readable_without_key)
        damaged.append(str(e))
        raise
    found.readable.add(came.readable_without_key)
    damaged += [came.differs] if came.differs else []
    folder = asked.scratch.folder / "objects"
    folder.mkdir(mode=0o700)
    drawn = random.Random(asked.manifest.backup)  # noqa: S311 - a sample, no secret
    restoring = Restoring(ObjectPool(asked.bucket, asked.name), identity, folder)
    left = int(asked.scratch.disk * _SPARED) - path.stat().st_size
    ids = ObjectIds(asked)
    with path.open("rb") as file:
        for one, why in in_order(restoring.restore, fitting(listed(file, found.count), left, wanted)):
            found.restored += 1
            found.lost += why.lost
            if not why.lost:
                ids.add(one)
            if why.wrong:
                found.wrong[why.wrong] += 1
            if why.readable:
                found.readable.add(why.readable)
            if one.key == f"{asked.manifest.origin.database}{MARKER_OBJECT}":
                found.marker = read_marker(why.head)
            for title, query in queries.items():
                found.sums[title] = found.sums.get(title, 0) + query.adds(one)
            _draw(found, one, drawn)
    finish(asked, found.marker)


def _draw(found: _Found, one: ListedObject, drawn: random.Random) -> None:
    """A sample in which each object is as likely as any other, taken while they pass (reservoir sampling)."""
    if len(found.sample) < _SAMPLE:
        found.sample.append(one)
    elif (place := drawn.randrange(found.restored)) < _SAMPLE:
        found.sample[place] = one


def _seen(
    asked: Asked, store: S3Objects, wanted: ObjectsContents, found: _Found, damaged: list[str], took: float
) -> Seen:
    live, lines = _held_against_live(asked, store, found.sample)
    off = list_differences(wanted, found.count.contents())
    broken = [
        f"{one.title}: {found.sums.get(one.title, 0)}, expected {one.expect}"
        for one in store.invariants
        if not one.expect.holds(Measurement.number("invariant", found.sums.get(one.title, 0)))
    ]
    wrong = [f"{count} objects: {what}" for what, count in found.wrong.most_common()]
    # What the list says of an object is only worth something where the list itself is the one that was written.
    differ = max(sum(found.wrong.values()) + live, len(off))
    measured = [
        Measurement.number("files_damaged", len(damaged)),
        Measurement(name="restored", word="no" if found.lost else "yes"),
        Measurement.number("restore_time", took, "s"),
        Measurement.number("objects_differ", differ),
        Measurement.number("invariants_broken", len(broken)),
    ]
    if store.encrypted:
        measured.append(found.readable_without_key())
    details = [*damaged, *off, *wrong, *lines, *broken]
    because = "; ".join(details[:3]) if differ or damaged or broken else ""
    details.append(f"{found.restored} objects restored, {found.count.contents().size} bytes")
    lost, said = loss(asked.needed_at, found.marker, asked.manifest.taken_at)
    measured += lost
    details += said
    return Seen(tuple(measured), tuple(details[:_NAMED]), because)


def _held_against_live(asked: Asked, store: S3Objects, sample: Sequence[ListedObject]) -> tuple[int, list[str]]:
    """How many of a sample are not what the live bucket says of that very version, and what is to be told of it.

    Where the live bucket does not answer, or has no such version any more, nothing follows for the backup.
    """
    try:
        source = ObjectSource.open(asked.estate, store.source)
        found = [(one, source.one(one.key, one.version)) for one in sample if one.version != "null"]
        half = {
            "live": source.half_uploaded(),
            "backups'": ObjectSource.open(asked.estate, store.bucket).half_uploaded(),
        }
    except (CouldNotObserve, NotConfigured) as e:
        return 0, [f"not held against the live bucket: {e}"]
    there = [(one, live) for one, live in found if live is not None]
    wrong = sum((one.size, one.etag) != (live.size, live.etag) for one, live in there)
    lines = [f"{len(there)} of a sample of {len(sample)} objects held against the live bucket, {wrong} differ"]
    lines += [
        f"{count} uploads in parts were begun in the {which} bucket and not completed; they are in no backup"
        for which, count in half.items()
        if count
    ]
    return wrong, lines


def _query(title: str, text: str) -> ObjectQuery:
    try:
        return ObjectQuery.parse(text)
    except UsageError as e:
        raise CouldNotObserve(f"the invariant {title!r}: {e}") from e
