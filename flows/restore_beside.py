"""The copy beside a live store: the chosen backup fetched, restored under a name of its own, and judged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from flows.restoring import Write, patience, plan_scratch, restored, throw_away
from tasks.backup_store import BackupStore
from tasks.backups.asked import Asked, Scratch, Seen, Verifier
from tasks.backups.catalogue import damaged_files, read_catalogue, read_manifest
from tasks.restores.asked import Live, Restorer, Way
from tminus import events as ev
from tminus.backups.catalogue import Listed
from tminus.backups.judging import Gathered, judged
from tminus.backups.manifest import BackupManifest
from tminus.backups.opened import OpenedBackups
from tminus.errors import CouldNotObserve, Refused
from tminus.lease import Heartbeat, take
from tminus.ledger.opening import have_chain
from tminus.ledger.store import Entry, Store
from tminus.outcome import Outcome

_NOT_JUDGED = ("loss", "restore_time")  # people were told what is lost, and decided
_NOT_HERE = "indexes_broken"  # where a live server gives no amcheck: it has just built every index itself
_TIMES = {"postgres.base": 3}  # as long as a verification: one, another recovery, and the copy


class _Beside(Verifier):
    """A restorer, watched as a verifier is."""

    kinds: ClassVar = ()

    def __init__(self, restorer: Restorer, live: Live, way: Way) -> None:
        self._restorer = restorer
        self._live = live
        self._way = way

    async def verify(self, asked: Asked) -> Seen:
        """Makes the copy, and looks at it."""
        return await self._restorer.beside(self._live, asked, self._way)


async def copied(opened: OpenedBackups, restorer: Restorer, live: Live, planned: ev.RestorePlanned) -> Outcome:
    """Makes the copy of what was planned, and judges it as a verification would, but for what people decided on.

    While it works no verification of the system runs. Raises Refused where one does; CouldNotObserve, NotConfigured,
    MissingSecret, LedgerError.
    """
    bucket = await asyncio.to_thread(BackupStore.open, live.estate, live.store.bucket)
    async with _conducting(opened, live.restore) as (store, write):
        seen, listed = Gathered(), await asyncio.to_thread(_listed, opened, store, bucket, live, planned.backup)
        manifest = await _manifest(opened, bucket, live, planned, listed, seen)
        if seen.because:  # S3 says that its files are not those that were written: nothing of them is run here
            return _judged(live, seen, bucket.url(str(listed.manifest)))
        place = plan_scratch(opened.scratch(), live.restore, live.name)
        asked = Asked(
            estate=live.estate,
            name=live.name,
            store=live.store,
            bucket=bucket,
            manifest=manifest,
            needed_at=planned.instant,
            scratch=Scratch(place.scratch, Path(place.folder), opened.settings().disk),
        )
        within = _TIMES.get(live.store.kind, 1) * patience(live.store)
        came = await restored(_Beside(restorer, live, planned.way), asked, place, opened.chain, write, within=within)
    seen.add(came.found, came.details, came.because)
    return _judged(live, seen, bucket.url(str(listed.manifest)))


def _judged(live: Live, seen: Gathered, where: str) -> Outcome:
    but = _NOT_JUDGED if _NOT_HERE in seen.found else (*_NOT_JUDGED, _NOT_HERE)
    return judged(live.store.kind, live.store, seen, where, newest=False, but=but)


@asynccontextmanager
async def _conducting(opened: OpenedBackups, restore: str) -> "AsyncIterator[tuple[Store, Write]]":
    """The block in which nobody verifies these backups; what an earlier try of this restore left is thrown away."""
    store = await asyncio.to_thread(opened.store)
    try:
        seconds = opened.environment.lease.total_seconds()
        await asyncio.to_thread(have_chain, store, opened.chain)
        try:
            token = await asyncio.to_thread(take, store, opened.chain, seconds)
        except Refused as e:
            raise Refused(
                f"the backups are being verified: {e}. A verification makes way for a restore by itself; the "
                f"environment stays held: `tminus restore --resume` then goes on, `tminus restore --give-up` ends it"
            ) from e

        async def write(event: ev.Event) -> None:
            await asyncio.to_thread(store.append, Entry(opened.chain, ev.write(event), token))

        with Heartbeat(opened.store(), opened.chain, token, seconds):
            history = await asyncio.to_thread(opened.history, store)
            for left in [one for one in history.scratches.values() if one.verification == restore]:
                await throw_away(left, opened.chain, write, "swept")
            yield store, write
    finally:
        store.close()


def _listed(opened: OpenedBackups, store: Store, bucket: BackupStore, live: Live, backup: str) -> Listed:
    for one in read_catalogue(
        bucket, live.name, live.store, lambda: opened.history(store).taken_of(live.name)
    ).complete:
        if one.name == backup:
            return one
    raise CouldNotObserve(f"{backup} is not in its bucket any more; was it removed since it was chosen?")


async def _manifest(
    opened: OpenedBackups, bucket: BackupStore, live: Live, planned: ev.RestorePlanned, listed: Listed, seen: Gathered
) -> BackupManifest:
    """The manifest that was chosen and no other; what S3 says of the files goes into what was seen."""
    read = await asyncio.to_thread(read_manifest, bucket, listed, opened.system, live.name, live.store)
    if read.manifest is None or read.digest != planned.manifest_digest:
        raise CouldNotObserve(f"{planned.backup} is not what was chosen any more: {read.why or 'another manifest'}")
    seen.add([read.measurement])
    damaged, details = await asyncio.to_thread(damaged_files, bucket, read.manifest)
    seen.add([damaged], details, because="; ".join(details[:1]))
    return read.manifest
