"""Before T-0 one way to wake on-call must be proven, or a person states that they are watching."""

import asyncio
from collections.abc import Sequence

from flows.asking import ask
from flows.conductor import Conductor
from tminus import events as ev
from tminus.clock import now
from tminus.outbox import Outbox
from tminus.outcome import Outcome
from tminus.runbook import Attestation, PagingPath, Step

_PATIENCE = 3.0  # seconds that a letter under way may take to arrive
_STATEMENT = (
    "PagerDuty has not taken a single message of this launch. I am watching it, and can be reached, until T+4h closes."
)


async def prove_paging(conductor: Conductor, step: Step, path: PagingPath) -> Outcome:
    """Passes when PagerDuty took a message of this very launch; asks a person to watch when it did not."""
    state = conductor.record.step(step.id)
    if state.settled and state.outcome is not None:
        return state.outcome
    if conductor.frozen.environment.pagerduty is not None and await _delivered(conductor):
        outcome = Outcome.passed("PagerDuty took a message of this launch").model_copy(update={"at": now()})

        async def attempt(_last: bool) -> Outcome:
            started = ev.StepStarted(step=step.id, attempt=state.attempt + 1)
            ended = ev.StepEnded(step=step.id, attempt=state.attempt + 1, outcome=outcome)
            await conductor.write(started, *_withdrawn(conductor, step, outcome), ended)
            return outcome

        return await conductor.shown.as_task(step, attempt)
    return await ask(conductor, step, Attestation(role=path.role, statement=_STATEMENT, deadline=path.deadline))


def _withdrawn(conductor: Conductor, step: Step, outcome: Outcome) -> Sequence[ev.AskEnded]:
    """The end of what an earlier conductor asked somebody instead."""
    asked = conductor.record.ask_for(step.id)
    if asked is None or asked.ended is not None:
        return ()
    return (ev.AskEnded(ask=asked.opened.ask, result="withdrawn", reason=outcome.summary),)


async def _delivered(conductor: Conductor) -> bool:
    outbox = Outbox(conductor.book.store)
    until = asyncio.get_running_loop().time() + _PATIENCE
    while not (found := await asyncio.to_thread(outbox.delivered, conductor.launch, "pagerduty")):
        if asyncio.get_running_loop().time() >= until:
            break
        await asyncio.sleep(0.1)
    return found
