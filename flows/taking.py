"""Taking one backup: its files, then its manifest, then what the ledger says of it."""

import asyncio
import secrets
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

from flows.killed_takings import adopt, held, sweep_takings
from flows.restoring import in_scratch, plan_scratch
from tasks.backup_store import AtRest, BackupStore
from tasks.backups.asked import Scratch, TakeAsked, manifest_key, store_folder
from tasks.backups.vocabulary import TAKERS
from tasks.estate import Estate
from tminus import events as ev
from tminus.backups.book import AnyStore
from tminus.backups.history import History
from tminus.backups.manifest import BackupManifest, digest
from tminus.backups.opened import OpenedBackups
from tminus.backups.unproven import is_doubtful
from tminus.clock import now
from tminus.errors import LedgerError, NotConfigured, Refused, UsageError
from tminus.ledger.opening import have_chain
from tminus.ledger.store import Entry
from tminus.release import no_release


async def take_backup(opened: OpenedBackups, name: str, store: AnyStore) -> ev.BackupTaken:
    """Takes a backup of a store now; it counts once its manifest's digest is in the ledger.

    What must lie on a disk meanwhile, lies in a scratch place, which is recorded, watched and thrown away as that of a
    restore. Raises CouldNotObserve, NotConfigured, MissingSecret where it could not be taken; UsageError where it is to
    be encrypted and nobody's key is known, or no scratch folder; LedgerError where the ledger does not answer: nothing
    was taken then, or it is there and recorded later.
    """
    taker = TAKERS.get(store.kind)
    if taker is None:
        raise NotConfigured(f"{store.kind} is not backed up by tminus; its own schedule does that")
    recipients, folder = _recipients(opened, name, store), opened.scratch()
    at, began = now(), perf_counter()
    backup = _name(name, at)
    history = await asyncio.to_thread(_history, opened)

    async def write(event: ev.Event) -> None:
        await asyncio.to_thread(_append, opened, event)

    await sweep_takings(opened, history, write)
    planned = plan_scratch(folder, backup, name, backup=backup)
    scratch = Scratch(planned.scratch, Path(planned.folder), opened.settings().disk)
    async with Estate(opened.environment, no_release(opened.system), backup, opened.base) as estate:
        bucket = await asyncio.to_thread(BackupStore.open, estate, store.bucket)
        await adopt(bucket, name, history, write)
        afresh = _is_doubtful(history, name)
        asked = TakeAsked(estate, opened.system, name, store, bucket, backup, recipients, scratch.folder, afresh)
        async with held(opened, planned):
            manifest, _ = await in_scratch(
                lambda: taker().take(asked),
                scratch,
                planned,
                opened.chain,
                write,
                what=f"the backup of {name} ({store.kind})",
                within=patience(store),
            )
        taken = _taken(bucket, manifest, perf_counter() - began)
        await write(ev.BackupAnnounced(taken=taken))
        await asyncio.to_thread(_put, bucket, name, manifest)
    return await asyncio.to_thread(_record, opened, taken)


def patience(store: AnyStore) -> timedelta:
    """How long taking one may last: four times what it may be late, and ten minutes; then it is given up."""
    return 4 * store.late + timedelta(minutes=10)


def _name(store: str, at: datetime) -> str:
    """By its time; and two of the same second have not the same files."""
    return f"{store}-{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


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


def _history(opened: OpenedBackups) -> History:
    with closing(opened.store()) as store:
        return opened.history(store)


def _append(opened: OpenedBackups, event: ev.Event) -> None:
    with closing(opened.store()) as store:
        have_chain(store, opened.chain)
        store.append(Entry(opened.chain, ev.write(event)))


def _is_doubtful(history: History, name: str) -> bool:
    """Whether the last verification did not find what lies in the bucket good."""
    return any(is_doubtful(one) for verified in history.verifications_of(name)[-1:] for one in verified.backups)


def _put(bucket: BackupStore, name: str, manifest: BackupManifest) -> None:
    """The manifest, last, and only where none is."""
    key = manifest_key(bucket.prefix, name, manifest.backup)
    if not bucket.put_manifest(key, manifest.text(), AtRest("AES256"), None):
        raise Refused(f"{bucket.url(key)} is there already, and somebody else wrote it")


def _taken(bucket: BackupStore, manifest: BackupManifest, took: float) -> ev.BackupTaken:
    folder = f"{store_folder(bucket.prefix, manifest.store)}{manifest.backup}/"
    return ev.BackupTaken(
        store=manifest.store,
        kind=manifest.kind,
        backup=manifest.backup,
        manifest_digest=digest(manifest.text()),
        size=sum(file.size for file in manifest.files if file.key.startswith(folder)),
        taken_at=manifest.taken_at,
        marker=manifest.marker,
        took=round(took, 3),
    )


def _record(opened: OpenedBackups, taken: ev.BackupTaken) -> ev.BackupTaken:
    recorded = taken.model_copy(update={"at": now()})
    try:
        _append(opened, recorded)
    except LedgerError as e:
        raise LedgerError(
            f"the backup {taken.backup} is in its bucket, and it is not known whether the ledger has it ({e}); it was "
            "announced there, so the next `tminus backup` or `tminus verify-backup` of this store records it"
        ) from e
    return recorded
