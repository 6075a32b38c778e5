"""A launch: its phases, each a Prefect run of its own, scheduled ahead."""

import asyncio
from datetime import datetime
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.deployments.flow_runs import arun_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Failed

from flows.conductor import read_launch
from flows.phase import phase as phase_flow
from tminus import events as ev
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.opening import named_ledger, open_ledger
from tminus.runbook import Phase

__all__ = ["launch", "phase_flow"]

PHASE_DEPLOYMENT = "phase/phase"


@flow(name="launch", flow_run_name="{launch_id}")
async def launch(launch_id: str) -> State[None]:
    """Schedules every phase of a launch that exists in the ledger; refuses any other.

    Started twice it schedules nothing twice: a phase that has a run keeps it.
    """
    store = await asyncio.to_thread(open_ledger, named_ledger())
    book = Logbook(store, launch_id)
    frozen = read_launch(book)
    if book.record.closed is not None:
        return Failed(message=f"this launch is over: {book.record.closed.sentence}")
    for one in frozen.runbook.phases:
        if one.phase not in book.record.scheduled:
            due = frozen.created.t0 + frozen.environment.clock.real(one.offset)
            await schedule(book, frozen, one, due)
    store.close()
    return Completed(
        message=f"{len(frozen.runbook.phases)} phases are scheduled; T-0 is {frozen.created.t0:%H:%M:%S} UTC"
    )


async def schedule(book: Logbook, frozen: Frozen, one: Phase, due: datetime) -> str:
    """Asks Prefect for a phase's run, once for each lease: a run that died is not given back.

    Returns the run's id.
    """
    lease = await asyncio.to_thread(book.store.lease, book.launch)
    token = lease.token if lease else 0
    run = await arun_deployment(
        PHASE_DEPLOYMENT,
        parameters={"launch_id": book.launch, "phase": one.phase},
        scheduled_time=due,
        timeout=0,
        as_subflow=False,
        idempotency_key=f"{book.launch}:{one.slug}:{frozen.created.digests['runbook'][-12:]}:{token}",
        flow_run_name=f"{frozen.created.title} {one.phase}",
        tags=[frozen.created.system, book.launch, one.phase],
    )
    written = ev.PhaseScheduled(phase=one.phase, due=due, run=str(run.id), token=token)
    await asyncio.to_thread(book.write, written)
    return str(run.id)


async def was_cancelled(run: str) -> bool:
    """Whether somebody cancelled a phase's run in Prefect."""
    async with get_client() as client:
        try:
            found = await client.read_flow_run(UUID(run))
        except ObjectNotFound:
            return False
    return found.state is not None and (found.state.is_cancelled() or found.state.is_cancelling())
