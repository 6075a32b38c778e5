"""The readiness sign-off, made days ahead in a chain of its own for this very release."""

import asyncio

from flows.conductor import Conductor
from tminus import events as ev
from tminus.clock import now
from tminus.errors import LedgerError
from tminus.outcome import Outcome
from tminus.runbook import SignOff, Step
from tminus.sign_off import all_asked, judge_sign_off


async def signed_off(conductor: Conductor, step: Step, question: SignOff) -> Outcome:
    """Passes when every role has signed this release's digest off, and the sign-off is still valid."""
    state = conductor.record.step(step.id)
    if state.settled and state.outcome is not None:
        return state.outcome

    async def attempt(_last: bool) -> Outcome:
        outcome = (await asyncio.to_thread(_look, conductor, question)).model_copy(update={"at": now()})
        started = ev.StepStarted(step=step.id, attempt=state.attempt + 1)
        await conductor.write(started, ev.StepEnded(step=step.id, attempt=state.attempt + 1, outcome=outcome))
        return outcome

    return await conductor.shown.as_task(step, attempt)


def _look(conductor: Conductor, question: SignOff) -> Outcome:
    try:
        return judge_sign_off(all_asked(conductor.book.store, conductor.frozen), question)
    except LedgerError as e:
        return Outcome.unknown(str(e))
