"""Looks whether every launch under way has a conductor, and gets it one where it lost it."""

import asyncio
import logging
from datetime import datetime, timedelta

from prefect.client.schemas.objects import State

from flows.launch import run_state, schedule, stopped_by_hand
from tasks.vocabulary import KINDS
from tminus import events as ev
from tminus.clock import now
from tminus.errors import TminusError
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


async def keep_watch(store: Store) -> None:
    """Looks at every launch under way, again and again, until cancelled."""
    while True:
        try:
            await look_once(store)
        except (TminusError, OSError) as e:
            _logger.warning("the watchdog could not look: %s", e)
        await asyncio.sleep(EVERY)


async def look_once(store: Store) -> list[str]:
    """Gets a conductor for each launch that lost its own; returns their names."""
    return [launch for launch in await asyncio.to_thread(under_way, store) if await _look_at(store, launch)]


async def _look_at(store: Store, launch: str) -> bool:
    book = Logbook(store, launch)
    record = await asyncio.to_thread(book.refresh)
    if record.created is None:
        return False
    frozen = Frozen(record.created, KINDS)
    book.tell = telling(frozen)
    if await _schedule_forgotten(book, frozen):
        return True
    phase = waiting_phase(record, now())
    lease = await asyncio.to_thread(store.lease, launch)
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
    if how and not any(asked.run in hold.why for hold in record.holds if isinstance(hold, ev.Held)):
        why = f"{asked.phase} was {how} in Prefect (run {asked.run}), so nobody conducts; resume goes on, scrub ends it"
        await asyncio.to_thread(book.write, ev.Held(why=why))
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
