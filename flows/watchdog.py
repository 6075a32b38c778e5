"""Looks whether every launch under way has a conductor, and gets it one where it lost it."""

import asyncio
import logging
from datetime import timedelta

from flows.launch import schedule, stopped_by_hand
from tasks.vocabulary import KINDS
from tminus import events as ev
from tminus.clock import now
from tminus.errors import TminusError
from tminus.frozen import Frozen
from tminus.lease import vacant
from tminus.ledger.directory import under_way
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
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
    phase = waiting_phase(record)
    lease = await asyncio.to_thread(store.lease, launch)
    if record.created is None or phase is None or lease is None or not vacant(lease):
        return False
    frozen = Frozen(record.created, KINDS)
    book.tell = telling(frozen)
    asked = record.scheduled[phase]
    if asked.token == lease.token and asked.due + _GRACE > now():
        return False
    how = None if record.must_roll_back else await stopped_by_hand(asked.run)
    if how and not any(asked.run in hold.why for hold in record.holds if isinstance(hold, ev.Held)):
        why = f"{phase} was {how} in Prefect (run {asked.run}), so nobody conducts; resume goes on, scrub ends it"
        await asyncio.to_thread(book.write, ev.Held(why=why))
        return False
    if how and record.held is not None:
        return False
    run = await schedule(book, frozen, frozen.runbook.phase(phase), now())
    _logger.warning("%s lost its conductor in %s; run %s takes it up", launch, phase, run)
    return True


def waiting_phase(record: Record) -> str | None:
    """The phase that somebody should be conducting now.

    The latest that was begun and not ended; or, where people ordered the way back after it ended, the latest begun.
    """
    if record.closed is not None:
        return None
    if not record.phases_started:
        return next(iter(record.scheduled), None) if record.scrubbed is not None else None
    latest = list(record.phases_started)[-1]
    if latest not in record.phases_ended or record.must_roll_back or record.scrubbed is not None:
        return latest
    return None
