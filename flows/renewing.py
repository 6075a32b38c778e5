"""What gets too old while a launch waits is done again, right before the first change that has a way back."""

import asyncio
from collections.abc import Awaitable, Callable

from flows.blocking import clear_to_proceed, get_past
from flows.conductor import Conductor
from tasks.action import Action, State
from tminus.outcome import Outcome, Verdict
from tminus.runbook import Step

Do = Callable[[Conductor, Step, Action, bool], Awaitable[Outcome]]


async def renew(conductor: Conductor, before: Action, do: Do) -> None:
    """Before `before` is begun: what passed and no longer holds is done again, as an attempt of its own step.

    A person may hold a launch for hours between a restore point and the change it is for. Once a change has begun
    nothing is renewed: it would hold what is no longer worth going back to. It does not end while something
    holds the launch. `do` carries an action out; its last argument says that it was done before.
    """
    if before.expires or before.harmless_if_left or conductor.record.change_began:
        return
    while (worn := await _worn(conductor)) is not None:
        step, action = worn
        await do(conductor, step, action, True)
        while not await get_past(conductor, step):
            await clear_to_proceed(conductor)
            await do(conductor, step, action, False)
        await clear_to_proceed(conductor)


async def _worn(conductor: Conductor) -> tuple[Step, Action] | None:
    """The first that passed and is not so any more, or cannot be seen; what people waived is theirs."""
    for step in conductor.frozen.runbook.steps():
        action, outcome = step.does, conductor.record.step(step.id).outcome
        if not isinstance(action, Action) or not action.expires:
            continue
        if outcome is None or outcome.verdict is not Verdict.PASS:
            continue
        if not await _holds(conductor, step, action):
            return step, action
    return None


async def _holds(conductor: Conductor, step: Step, action: Action) -> bool:
    try:
        standing = await asyncio.wait_for(action.state(conductor.estate), step.timeout.total_seconds())
    except TimeoutError:
        return False
    return standing.state is State.DONE
