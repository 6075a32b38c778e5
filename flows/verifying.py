"""A verification of a system's backups: each store's newest one judged, restored, looked at, and told."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, closing

from flows.killed_takings import adopt, sweep_takings
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
from tminus.backups.opened import OpenedBackups
from tminus.backups.scratch_telling import scratch_letters
from tminus.backups.telling import letters, sentence
from tminus.backups.together import Comparison, compared_sentence
from tminus.backups.together_telling import comparison_letters
from tminus.backups.under_way import restore_under_way
from tminus.backups.unproven import last_words, still_failed, to_try_again
from tminus.clock import now
from tminus.errors import CouldNotObserve, LedgerError, MissingSecret, NotConfigured, Refused
from tminus.lease import Heartbeat, take
from tminus.ledger.opening import have_chain
from tminus.ledger.store import Entry, Letter, Store
from tminus.outcome import Outcome, Verdict
from tminus.release import no_release

log = logging.getLogger(__name__)

_LOOK = 2.0  # seconds between two looks whether live data are to be restored


class Verification:
    """One verification of a system's backups, or of some stores of it.

    Args:
        store: the ledger.
        opened: the book, and where its stores are.
        names: which stores; all of them where it is empty. Raises UsageError for an unknown one.
        older: whether an older backup of each is looked at too, chosen by what nobody chose, and one again that did not
            pass when it was last looked at.

    Attributes:
        made_way: the chain of the restore of live data for which it ends itself; "" where there is none.
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
        self._left: list[str] = []
        self.made_way = ""
        self.name = f"{now():%Y%m%dT%H%M%S.%fZ}"

    @asynccontextmanager
    async def conducting(self) -> AsyncIterator[None]:
        """The block in which nobody else verifies these backups. Raises LedgerError.

        Raises Refused where somebody does, or live data of the system are being restored.
        """
        if restore := await asyncio.to_thread(restore_under_way, self._store, self._opened):
            raise Refused(f"{restore} is under way, and people wait for it; verify once it is over")
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
            said = await sweep_takings(place, self._history, self._write)
            for planned in [one for one in self._history.scratches.values() if not one.backup]:
                if planned.folder:
                    said.append(await throw_away(planned, place.chain, self._write, "swept"))
                else:
                    said.append(await throw_away_database(estate, planned, place.chain, self._write, "swept"))
        self._left = [one for one in said if one]

    async def look(self, estate: Estate, name: str, store: AnyStore) -> list[ev.BackupVerified]:
        """Verifies one store, and writes down how each of its backups came out. Raises LedgerError."""
        setting = Setting(self._opened, estate, self.name, self._scratch, self._write, self._comparison)
        if isinstance(store, CockroachBackup):
            own = CockroachLook(name, store)
            return [await self._say(name, store, await self._unless_restored(own.outcome(setting)), own)]
        try:
            bucket = await asyncio.to_thread(BackupStore.open, estate, store.bucket)
            await adopt(bucket, name, self._history, self._write)
            found = await asyncio.to_thread(
                read_catalogue, bucket, name, store, lambda: self._opened.history(self._store).taken_of(name)
            )
        except (CouldNotObserve, NotConfigured, MissingSecret) as e:
            return [await self._say(name, store, Outcome.unknown(str(e)))]
        if found.newest is None:
            return [await self._say(name, store, _nothing(found, store, bucket.url(store_folder(bucket.prefix, name))))]
        came, chosen = [], self._chosen(name, found)
        for listed in chosen:
            one, last = Look(name, store, bucket, found, listed), listed is chosen[-1]
            outcome = await self._unless_restored(one.outcome(setting))
            came.append(await self._say(name, store, outcome, one, last=last))
            if self.made_way:
                break
        return came

    async def makes_way(self) -> bool:
        """Whether live data of the system are to be restored, or are being: then nothing more is looked at."""
        try:
            self.made_way = self.made_way or await asyncio.to_thread(restore_under_way, self._store, self._opened)
        except LedgerError as e:  # whoever writes next says so
            log.warning("whether a restore was asked for cannot be told: %s", e)
        return bool(self.made_way)

    async def _unless_restored(self, looking: "Coroutine[object, object, Outcome]") -> Outcome:
        """How a look comes out; it ends early, and is unknown, where live data are to be restored meanwhile."""
        look, asked = asyncio.create_task(looking), asyncio.create_task(self._asked_for())
        try:
            await asyncio.wait({look, asked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (look, asked):
                task.cancel()
            await asyncio.wait({look, asked})
        if look.cancelled():
            return Outcome.unknown(f"it was not looked at to its end: {self.made_way} came between")
        return look.result()

    async def _asked_for(self) -> None:
        while not await self.makes_way():
            await asyncio.sleep(_LOOK)

    async def end(self) -> ev.VerificationEnded:
        """Writes how it ended, and how stores agree, with the letters that tell it. Raises LedgerError."""
        whole = not self.made_way
        compared = await asyncio.to_thread(self._comparison.came, self.name, self._came) if whole else []
        for group in compared:
            await self._write(group, comparison_letters(self._opened, self._history, [group]))
        outcomes = [*(one.outcome for one in self._came), *(group.outcome for group in compared)]
        said = [sentence(self._opened.system, self._came), compared_sentence(compared)]
        if not whole:
            said.append(f"it ended itself for {self.made_way}; verify once that is over")
        ended = ev.VerificationEnded(
            verification=self.name,
            counts=dict(Counter(str(one.verdict) for one in outcomes)),
            common_mark=_common_mark(self._came) if whole else None,
            broke_off=not whole,
            sentence="; ".join(filter(None, said)),
        )
        left = (await asyncio.to_thread(self._opened.history, self._store)).left_behind(now())
        await self._write(ended, scratch_letters(self._opened, self._history, left, self._left) if whole else [])
        return ended

    def _chosen(self, name: str, found: Catalogue) -> list[Listed]:
        """The newest; with `older` also one of those that did not pass, and one of the rest."""
        newest, *older = found.complete
        chosen = [newest]
        if self._older:
            chance = random.Random(f"{self._seed}:{name}")  # noqa: S311 - to be repeated, no secret
            for some in (to_try_again(found, last_words(self._history.verified, name)), older):
                if rest := [one for one in some if one not in chosen]:
                    chosen.append(chance.choice(rest))
        return chosen

    async def _say(
        self,
        name: str,
        store: AnyStore,
        outcome: Outcome,
        look: Look | CockroachLook | None = None,
        *,
        last: bool = True,
    ) -> ev.BackupVerified:
        """Writes it down with the letters that tell it: whatever breaks off later, people know of this."""
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
        if isinstance(look, Look):
            words = last_words([*self._history.verified, *self._came, said], name)
            said = said.model_copy(update={"still_failed": still_failed(look.found, words)})
        self._came.append(said)
        mine = [one for one in self._came if one.store == name]
        cut_short = bool(self.made_way) and outcome.verdict is Verdict.UNKNOWN
        told = [] if cut_short else letters(self._opened, self._history, mine, whole=last)
        await self._write(said, told)
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
