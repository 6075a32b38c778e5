"""Taking one backup: its files, then its manifest, then what the ledger says of it."""

import asyncio
import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path
from time import perf_counter

from tasks.backup_store import AtRest, BackupStore
from tasks.backups.asked import TakeAsked, manifest_key, store_folder
from tasks.backups.vocabulary import TAKERS
from tasks.estate import Estate
from tminus import events as ev
from tminus.backups.book import AnyStore
from tminus.backups.manifest import BackupManifest, digest
from tminus.backups.opened import OpenedBackups, have_chain
from tminus.clock import now
from tminus.errors import CouldNotObserve, LedgerError, NotConfigured, Refused, UsageError
from tminus.ledger.store import Entry
from tminus.release import no_release


async def take_backup(opened: OpenedBackups, name: str, store: AnyStore) -> ev.BackupTaken:
    """Takes a backup of a store now; it counts once its manifest's digest is in the ledger.

    Raises CouldNotObserve, NotConfigured, MissingSecret where it could not be taken; Refused where one of this second
    is there already; UsageError where it is to be encrypted and nobody's key is known; LedgerError where it is there
    and not recorded.
    """
    taker = TAKERS.get(store.kind)
    if taker is None:
        raise NotConfigured(f"{store.kind} is not backed up by tminus; its own schedule does that")
    recipients = _recipients(opened, name, store)
    at, began = now(), perf_counter()
    async with Estate(opened.environment, no_release(opened.system), _name(name, at), opened.base) as estate:
        bucket = await asyncio.to_thread(BackupStore.open, estate, store.bucket)
        with _folder(opened) as folder:
            asked = TakeAsked(estate, opened.system, name, store, bucket, _name(name, at), recipients, Path(folder))
            manifest = await taker().take(asked)
        await asyncio.to_thread(_put, bucket, name, manifest)
    return await asyncio.to_thread(_record, opened, bucket, manifest, perf_counter() - began)


def _name(store: str, at: datetime) -> str:
    return f"{store}-{at:%Y%m%dT%H%M%SZ}"


def _recipients(opened: OpenedBackups, name: str, store: AnyStore) -> tuple[str, ...]:
    if not store.encrypted:
        return ()
    found = opened.settings().recipients
    if not found:
        raise UsageError(
            f"{name} is to be encrypted, and {opened.environment.environment} names no recipients under `backups`; "
            "make a key pair with `age-keygen`, and put its public key there"
        )
    return found


def _folder(opened: OpenedBackups) -> "tempfile.TemporaryDirectory[str]":
    state = opened.base / opened.environment.state
    try:
        state.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix="taking-", dir=state)
    except OSError as e:
        raise CouldNotObserve(f"{state}: no folder can be made there ({e.strerror}); may tminus write there?") from e


def _put(bucket: BackupStore, name: str, manifest: BackupManifest) -> None:
    """The manifest, last, and only where none is."""
    key = manifest_key(bucket.prefix, name, manifest.backup)
    if not bucket.put_manifest(key, manifest.text(), AtRest("AES256"), None):
        raise Refused(f"{bucket.url(key)} is there already; somebody else took one in the same second")


def _record(opened: OpenedBackups, bucket: BackupStore, manifest: BackupManifest, took: float) -> ev.BackupTaken:
    folder = f"{store_folder(bucket.prefix, manifest.store)}{manifest.backup}/"
    taken = ev.BackupTaken(
        store=manifest.store,
        kind=manifest.kind,
        backup=manifest.backup,
        manifest_digest=digest(manifest.text()),
        size=sum(file.size for file in manifest.files if file.key.startswith(folder)),
        taken_at=manifest.taken_at,
        marker=manifest.marker,
        took=round(took, 3),
    )
    try:
        with closing(opened.store()) as store:
            have_chain(store, opened.chain)
            store.append(Entry(opened.chain, ev.write(taken)))
    except LedgerError as e:
        raise LedgerError(
            f"the backup {manifest.backup} is in its bucket, and the ledger does not know it ({e}); "
            "take another once the ledger answers, since what is not recorded does not count as proven"
        ) from e
    return taken
