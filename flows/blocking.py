"""What happens when a step does not pass: back, or hold and ask, or an end."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from math import ceil

from flows.conductor import Conductor, logger
from flows.open_question import tend
from flows.turns import NoGo, OutOfTime
from flows.what_next import told
from flows.window import LOOK_AT_PREFECT
from tminus import events as ev
from tminus.clock import now, show_duration
from tminus.record import StepState
from tminus.runbook import Phase, Step
from tminus.sentence import hold_said
from tminus.standing import holding_phase, patient_phase

_TICK = 1.0  # seconds between two looks at the clock while nothing happens


async def get_past(conductor: Conductor, step: Step) -> bool:
    """Returns True once a blocking step is settled, False when it must be tried again: its outcome was taken back.

    Holds and pages until somebody waives it or asks for another try; raises NoGo, before anything
    was changed, or OutOfTime, after, when nobody did in time.
    """
    await conductor.catch_up()
    state = conductor.record.step(step.id)
    if state.settled or not step.blocking:
        return True
    if state.outcome is None:
        return False
    why = told(conductor.frozen, conductor.record, step, state.outcome)
    tries = conductor.record.retries.get(step.id, 0)
    await conductor.write(ev.Held(why=why, step=step.id))
    await wait_while_held(
        conductor, why, patient_phase(conductor.frozen, conductor.record), lambda: _answered(conductor, state, tries)
    )
    return conductor.record.step(step.id).settled


def _answered(conductor: Conductor, state: StepState, tries: int) -> bool:
    return state.settled or conductor.record.retries.get(state.step, 0) > tries


async def clear_to_proceed(conductor: Conductor) -> None:
    """Returns at once unless something holds the launch; a hold stops new steps and nothing else."""
    await conductor.catch_up()
    conductor.stop_if_turned()
    record = conductor.record
    if record.held is not None:
        said, phase = hold_said(record.held), holding_phase(conductor.frozen, record)
        await wait_while_held(conductor, said, phase, lambda: conductor.record.held is None)


async def hold_when_late(conductor: Conductor, phase: Phase) -> None:
    """A phase that is late beyond what its book allows holds and asks, once, instead of going on.

    So does a T-0 that was begun in time, lost its conductor before it changed anything, and is taken up late.
    """
    if now() <= conductor.latest(phase) or conductor.record.change_began:
        return
    said = f"{phase.phase} is late"
    asked = any(isinstance(hold, ev.Held) and hold.why.startswith(said) for hold in conductor.record.holds)
    if asked or (phase.phase in conductor.record.phases_started and not phase.turns_back):
        return
    clock = conductor.frozen.environment.clock
    late = timedelta(seconds=ceil((now() - conductor.due(phase)) / clock.real(timedelta(seconds=1))))
    by = f"{show_duration(late)}{' of the countdown' if clock.compressed else ''}"
    why = f"{said} by {by}, more than the {show_duration(phase.late_by)} allowed"
    await conductor.write(ev.Held(why=why))


async def wait_while_held(conductor: Conductor, why: str, phase: Phase, over: Callable[[], bool]) -> None:
    """Shows why it is held, and waits for people as long as the phase lets them; what is asked goes on meanwhile."""
    logger.info("held: %s", why)
    began, clock = now(), asyncio.get_running_loop().time
    shown = why if "tminus " in why else f"{why}. To go on: tminus resume {conductor.launch}"
    await conductor.shown.paused("held", shown)
    looked = clock()
    while not over():
        conductor.stop_if_turned()
        await tend(conductor)
        held = conductor.record.held  # whoever says hold meanwhile is given their time, too
        left = (conductor.patience(phase, held.at if held else began) - now()).total_seconds()
        if left <= 0:
            raise (OutOfTime if conductor.record.change_began else NoGo)(why)
        await conductor.news(min(_TICK, left))
        if clock() - looked >= LOOK_AT_PREFECT:
            looked = clock()
            if await conductor.shown.resumed_in_ui():
                await conductor.shown.paused("held", shown)
    await conductor.shown.running()
