"""Taking a backup of a set of S3 objects: each content stored once, and a list of what there was."""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import ClassVar

from tasks.backups.asked import TakeAsked, Taker
from tasks.backups.digested import CHUNK, DigestedSource
from tasks.backups.in_order import in_order
from tasks.backups.object_pool import ObjectPool
from tasks.backups.object_source import Changed, Current, ObjectSource, OpenedObject
from tasks.backups.stored_file import upload
from tasks.giving_up import in_thread
from tminus.backups.book import S3Objects
from tminus.backups.contents import ObjectsContents
from tminus.backups.manifest import BackupKind, BackupManifest, Origin, StoredFile
from tminus.backups.object_list import LIST, ListCount, ListedObject, read_marker
from tminus.clock import now
from tminus.errors import CouldNotObserve

_LARGEST_MARKER = 4096  # bytes
_TRIES = 5  # for an object that is written again and again, in a bucket without versions


@dataclass(frozen=True)
class _Written:
    """The list, in a file of ours."""

    path: Path
    contents: ObjectsContents


class TakeObjects(Taker):
    """Every object that is there, in the version that is current when it is listed.

    A listing takes time, and objects are written meanwhile. The mark is read before it begins, so whatever was written
    before that mark is in the backup.
    """

    kinds: ClassVar[tuple[BackupKind, ...]] = ("s3.objects",)

    async def take(self, asked: TakeAsked) -> BackupManifest:
        """See Taker."""
        return await in_thread(_take, asked)


@dataclass(frozen=True)
class _Mark:
    """The mark's object as it was before the listing began."""

    current: Current
    text: bytes
    opened: OpenedObject

    def reading(self) -> OpenedObject:
        """Its content, as if it were read now."""
        return OpenedObject(BytesIO(self.text), self.opened.content_type, self.opened.metadata)


def _take(asked: TakeAsked) -> BackupManifest:
    store = asked.store
    if not isinstance(store, S3Objects):
        raise TypeError(f"{asked.name} is no store of objects")
    source = ObjectSource.open(asked.estate, store.source)
    taken_at, mark = now(), _mark(source)
    written = _list(asked, source, mark, _leave_out(asked, store))
    return BackupManifest(
        backup=asked.backup,
        system=asked.system,
        store=asked.name,
        kind="s3.objects",
        taken_at=taken_at,
        finished_at=now(),
        origin=Origin(identity=source.bucket, version="s3", database=source.prefix),
        encrypted_to=asked.recipients,
        files=(_uploaded(asked, written.path),),
        marker=read_marker(mark.text) if mark else None,
        contents=written.contents,
    )


def _mark(source: ObjectSource) -> _Mark | None:
    for _ in range(_TRIES):
        current = source.one(source.marker_key)
        if current is None:
            return None
        with suppress(Changed), source.reading(current) as opened:
            return _Mark(current, opened.body.read(_LARGEST_MARKER), opened)
    raise CouldNotObserve(f"the mark in s3://{source.bucket} is written all the time")


def _leave_out(asked: TakeAsked, store: S3Objects) -> str:
    """What of the bucket is no object of the set: the backups themselves, where they lie in it."""
    buckets = asked.estate.environment.buckets
    mine, theirs = buckets[store.bucket], buckets[store.source]
    if (mine.bucket, mine.endpoint) != (theirs.bucket, theirs.endpoint):
        return ""
    if not mine.prefix.strip("/"):
        raise CouldNotObserve(f"backups of bucket {theirs.bucket} lie at the top of it; give `{store.bucket}` a prefix")
    return f"{mine.prefix.strip('/')}/"


def _list(asked: TakeAsked, source: ObjectSource, mark: _Mark | None, leave_out: str) -> _Written:
    """Stores every content, and writes the list."""
    path, count = asked.folder / LIST, ListCount()
    storing = _Storing(asked, source, ObjectPool(asked.bucket, asked.name, now() if asked.afresh else None), mark)
    try:
        with path.open("xb") as file:
            for listed in in_order(storing.store, source.current(leave_out)):
                if listed is not None:
                    count.add(listed)
                    file.write(listed.line())
    except ValueError as e:
        raise CouldNotObserve(f"the list of s3://{source.bucket}/{source.prefix} is none: {e}") from e
    except OSError as e:
        raise CouldNotObserve(f"the backup of {asked.name} cannot be written in {asked.folder}: {e.strerror}") from e
    if not count.contents().objects:
        raise CouldNotObserve(f"s3://{source.bucket}/{source.prefix} has no object, so there is nothing to back up")
    return _Written(path, count.contents())


@dataclass(frozen=True)
class _Storing:
    """Stores one object's content after the other; several threads may do so at once."""

    asked: TakeAsked
    source: ObjectSource
    pool: ObjectPool
    mark: _Mark | None

    def store(self, one: Current) -> ListedObject | None:
        """The object as it was stored; None where it was removed meanwhile, which a bucket with versions rules out."""
        path = self.asked.folder / f"object-{secrets.token_hex(8)}"
        try:
            if self.mark is not None and one.key == self.mark.current.key:
                return self._store(self.mark.current, self.mark.reading(), path)
            return self._store_current(one, path)
        finally:
            path.unlink(missing_ok=True)

    def _store_current(self, one: Current, path: Path) -> ListedObject | None:
        current: Current | None = one
        for _ in range(_TRIES):
            if current is None:
                return None
            try:
                with self.source.reading(current) as opened:
                    return self._store(current, opened, path)
            except Changed:
                current = self.source.one(one.key)
        raise CouldNotObserve(
            f"an object of s3://{self.source.bucket} is written all the time; switch the bucket's versions on"
        )

    def _store(self, one: Current, opened: OpenedObject, path: Path) -> ListedObject:
        read = DigestedSource(opened.body)
        with path.open("wb") as file:
            while chunk := read.read(CHUNK):
                file.write(chunk)
        return ListedObject(
            key=one.key,
            version=one.version,
            size=read.size,
            sha256=read.sha256,
            etag=one.etag,
            modified=one.modified,
            stored=self.pool.put(path, read.sha256, self.asked.recipients, self.asked.store.keep),
            content_type=opened.content_type,
            metadata=opened.metadata,
        )


def _uploaded(asked: TakeAsked, path: Path) -> StoredFile:
    with path.open("rb") as file:
        size = path.stat().st_size
        return upload(asked.bucket, asked.key(LIST), file, asked.recipients, name=LIST, expected=size)
