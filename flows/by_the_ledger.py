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

LedgerStep = SignOff | Readiness


async def by_the_ledger(conductor: Conductor, step: Step, question: LedgerStep, *, again: bool = False) -> Outcome:
    """Passes when every role has signed this release's digest off, or nothing of the frozen checklist blocks.

    Where `again`, what was settled is looked up once more, so that a go never rests on what was so hours ago.
    """
    store, frozen = conductor.book.store, conductor.frozen
    if isinstance(question, SignOff):
        return await _decided(conductor, step, lambda: judge_sign_off(all_asked(store, frozen), question), again)
    return await _decided(conductor, step, lambda: judge_readiness(store, frozen, question), again)


async def _decided(conductor: Conductor, step: Step, look: Callable[[], Outcome], again: bool) -> Outcome:
    state = conductor.record.step(step.id)
    if state.settled and state.outcome is not None and not again:
        return state.outcome

    def looked() -> Outcome:
        try:
            return look()
        except LedgerError as e:
            return Outcome.unknown(str(e))

    async def attempt(_last: bool) -> Outcome:
        outcome = (await asyncio.to_thread(looked)).model_copy(update={"at": now()})
        number = state.attempt + (not again)
        ended = ev.StepEnded(step=step.id, attempt=number, outcome=outcome, again=again)
        await conductor.write(*([] if again else [ev.StepStarted(step=step.id, attempt=number)]), ended)
        return outcome

    return await conductor.shown.as_task(step, attempt, name=f"again {step.id}" if again else "")
