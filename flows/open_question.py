"""What is asked and not over: how it ends, what follows, and how far it goes, also while the launch is held."""

from typing import Literal

from flows.conductor import Conductor
from flows.turns import NoGo, TurnBack
from tminus import asking
from tminus import events as ev
from tminus.clock import now
from tminus.errors import MovedOn
from tminus.escalation import next_reminder
from tminus.outcome import Outcome
from tminus.record import AskState
from tminus.roll_call import called, called_said
from tminus.runbook import Approval, RollCall, Step


async def tend(conductor: Conductor) -> None:
    """Goes on with what is asked while the launch is held: a hold stops neither its deadline, nor a no, nor reminders.

    Raises NoGo or TurnBack where an approval ends so.
    """
    for step in conductor.frozen.runbook.steps():
        ask = open_ask(conductor, step)
        if ask is None or ask.ended is not None:
            continue
        if (ended := _end_while_held(conductor, step, ask)) is None:
            await remind(conductor, step)
        elif await write_end(conductor, step, ended) and isinstance(step.does, Approval):
            turn(conductor, step, outcome_of(ended, step), ended)


def _end_while_held(conductor: Conductor, step: Step, ask: AskState) -> ev.AskEnded | None:
    """As `judged`; but nothing is met while it is held, nor after its deadline on what did not pass."""
    ended = judged(conductor, step)
    if ended is None or ended.result != "met":
        return ended
    if not isinstance(step.does, Approval) or now() < ask.opened.deadline:
        return None
    open_still = [one.id for one in rests_on(conductor, step) if not conductor.record.step(one.id).settled]
    if not open_still:
        return None
    said = f"at the deadline {', '.join(open_still)} had neither passed nor been waived"
    return ev.AskEnded(ask=ask.opened.ask, result="expired", reason=said)


def rests_on(conductor: Conductor, step: Step) -> list[Step]:
    """The blocking steps before this one: what its decision is about; a roll-call's is about none."""
    before: list[Step] = []
    if isinstance(step.does, RollCall):
        return before
    for other in conductor.frozen.runbook.steps():
        if other.id == step.id:
            break
        if other.blocking:
            before.append(other)
    return before


def ask_name(conductor: Conductor, step: Step) -> str:
    """A step that a person has tried again asks a new question; the old one stays answered."""
    tries = conductor.record.retries.get(step.id, 0)
    return f"{step.id}-{tries + 1}" if tries else step.id


def open_ask(conductor: Conductor, step: Step) -> AskState | None:
    """The question as it stands; None before it was asked, and after a recycle took back what it was about."""
    found = conductor.record.asks.get(ask_name(conductor, step))
    return None if found is None or found.voided else found


def judged(conductor: Conductor, step: Step) -> ev.AskEnded | None:
    """How it ends now; None while it waits."""
    ask = open_ask(conductor, step)
    if ask is None:
        return None
    if isinstance(step.does, RollCall):
        return _called(conductor, step, ask)
    return asking.end_of(ask, conductor.frozen.people, now())


def _called(conductor: Conductor, step: Step, ask: AskState) -> ev.AskEnded | None:
    """A roll-call is met once those who will be there could give every later approval."""
    found = called(conductor.frozen, step, ask)
    if found.lacking and now() < ask.opened.deadline:
        return None
    result: Literal["met", "expired"] = "expired" if found.lacking else "met"
    return ev.AskEnded(ask=ask.opened.ask, result=result, reason=called_said(conductor.frozen, found))


async def write_end(conductor: Conductor, step: Step, ended: ev.AskEnded) -> bool:
    """Writes the end and its outcome down in one step; False where anybody said anything that it does not rest on."""
    attempt = conductor.record.step(step.id).attempt
    outcome = ev.StepEnded(step=step.id, attempt=attempt, outcome=outcome_of(ended, step))
    try:
        await conductor.write(ended, outcome, after=conductor.record.seq)
    except MovedOn:
        await conductor.refresh()
        return False
    return True


def outcome_of(ended: ev.AskEnded, step: Step) -> Outcome:
    """Met, or failed; that somebody says nothing at a roll-call tells nothing of whether they will be there."""
    if isinstance(step.does, RollCall) and ended.result != "met":
        return Outcome.unknown(ended.reason).model_copy(update={"at": now()})
    how = Outcome.passed(ended.reason) if ended.result == "met" else Outcome.failed(f"{ended.result}: {ended.reason}")
    return how.model_copy(update={"at": now()})


def turn(conductor: Conductor, step: Step, outcome: Outcome, ended: ev.AskEnded) -> None:
    """What follows an approval that ended without a yes: raises NoGo before a change, TurnBack for a no after it."""
    said = f"{step.title}: {outcome.summary}"
    if not conductor.record.change_began:
        raise NoGo(said)
    if ended.result == "rejected":
        no = asking.judge(conductor.record.asks[ended.ask], conductor.frozen.people).rejected
        raise TurnBack(said, no.person if no else "tminus")


async def remind(conductor: Conductor, step: Step) -> None:
    """Goes one step further where that is due; where anybody spoke up meanwhile, it is looked at again."""
    further = reminder(conductor, step)
    if further is None:
        return
    try:
        await conductor.write(further, after=conductor.record.seq)
    except MovedOn:
        await conductor.refresh()


def reminder(conductor: Conductor, step: Step) -> ev.Reminded | None:
    """How far the question goes now."""
    if (ask := open_ask(conductor, step)) is None:
        return None
    silent = called(conductor.frozen, step, ask).silent if isinstance(step.does, RollCall) else None
    return next_reminder(ask, conductor.frozen.people, now(), silent)
