"""The readiness sign-off, made days ahead in a chain of its own for this very release."""

import asyncio

from flows.conductor import Conductor
from tminus import asking
from tminus import events as ev
from tminus.clock import now
from tminus.errors import LedgerError
from tminus.ledger.logbook import Logbook
from tminus.outcome import Outcome
from tminus.record import Record
from tminus.runbook import SignOff, Step
from tminus.sign_off import chain_of


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
    chain = chain_of(conductor.frozen)
    try:
        record = Logbook(conductor.book.store, chain).refresh()
    except LedgerError as e:
        return Outcome.unknown(str(e))
    return judge_sign_off(conductor, record, question)


def judge_sign_off(conductor: Conductor, record: Record, question: SignOff) -> Outcome:
    """From the sign-off's own record: met, by whom, and until when."""
    asks = list(record.asks.values())
    if not asks:
        return Outcome.failed("nobody was asked to sign this release off; `tminus sign-off` asks them")
    if asks[-1].opened.roles != question.roles:
        asked, wanted = ", ".join(sorted(asks[-1].opened.roles)), ", ".join(sorted(question.roles))
        return Outcome.failed(f"the sign-off asked {asked}, and this book wants {wanted}; `tminus sign-off` asks again")
    judgement = asking.judge(asks[-1], conductor.frozen.people)
    if judgement.rejected is not None:
        return Outcome.failed(f"{judgement.rejected.person} refused to sign it off: {judgement.rejected.reason}")
    if not judgement.met:
        return Outcome.failed(f"the sign-off {judgement.waits}")
    last = max(answer.at for answer in asks[-1].counting())
    until = last + question.valid_for
    if now() > until:
        return Outcome.failed(f"the sign-off ran out at {until:%Y-%m-%d %H:%M} UTC; `tminus sign-off` asks again")
    return Outcome.passed(f"signed off by {', '.join(sorted(question.roles))}, valid until {until:%Y-%m-%d}")
