"""A verification of a system's backups: each store's newest one judged, restored, looked at, and told."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing

from flows.looking_at_backup import Look, Setting
from flows.looking_at_cockroach import CockroachLook, throw_away_database
from flows.restoring import throw_away
from tasks.backup_store import BackupStore
from tasks.backups.asked import store_folder
from tasks.backups.catalogue import read_catalogue
from tasks.estate import Estate
from tminus import events as ev
from tminus.backups.book import AnyStore, CockroachBackup
from tminus.backups.catalogue import Catalogue, Listed, tell
from tminus.backups.contents import Marker
from tminus.backups.history import History
from tminus.backups.judging import in_seconds
from tminus.backups.opened import OpenedBackups, have_chain
from tminus.backups.telling import letters, sentence
from tminus.backups.together import Comparison, compared_sentence
from tminus.backups.together_telling import comparison_letters
from tminus.clock import now
from tminus.errors import CouldNotObserve, MissingSecret, NotConfigured
from tminus.lease import Heartbeat, take
from tminus.ledger.store import Entry, Letter, Store
from tminus.outcome import Outcome, Verdict
from tminus.release import no_release


class Verification:
    """One verification of a system's backups, or of some stores of it.

    Args:
        store: the ledger.
        opened: the book, and where its stores are.
        names: which stores; all of them where it is empty. Raises UsageError for an unknown one.
        older: whether an older backup of each is looked at too, chosen by what nobody chose.
    """

    def __init__(self, store: Store, opened: OpenedBackups, names: Sequence[str] = (), *, older: bool = False) -> None:
        self._store = store
        self._opened = opened
        self._older = older
        self.stores = opened.named(names)
        self._scratch = opened.scratch()
        self._token = 0
        self._history = History(opened.chain, ())
        self._came: list[ev.BackupVerified] = []
        self._comparison = Comparison(opened.book, [name for name, _ in self.stores])
        self._seed = ""
        self.name = f"{now():%Y%m%dT%H%M%S.%fZ}"

    @asynccontextmanager
    async def conducting(self) -> AsyncIterator[None]:
        """The block in which nobody else verifies these backups. Raises Refused where somebody does, LedgerError."""
        chain, seconds = self._opened.chain, self._opened.environment.lease.total_seconds()
        await asyncio.to_thread(have_chain, self._store, chain)
        self._token = await asyncio.to_thread(take, self._store, chain, seconds)
        with closing(self._comparison), Heartbeat(self._opened.store(), chain, self._token, seconds):
            yield

    async def begin(self) -> None:
        """Sweeps what an earlier one left behind, says so, and writes that this one began. Raises LedgerError."""
        self._history = await asyncio.to_thread(self._opened.history, self._store)
        await self._sweep()
        for began in self._history.broke_off.values():
            said = f"{self._opened.system}: the verification of {began.at:%Y-%m-%d %H:%M} broke off before its end"
            ended = ev.VerificationEnded(verification=began.verification, counts={}, broke_off=True, sentence=said)
            await self._write(ended)
        head = await asyncio.to_thread(self._store.head, self._opened.chain)
        self._seed = head.hash if head is not None and self._older else ""
        await self._write(
            ev.VerificationBegan(
                verification=self.name,
                system=self._opened.system,
                environment=self._opened.environment.environment,
                digests=self._opened.digests,
                stores=tuple(name for name, _ in self.stores),
                seed=self._seed,
            )
        )

    async def _sweep(self) -> None:
        place = self._opened
        async with Estate(place.environment, no_release(place.system), self.name, place.base) as estate:
            for planned in self._history.scratches.values():
                if planned.folder:
                    await throw_away(planned, place.chain, self._write, "swept")
                else:
                    await throw_away_database(estate, planned, place.chain, self._write, "swept")

    async def look(self, estate: Estate, name: str, store: AnyStore) -> list[ev.BackupVerified]:
        """Verifies one store, and writes down how each of its backups came out. Raises LedgerError."""
        setting = Setting(self._opened, estate, self.name, self._scratch, self._write, self._comparison)
        if isinstance(store, CockroachBackup):
            own = CockroachLook(name, store)
            return [await self._say(name, store, await own.outcome(setting), own)]
        try:
            bucket = await asyncio.to_thread(BackupStore.open, estate, store.bucket)
            taken = self._history.taken_of(name)
            found = await asyncio.to_thread(read_catalogue, bucket, name, store, taken)
        except (CouldNotObserve, NotConfigured, MissingSecret) as e:
            return [await self._say(name, store, Outcome.unknown(str(e)))]
        if found.newest is None:
            return [await self._say(name, store, _nothing(found, store, bucket.url(store_folder(bucket.prefix, name))))]
        came = []
        for listed in self._chosen(name, found):
            one = Look(name, store, bucket, found, listed)
            came.append(await self._say(name, store, await one.outcome(setting), one))
        return came

    async def end(self) -> ev.VerificationEnded:
        """Writes how it ended, with the letters that tell it. Raises LedgerError."""
        compared = await asyncio.to_thread(self._comparison.came, self.name, self._came)
        for group in compared:
            await self._write(group)
        outcomes = [*(one.outcome for one in self._came), *(group.outcome for group in compared)]
        said = [sentence(self._opened.system, self._came), compared_sentence(compared)]
        ended = ev.VerificationEnded(
            verification=self.name,
            counts=dict(Counter(str(one.verdict) for one in outcomes)),
            common_mark=_common_mark(self._came),
            sentence="; ".join(filter(None, said)),
        )
        told = letters(self._opened, self._history, self._came)
        await self._write(ended, [*told, *comparison_letters(self._opened, self._history, compared)])
        return ended

    def _chosen(self, name: str, found: Catalogue) -> list[Listed]:
        """The newest, and with `older` one of those before it."""
        newest, *older = found.complete
        if not self._older or not older:
            return [newest]
        return [newest, random.Random(f"{self._seed}:{name}").choice(older)]  # noqa: S311 - to be repeated, no secret

    async def _say(
        self, name: str, store: AnyStore, outcome: Outcome, look: Look | CockroachLook | None = None
    ) -> ev.BackupVerified:
        said = ev.BackupVerified(
            verification=self.name,
            store=name,
            kind=store.kind,
            backup=look.backup if look else "",
            manifest_digest=look.digest if look else "",
            newest=look.newest if look else True,
            outcome=outcome.model_copy(update={"at": now()}),
            rto_seconds=in_seconds(outcome, "restore_time"),
            rpo_seconds=in_seconds(outcome, "loss"),
            stages=look.stages if look else {},
            marker=look.marker if look else None,
        )
        await self._write(said)
        self._came.append(said)
        return said

    async def _write(self, event: ev.Event, letters: Sequence[Letter] = ()) -> None:
        entry = Entry(self._opened.chain, ev.write(event), self._token, letters=letters)
        await asyncio.to_thread(self._store.append, entry)


def _nothing(found: Catalogue, store: AnyStore, where: str) -> Outcome:
    """There is no backup at all: that is an observation, and the worst there is."""
    told = tell(found, store, now())
    return Outcome(
        verdict=Verdict.FAIL,
        summary=f"there is no backup under {where}",
        found=told.found,
        where=where,
        details=told.details,
    )


def _common_mark(came: Sequence[ev.BackupVerified]) -> Marker | None:
    """The newest mark that every store's newest backup has; None where one of them has none, or is not proven."""
    newest = [one for one in came if one.newest]
    marks = [one.marker for one in newest if one.marker is not None and one.outcome.verdict is Verdict.PASS]
    return min(marks, key=lambda mark: mark.number) if marks and len(marks) == len(newest) else None
