"""The backups of a store as its bucket has them: what is listed, the manifest, and the files as S3 knows them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from tasks.backup_store import BackupStore
from tasks.backups.asked import store_folder
from tasks.backups.object_pool import OUTLIVED, ObjectPool
from tminus import events as ev
from tminus.backups.book import AnyStore
from tminus.backups.catalogue import Catalogue, Entry, Listed, Outlived, catalogue, lag
from tminus.backups.manifest import BackupManifest, digest
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement

_LARGEST = 64 << 20  # bytes of a manifest; a database of 100,000 tables needs less
_NAMED = 10  # files that are named
_YOUNG = timedelta(minutes=5)  # since it was stored, within which a backup may be about to be recorded
_AGAIN = 1.0  # seconds until the ledger is asked once more

Taken = Callable[[], Sequence[ev.BackupTaken]]
"""Asks the ledger which backups of a store were taken; raises what asking raises."""


@dataclass(frozen=True)
class ReadManifest:
    """A manifest as it was found.

    Attributes:
        word: `recorded` where its digest is in the ledger as this very backup's, `unrecorded` where the ledger does not
            know it, `altered` where the ledger knows another under this name, `unreadable` where it makes no sense.
        digest: of its bytes.
        manifest: None unless it is recorded: what somebody else put there is not restored.
        why: in a few words; "" where it is recorded.
    """

    word: str
    digest: str = ""
    manifest: BackupManifest | None = None
    why: str = ""

    @property
    def measurement(self) -> Measurement:
        """As `tminus.backups.aspects` names it."""
        return Measurement(name="manifest", word=self.word)


def read_catalogue(bucket: BackupStore, name: str, store: AnyStore, taken: Taken) -> Catalogue:
    """What lies in the bucket of a store, as `against_ledger` has it; raises CouldNotObserve. Blocks."""
    folder = store_folder(bucket.prefix, name)
    logs = store_folder(bucket.prefix, store.wal.strip("/")) if store.kind == "postgres.base" else None
    entries = [one for one in bucket.entries(folder) if logs is None or not one.key.startswith(logs)]
    found = against_ledger(folder, entries, taken)
    if store.kind != "s3.objects":
        return found
    outlived = bucket.older(ObjectPool(bucket, name).folder, now() - OUTLIVED * store.keep - lag(store))
    return replace(found, outlived=Outlived(*outlived))


def against_ledger(folder: str, entries: Sequence[Entry], taken: Taken) -> Catalogue:
    """What was listed, held against what the ledger says since: it is asked only now, so nothing is newer than it.

    A backup is recorded right after its manifest is stored, so of one that was stored just now the ledger is asked once
    more before it counts as unrecorded. Blocks.
    """
    found = catalogue(folder, entries, taken())
    newest = found.newest
    if newest is not None and newest.recorded is None and now() - newest.stored < _YOUNG:
        time.sleep(_AGAIN)
        found = catalogue(folder, entries, taken())
    return found


def read_manifest(
    bucket: BackupStore, listed: Listed, system: str, name: str, store: AnyStore | None = None
) -> ReadManifest:
    """The manifest of a backup, held against the ledger, and where it is given the store's book. Blocks.

    Raises CouldNotObserve where S3 does not answer.
    """
    key = str(listed.manifest)
    text = bucket.text(key, _LARGEST)
    if text is None:
        raise CouldNotObserve(f"{bucket.url(key)} was there a moment ago and is gone; was it removed meanwhile?")
    found = digest(text)
    if listed.recorded is None:
        return ReadManifest("unrecorded", found, why=f"the ledger knows no backup {listed.name}; it is not restored")
    if listed.recorded.manifest_digest != found:
        why = f"the manifest of {listed.name} is not the one that was written; it is not restored"
        return ReadManifest("altered", found, why=why)
    try:
        manifest = BackupManifest.read(bucket.url(key), text)
    except CouldNotObserve as e:
        return ReadManifest("unreadable", found, why=str(e))
    said = (manifest.system, manifest.store, manifest.kind, manifest.backup)
    kind = store.kind if store is not None else listed.recorded.kind
    if said != (system, name, kind, listed.name):
        why = f"{key} is the manifest of {' '.join(said)}"
        return ReadManifest("altered", found, why=why)
    return ReadManifest("recorded", found, manifest)


def damaged_files(bucket: BackupStore, manifest: BackupManifest) -> tuple[Measurement, list[str]]:
    """How many files are not what the manifest says, as S3 knows them without being read. Blocks."""
    wrong: list[str] = []
    for file in manifest.files:
        head = bucket.dump(file.key)
        if head is None:
            wrong.append(f"{file.name} is not there")
        elif head.size != file.size:
            wrong.append(f"{file.name} has {head.size} bytes, not {file.size}")
        elif head.sha256 is not None and head.sha256 != file.sha256:
            wrong.append(f"{file.name} has another content, by the checksum that S3 keeps")
        elif head.etag != file.etag:
            wrong.append(f"{file.name} was written again: its ETag is another")
    return Measurement.number("files_damaged", len(wrong)), wrong[:_NAMED]
