"""Who may conduct a launch: its time has come, no other process has it, and the lease is renewed until it is left."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from flows.conductor import Conductor
from tasks.estate import Estate
from tasks.vocabulary import KINDS
from tminus import lease
from tminus.clock import now
from tminus.courier import Courier
from tminus.errors import LedgerError, Refused
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.opening import named_ledger, open_ledger
from tminus.ledger.store import Store
from tminus.messages import telling

_EARLY = timedelta(seconds=2)  # a worker may start a run a little ahead of its time
_LOOK = 0.25  # seconds between two tries to take the lease

logger = logging.getLogger(__name__)


def read_launch(book: Logbook) -> Frozen:
    """What a launch froze; raises LedgerError where there is no such launch."""
    created = book.refresh().created
    if created is None:
        raise LedgerError(f"no launch is called {book.launch!r}; `tminus status` lists them")
    return Frozen(created, KINDS)


def not_due(launch: str, phase: str) -> str | None:
    """Why a run of this phase must not begin: nobody but the launch's own schedule starts one ahead of its time."""
    store = open_ledger(named_ledger())
    book = Logbook(store, launch)
    frozen = read_launch(book)
    store.close()
    if phase not in [one.phase for one in frozen.runbook.phases]:
        return f"{launch} has no phase {phase!r}; it has {', '.join(one.phase for one in frozen.runbook.phases)}"
    due = frozen.created.t0 + frozen.environment.clock.real(frozen.runbook.phase(phase).offset)
    if now() < due - _EARLY and book.record.scrubbed is None:  # to end it is never too early
        return f"{phase} of {launch} is due at {due:%Y-%m-%d %H:%M:%S} UTC, and does not begin ahead of its time"
    return None


async def _take_lease(store: Store, launch: str, seconds: float) -> int:
    """Waits for a conductor that lives: an earlier phase may still be at work when the next one's time has come."""
    while True:
        try:
            return await asyncio.to_thread(lease.take, store, launch, seconds)
        except Refused as e:
            logger.info("waiting: %s", e)
            await asyncio.sleep(_LOOK)


@asynccontextmanager
async def conducting(launch: str, run: str | None) -> AsyncIterator[Conductor]:
    """Takes the launch's lease as soon as no other conductor has it, renews it, and carries letters, until left."""
    settings = named_ledger()
    store, beating, carrying = (open_ledger(settings) for _ in range(3))
    frozen = read_launch(Logbook(store, launch))
    environment = frozen.environment
    token = await _take_lease(store, launch, environment.lease.total_seconds())
    book = Logbook(store, launch, telling(frozen), token)
    changes = store.changes()
    heartbeat = lease.Heartbeat(beating, launch, token, environment.lease.total_seconds())
    async with Estate(environment, frozen.release, launch, frozen.base) as estate:
        with heartbeat, Courier(carrying, environment):
            await asyncio.to_thread(book.refresh)
            conductor = Conductor(book, frozen, estate, changes, run)
            conductor.keep_ways_back()
            try:
                yield conductor
            finally:
                changes.close()
    store.close()
