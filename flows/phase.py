"""One phase of a launch: what is left of it, step by step, whatever happened before."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.exceptions import Pause
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from flows.acting import carry_out
from flows.anchoring import anchor_what_was_missed, end_phase
from flows.asking import ask
from flows.blocking import clear_to_proceed, get_past, hold_when_late
from flows.by_the_ledger import by_the_ledger
from flows.closing import (
    Ending,
    close_as,
    ends,
    is_over,
    launched_if_over,
    say_it_is_over,
    wait_for_the_end,
)
from flows.conducting import conducting, not_due
from flows.conductor import Conductor, logger
from flows.following_up import follow_up
from flows.lapsing import look_again
from flows.observing import observe, observe_all
from flows.paging import prove_paging
from flows.roll_call import call_roll
from flows.rolling_back import roll_back, tidy_up
from flows.stopped import hold_as_stopped, hold_what_was_stopped
from flows.turns import Lapsed, Lost, NoGo, OutOfTime, Recycled, Scrubbed, Stopped, TurnBack
from flows.watching import watch
from flows.what_next import turns_back
from tasks.action import Action
from tasks.check import Check
from tasks.checks.watch import ReleaseWatch
from tminus import events as ev
from tminus.outcome import Outcome
from tminus.runbook import (
    Acknowledgement,
    Approval,
    Attestation,
    FollowUps,
    PagingPath,
    Phase,
    Readiness,
    RollCall,
    SignOff,
    Step,
)


@flow(name="phase", flow_run_name="{launch_id} {phase}", validate_parameters=True)
async def phase(launch_id: str, phase: str) -> State[None]:
    """Runs a phase of a launch that exists in the ledger, and whatever earlier phase was left unfinished."""
    try:
        if why := not_due(launch_id, phase):
            return Failed(message=why)
        async with conducting(launch_id, str(flow_run.get_id())) as conductor:
            try:
                return await conduct(conductor, phase)
            except Stopped as e:
                await hold_as_stopped(conductor, phase, e.how)
                raise
    except Stopped as e:
        if e.how == "cancelled":
            return Cancelled(message=str(e))
        raise Pause(str(e)) from e  # as Prefect's own engine leaves a run suspended
    except Lost as e:
        return Failed(message=str(e))


async def conduct(conductor: Conductor, upto: str) -> State[None]:
    """Goes on from wherever the launch is; every end is written down, and said in one sentence."""
    await conductor.merge_what_can_be_read()
    await hold_what_was_stopped(conductor)
    await anchor_what_was_missed(conductor)
    while conductor.record.closed is None:
        if (ending := await _to_its_end(conductor, upto)) is None:
            return _state_of(conductor)
        if ending.result in {"no-go", "scrubbed", "rolled back"}:
            await tidy_up(conductor)
        await close_as(conductor, ending)
        await say_it_is_over(conductor)
    return _state_of(conductor)


async def _to_its_end(conductor: Conductor, upto: str) -> Ending | None:
    """Goes on until the launch ends, and says how; None where a later phase goes on."""
    try:
        await _go_on(conductor, upto)
        return await launched_if_over(conductor)
    except Recycled:
        return await _to_its_end(conductor, upto)
    except TurnBack as turn:
        return await go_back(conductor, turn)
    except NoGo as turn:
        return ends(conductor, "no-go", str(turn))
    except Scrubbed as turn:
        return ends(conductor, "scrubbed", str(turn))
    except OutOfTime as turn:
        return ends(conductor, "held", str(turn))


async def _go_on(conductor: Conductor, upto: str) -> None:
    """Every phase that is due and not over, in order; from the first one again after a recycle."""
    while True:
        try:
            conductor.stop_if_turned()
            conductor.estate.cycle = conductor.record.recycles
            for one in _unfinished(conductor, upto):
                await run_phase(conductor, one)
        except Recycled as turn:
            logger.info("%s: %s", conductor.launch, turn)
            await conductor.shown.running()
        else:
            return


def _unfinished(conductor: Conductor, upto: str) -> Iterator[Phase]:
    for one in conductor.frozen.runbook.phases:
        if not is_over(conductor.record, one):
            yield one
        if one.phase == upto:
            return


async def run_phase(conductor: Conductor, one: Phase) -> None:
    """Every step of the phase that is not settled, in order; checks that stand together run together."""
    await hold_when_late(conductor, one)
    await conductor.write(_started(conductor, one))
    for steps in _together(one.steps):
        await settle_all(conductor, steps)
    await conductor.refresh()
    conductor.stop_if_turned()
    await end_phase(conductor, one)


def _started(conductor: Conductor, one: Phase) -> ev.PhaseStarted:
    holder = conductor.holder
    return ev.PhaseStarted(phase=one.phase, holder=holder, token=conductor.token, run=conductor.run or "by hand")


def _together(steps: Sequence[Step]) -> list[list[Step]]:
    """Neighbouring checks in one group; everything else alone."""
    groups: list[list[Step]] = []
    for is_check, neighbours in groupby(steps, key=lambda step: isinstance(step.does, Check)):
        some = list(neighbours)
        groups.extend([some] if is_check else [[step] for step in some])
    return groups


async def settle_all(conductor: Conductor, steps: Sequence[Step]) -> None:
    """Runs steps until each is settled, not blocking, or turned the launch elsewhere; none while it is held."""
    left = list(steps)
    while left:
        await clear_to_proceed(conductor)
        checks = [(step, step.does) for step in left if isinstance(step.does, Check)]
        await observe_all(conductor, checks)
        try:
            for step in left:
                if not isinstance(step.does, Check):
                    await run_step(conductor, step)
        except Lapsed as turn:
            await _settle_again(conductor, turn.steps)
            continue
        turn_back_if_broken(conductor, left)
        left = [step for step in left if not await get_past(conductor, step)]


async def _settle_again(conductor: Conductor, steps: Sequence[Step]) -> None:
    """What only a waiver settled that is over now: as it is seen now, or waived anew, or mended and tried again."""
    await look_again(conductor, steps)
    taken_back = [step for step in steps if not await get_past(conductor, step)]
    await settle_all(conductor, taken_back)


async def run_step(conductor: Conductor, step: Step) -> Outcome:
    """One step that is no plain check."""
    match step.does:
        case Action() as action:
            return await carry_out(conductor, step, action)
        case ReleaseWatch() as spec:
            return await watch(conductor, step, spec)
        case Approval() | Acknowledgement() | Attestation() as question:
            return await ask(conductor, step, question)
        case SignOff() | Readiness() as question:
            return await by_the_ledger(conductor, step, question)
        case PagingPath() as question:
            return await prove_paging(conductor, step, question)
        case FollowUps():
            return await follow_up(conductor, step)
        case RollCall() as question:
            return await call_roll(conductor, step, question)
        case Check() as check:
            return await observe(conductor, step, check)
    raise TypeError(f"step {step.id}: {type(step.does).__name__} is known to the book and not to the flows")


def turn_back_if_broken(conductor: Conductor, steps: Sequence[Step]) -> None:
    """Raises TurnBack for the first step whose failure is a reason to go back."""
    for step in steps:
        outcome = conductor.record.step(step.id).outcome
        if outcome is not None and turns_back(conductor.frozen, conductor.record, step):
            raise TurnBack(f"{step.id}: {outcome.summary}")


async def go_back(conductor: Conductor, turn: TurnBack) -> Ending:
    """Rolls back; a way back that is not proven stops there, pages, and is left to people.

    Only their next order tries it again, under this conductor or another one.
    """
    while not await _is_back(conductor, turn):
        said = await hold_unproven(conductor)
        try:
            again = await wait_for_the_end(conductor)
        except OutOfTime:
            return ends(conductor, "held", said)
        if not again:
            return ends(conductor, "rolled back", f"{turn}; {said}; a person took it from there")
    return ends(conductor, "rolled back", str(turn))


async def hold_unproven(conductor: Conductor) -> str:
    """Says, once, why the way back stopped."""
    said = conductor.record.rolled_back.said if conductor.record.rolled_back else "the way back broke off"
    if all(hold.why != said for hold in conductor.record.holds if isinstance(hold, ev.Held)):
        logger.error("%s: %s", conductor.launch, said)
        await conductor.write_or_journal(ev.Held(why=said))
    return said


async def _is_back(conductor: Conductor, turn: TurnBack) -> bool:
    ended = conductor.record.rolled_back
    return await roll_back(conductor, turn) if ended is None else ended.proven


def _state_of(conductor: Conductor) -> State[None]:
    closed = conductor.record.closed
    if closed is None:
        return Completed(message="the phase is over; the launch goes on")
    if closed.result == "launched":
        return Completed(message=closed.sentence)
    return Failed(message=closed.sentence)
