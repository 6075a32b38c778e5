"""Looks whether every launch under way has a conductor, and gets it one where it lost it."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from prefect.client.schemas.objects import State

from flows.launch import schedule
from flows.prefect_errors import PREFECT_ERRORS
from flows.stopped import hold_of, run_state
from flows.window import stopped_by_hand
from tasks.vocabulary import KINDS
from tminus import events as ev
from tminus.clock import now
from tminus.errors import MovedOn, TminusError
from tminus.frozen import Frozen
from tminus.lease import vacant
from tminus.ledger.directory import under_way
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Lease, Store
from tminus.messages import telling
from tminus.record import Record

_logger = logging.getLogger(__name__)
EVERY = 1.0  # seconds
_GRACE = timedelta(seconds=30)  # how long a worker may take to start a run


# What one launch, or Prefect, can throw at whoever looks: nothing of it keeps the watchdog from the other launches.
_TROUBLES = (TminusError, *PREFECT_ERRORS)


class Watchdog:
    """Looks at every launch under way, again and again; what is wrong with one keeps it from no other.

    Args:
        store: a store of its own.
        environment: whose launches: those of another that shares the ledger run in another Prefect.

    Attributes:
        failures: how many looks failed, whether at one launch or at the list of all.
        unseen: the launches that could not be looked at last time, and why; "" stands for the list itself.
    """

    def __init__(self, store: Store, environment: str) -> None:
        self._store = store
        self._environment = environment
        self._elsewhere: set[str] = set()  # launches under way that are another environment's
        self._watching = False
        self.failures = 0
        self.unseen: dict[str, str] = {}

    async def keep_watch(self) -> None:
        """Looks every second, until cancelled."""
        self._watching = True
        try:
            while True:
                await self.look_once()
                await asyncio.sleep(EVERY)
        finally:
            self._watching = False

    async def look_once(self) -> list[str]:
        """Gets a conductor for each launch that lost its own; returns their names."""
        launches: list[str] = []

        async def list_them() -> bool:
            launches.extend(await asyncio.to_thread(under_way, self._store))
            return False

        await self._watched("", list_them())
        for gone in self.unseen.keys() - {"", *launches}:
            del self.unseen[gone]
        self._elsewhere &= {*launches}
        here = [launch for launch in launches if launch not in self._elsewhere]
        return [launch for launch in here if await self._watched(launch, self._look(launch))]

    async def _look(self, launch: str) -> bool:
        book = Logbook(self._store, launch)
        created = (await asyncio.to_thread(book.refresh)).created
        if created is None:
            return False
        if created.environment_name != self._environment:
            self._elsewhere.add(launch)
            return False
        return await _look_at(book, created)

    async def _watched(self, launch: str, look: Coroutine[None, None, bool]) -> bool:
        """What a look found; one that fails is counted, and said once for as long as it fails in the same way."""
        named = launch or "the list of launches"
        try:
            found = await look
        except _TROUBLES as e:
            self.failures += 1
            why = f"{type(e).__name__}: {e}"
            if self.unseen.get(launch) != why:
                self.unseen[launch] = why
                _logger.error("the watchdog cannot look at %s: %s", named, why)  # noqa: TRY400 - the reason says it
            return False
        if self.unseen.pop(launch, None) is not None:
            _logger.warning("the watchdog can look at %s again", named)
        return found

    def trouble(self) -> str:
        """That it has ended; "" while it watches."""
        return "" if self._watching else "the watchdog does not watch"

    def metrics(self) -> Iterator[str]:
        """Looks that failed, and launches that cannot be looked at now, in Prometheus' text format."""
        yield "# TYPE tminus_watchdog_failures_total counter"
        yield f"tminus_watchdog_failures_total {self.failures}"
        yield "# TYPE tminus_watchdog_unseen_launches gauge"
        yield f"tminus_watchdog_unseen_launches {len(self.unseen)}"


async def _look_at(book: Logbook, created: ev.LaunchCreated) -> bool:
    record, launch, frozen = book.record, book.launch, Frozen(created, KINDS)
    book.tell = telling(frozen)
    if await _schedule_forgotten(book, frozen):
        return True
    phase = waiting_phase(record, now())
    lease = await asyncio.to_thread(book.store.lease, launch)
    if phase is None or lease is None or not vacant(lease):
        return False
    asked = record.scheduled.get(phase)
    if asked is not None and await _is_taken_care_of(book, asked, lease):
        return False
    run = await schedule(book, frozen, frozen.runbook.phase(phase), now())
    _logger.warning("%s has no conductor in %s; run %s takes it up", launch, phase, run)
    return True


async def _is_taken_care_of(book: Logbook, asked: ev.PhaseScheduled, lease: Lease) -> bool:
    """Whether the run that was asked for last will still take it up, or people stopped it and have not resumed."""
    record, state = book.record, await run_state(asked.run)
    turned = record.must_roll_back or record.scrubbed is not None
    how = None if turned else stopped_by_hand(state)
    if how and (hold := hold_of(record, asked.phase, how, asked.run)):
        with suppress(MovedOn):  # whoever takes over may write the same in this moment; it is looked at again
            await asyncio.to_thread(book.write, hold, after=record.seq)
        return True
    return bool(how and record.held is not None) or _still_to_come(record, asked, lease, state)


async def _schedule_forgotten(book: Logbook, frozen: Frozen) -> bool:
    """Phases get their runs right after a launch was created; where whoever did that was lost, they get them here."""
    if frozen.created.at + _GRACE > now() or book.record.closed is not None:
        return False
    forgotten = [one for one in frozen.runbook.phases if one.phase not in book.record.scheduled]
    for one in forgotten:
        run = await schedule(book, frozen, one, frozen.created.t0 + frozen.environment.clock.real(one.offset))
        _logger.warning("%s had no run for %s; it is %s now", book.launch, one.phase, run)
    return bool(forgotten)


def _still_to_come(record: Record, asked: ev.PhaseScheduled, lease: Lease, state: State[None] | None) -> bool:
    """Whether the run that was asked for last may still take the phase up."""
    if state is None or state.is_final():
        return False
    if record.scrubbed is not None and asked.due > now():
        return False  # to end it is never too early
    if asked.phase in record.phases_started and asked.token != lease.token:
        return False  # somebody conducted since it was asked for, and is gone
    return state.is_scheduled() or asked.due + _GRACE > now()


def waiting_phase(record: Record, moment: datetime) -> str | None:
    """The phase that somebody should be conducting now.

    The latest that was begun and not ended; the latest begun, too, where people ordered the way back after it ended,
    or where all are over and nobody wrote the end; else the next one, once its time has come.
    """
    if record.closed is not None:
        return None
    turned = record.must_roll_back or record.scrubbed is not None
    latest = next(reversed(record.phases_started), None)
    over = record.scheduled.keys() <= record.phases_ended.keys()
    if latest is not None and (turned or over or latest not in record.phases_ended):
        return latest
    to_come = (one for one in record.scheduled.values() if one.phase not in record.phases_started)
    return next((one.phase for one in to_come if turned or one.due <= moment), None)
