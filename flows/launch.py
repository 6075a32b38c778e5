"""A launch: its phases, each a Prefect run of its own, scheduled ahead."""

import asyncio
from datetime import datetime

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.deployments.flow_runs import arun_deployment
from prefect.states import Completed, Failed

from flows.conducting import read_launch
from flows.phase import phase as phase_flow
from tminus import events as ev
from tminus.errors import Refused
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.opening import named_ledger, open_ledger
from tminus.runbook import Phase

__all__ = ["launch", "phase_flow"]

PHASE_DEPLOYMENT = "phase/phase"


@flow(name="launch", flow_run_name="{launch_id}")
async def launch(launch_id: str) -> State[None]:
    """Schedules every phase of a launch that exists in the ledger; refuses any other.

    `tminus launch` does the same by itself; this is for automations, and for mending by hand.
    """
    try:
        count = await schedule_phases(launch_id)
    except Refused as e:
        return Failed(message=str(e))
    return Completed(message=f"{count} phases are scheduled")


async def schedule_phases(launch_id: str) -> int:
    """Gives every phase of a launch its run, ahead of its time; a phase that has one keeps it.

    Returns how many phases there are. Raises LedgerError where there is no such launch, Refused where it is over.
    """
    store = await asyncio.to_thread(open_ledger, named_ledger())
    book = Logbook(store, launch_id)
    frozen = read_launch(book)
    if book.record.closed is not None:
        raise Refused(f"this launch is over: {book.record.closed.sentence}")
    for one in frozen.runbook.phases:
        if one.phase not in book.record.scheduled:
            due = frozen.created.t0 + frozen.environment.clock.real(one.offset)
            await schedule(book, frozen, one, due)
    store.close()
    return len(frozen.runbook.phases)


async def schedule(book: Logbook, frozen: Frozen, one: Phase, due: datetime) -> str:
    """Asks Prefect for a phase's run; asked again later it asks for another one, since a run that died stays dead.

    Two who ask at the same time get the same run. Returns the run's id.
    """
    lease = await asyncio.to_thread(book.store.lease, book.launch)
    token = lease.token if lease else 0
    asked = sum(isinstance(event, ev.PhaseScheduled) and event.phase == one.phase for event in book.record.events)
    run = await arun_deployment(
        PHASE_DEPLOYMENT,
        parameters={"launch_id": book.launch, "phase": one.phase},
        scheduled_time=due,
        timeout=0,
        as_subflow=False,
        idempotency_key=f"{book.launch}:{one.slug}:{frozen.created.digests['runbook'][-12:]}:{token}:{asked}",
        flow_run_name=f"{frozen.created.title} {one.phase}",
        tags=[frozen.created.system, book.launch, one.phase],
    )
    written = ev.PhaseScheduled(phase=one.phase, due=due, run=str(run.id), token=token)
    await asyncio.to_thread(book.write, written)
    return str(run.id)
