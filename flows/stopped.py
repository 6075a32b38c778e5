"""A run that somebody stopped in Prefect: it means hold, whoever finds it, and is said once."""

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import ObjectNotFound

from flows.conductor import Conductor
from flows.window import stopped_by_hand
from tminus import events as ev
from tminus.errors import MovedOn
from tminus.record import Record


async def run_state(run: str) -> State[None] | None:
    """How a phase's run stands in Prefect; None where Prefect does not know it."""
    async with get_client() as client:
        try:
            found = await client.read_flow_run(UUID(run))
        except ObjectNotFound:
            return None
    return found.state


def hold_of(record: Record, phase: str, how: str, run: str) -> ev.Held | None:
    """What is to be written down of a run that was stopped; None where it was, or where people turned the launch.

    Args:
        record: the launch's.
        phase: the one that the run was conducting, or was for.
        how: it was stopped.
        run: its id.
    """
    if _is_turned(record) or _is_said(record, run):
        return None
    why = f"{phase} was {how} in Prefect (run {run}); nothing begins until somebody resumes it"
    return ev.Held(why=why, by_hand=True)


async def hold_what_was_stopped(conductor: Conductor) -> None:
    """Holds where whoever conducted before was stopped by hand; raises Stopped where this very run was.

    A later phase's run may have waited for its lease, and takes over before the watchdog has looked. The way back, and
    the end of what people scrubbed, are held by nothing.
    """
    record = conductor.record
    if conductor.run is None or _is_turned(record):
        return
    await conductor.shown.refuse_stopped()
    before = next((one for one in reversed(record.events) if isinstance(one, ev.PhaseStarted)), None)
    if before is None or before.run in {conductor.run, "by hand", ""}:
        return
    if how := stopped_by_hand(await run_state(before.run)):
        await _hold_once(conductor, before.phase, how, before.run)


async def hold_as_stopped(conductor: Conductor, phase: str, how: str) -> None:
    """Holds where this very run was stopped by hand."""
    if conductor.run:
        await _hold_once(conductor, phase, how, conductor.run)


async def _hold_once(conductor: Conductor, phase: str, how: str, run: str) -> None:
    """The watchdog may write the same in this moment."""
    while hold := hold_of(conductor.record, phase, how, run):
        try:
            await conductor.write(hold, after=conductor.record.seq)
        except MovedOn:
            await conductor.refresh()


def _is_turned(record: Record) -> bool:
    return record.must_roll_back or record.scrubbed is not None or record.closed is not None


def _is_said(record: Record, run: str) -> bool:
    """Whether it was held for that run since it last began to conduct: what was resumed may be stopped again."""
    for event in reversed(record.events):
        if isinstance(event, ev.Held) and run in event.why:
            return True
        if isinstance(event, ev.PhaseStarted) and event.run == run:
            return False
    return False
