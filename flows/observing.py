"""Checks: observed, retried where they could not look, and written down after the last attempt."""

import asyncio
from collections.abc import Sequence

from flows.conductor import Conductor
from flows.looking import look_once
from flows.window import wants_retry
from tasks.check import Check
from tminus import events as ev
from tminus.outcome import Outcome
from tminus.runbook import Step


async def observe(conductor: Conductor, step: Step, check: Check) -> Outcome:
    """Observes one check as a task of its own; what has an outcome is not looked at again until people take it back."""
    state = conductor.record.step(step.id)
    if state.outcome is not None:
        return state.outcome
    await conductor.write_what_was_seen(ev.StepStarted(step=step.id, attempt=state.attempt + 1))
    return await _look(conductor, step, check, again=False)


async def observe_all(conductor: Conductor, steps: Sequence[tuple[Step, Check]]) -> None:
    """Observes several at once; nothing orders checks among themselves."""
    await asyncio.gather(*(observe(conductor, step, check) for step, check in steps))


async def observe_again(conductor: Conductor, steps: Sequence[tuple[Step, Check]]) -> None:
    """Observes what was settled once more, so that a go never rests on old evidence."""
    await asyncio.gather(*(_look(conductor, step, check, again=True) for step, check in steps))


async def _look(conductor: Conductor, step: Step, check: Check, *, again: bool) -> Outcome:
    async def attempt(last: bool) -> Outcome:
        outcome = await look_once(conductor.estate, check, step.timeout)
        if last or not wants_retry(step, outcome):
            number = conductor.record.step(step.id).attempt
            await conductor.write_what_was_seen(
                ev.StepEnded(step=step.id, attempt=number, outcome=outcome, again=again)
            )
        return outcome

    name = f"again {step.id}" if again else step.id
    return await conductor.shown.as_task(step, attempt, name=name, retries=step.retries)
