"""Steps that other chains of the ledger decide: the release's sign-off, and the system's readiness."""

import asyncio
from collections.abc import Callable

from flows.conductor import Conductor
from tminus import events as ev
from tminus.clock import now
from tminus.errors import LedgerError
from tminus.outcome import Outcome
from tminus.readiness.gate import judge_readiness
from tminus.runbook import Readiness, SignOff, Step
from tminus.sign_off import all_asked, judge_sign_off


async def signed_off(conductor: Conductor, step: Step, question: SignOff) -> Outcome:
    """Passes when every role has signed this release's digest off, and the sign-off is still valid."""
    store, frozen = conductor.book.store, conductor.frozen
    return await _decided(conductor, step, lambda: judge_sign_off(all_asked(store, frozen), question))


async def ready(conductor: Conductor, step: Step, question: Readiness) -> Outcome:
    """Passes when the last sweep of the whole checklist found the system ready, and is fresh."""
    created, store = conductor.frozen.created, conductor.book.store
    system, environment = created.system, question.environment or created.environment_name
    return await _decided(conductor, step, lambda: judge_readiness(store, system, environment, question.fresh_for))


async def _decided(conductor: Conductor, step: Step, look: Callable[[], Outcome]) -> Outcome:
    state = conductor.record.step(step.id)
    if state.settled and state.outcome is not None:
        return state.outcome

    def looked() -> Outcome:
        try:
            return look()
        except LedgerError as e:
            return Outcome.unknown(str(e))

    async def attempt(_last: bool) -> Outcome:
        outcome = (await asyncio.to_thread(looked)).model_copy(update={"at": now()})
        started = ev.StepStarted(step=step.id, attempt=state.attempt + 1)
        await conductor.write(started, ev.StepEnded(step=step.id, attempt=state.attempt + 1, outcome=outcome))
        return outcome

    return await conductor.shown.as_task(step, attempt)
