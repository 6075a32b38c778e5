"""Questions to people: asked in the ledger, shown as Paused, answered anywhere, judged from the ledger."""

from datetime import timedelta

from flows.blocking import get_past
from flows.by_the_ledger import LedgerStep, by_the_ledger
from flows.conductor import Conductor
from flows.lapsing import refuse_lapsed
from flows.observing import observe_again
from flows.open_question import ask_name, judged, open_ask, outcome_of, remind, reminder, rests_on, turn, write_end
from flows.window import LOOK_AT_PREFECT
from tasks.check import Check
from tminus import asking
from tminus import events as ev
from tminus.briefing import brief, debrief
from tminus.candidates import barred_from, roles_asked
from tminus.clock import now
from tminus.digests import bindings_of, decision_digest, evidence_digest, facts_of, what_changed
from tminus.escalation import stages_of
from tminus.headline import answers_to, where_to_answer
from tminus.outcome import Outcome
from tminus.release import authors_of
from tminus.roll_call import asked_text, called, called_said, gates_called, gates_of, seats_called
from tminus.runbook import Acknowledgement, Approval, Attestation, RollCall, Step

_SHOW_EVERY = timedelta(seconds=2)  # each showing costs Prefect four calls, and answers come in bursts

Question = Approval | Acknowledgement | Attestation | RollCall


async def ask(conductor: Conductor, step: Step, question: Question) -> Outcome:
    """Asks, waits, and says how it ended.

    An approval that is rejected or not answered is a no-go; once a change began, a no turns back, and silence holds.
    Raises Lapsed where it would be met, and rests on a waiver that is over; asked again, it goes on as it stood.
    """
    state = conductor.record.step(step.id)
    if state.settled and state.outcome is not None:
        return state.outcome
    if isinstance(question, Approval) and question.observe_again:
        await _observe_what_it_rests_on(conductor, step)
    ended = await _ask_until_ended(conductor, step, question)
    outcome = conductor.record.step(step.id).outcome
    if outcome is None:  # taken back by the time it was read: a person has it tried again
        return outcome_of(ended, step)

    async def attempt(_last: bool) -> Outcome:
        return outcome

    await conductor.shown.as_task(step, attempt)
    if isinstance(question, Approval) and ended.result != "met":
        turn(conductor, step, outcome, ended)
    return outcome


async def _observe_what_it_rests_on(conductor: Conductor, step: Step) -> None:
    stale = [other for other in rests_on(conductor, step) if not conductor.record.is_waived(other.id, now())]
    stale = [other for other in stale if isinstance(other.does, Check | LedgerStep)]
    while stale:
        await observe_again(conductor, [(other, other.does) for other in stale if isinstance(other.does, Check)])
        for other in stale:
            if isinstance(other.does, LedgerStep):
                await by_the_ledger(conductor, other, other.does, again=True)
        stale = [other for other in stale if not await get_past(conductor, other)]


async def _ask_until_ended(conductor: Conductor, step: Step, question: Question) -> ev.AskEnded:
    if (standing := open_ask(conductor, step)) is None:
        started = ev.StepStarted(step=step.id, attempt=conductor.record.step(step.id).attempt + 1)
        await conductor.write(started, _opening(conductor, step, question))
    elif standing.ended is not None:
        return standing.ended
    waiting, show_from = "", now()
    while True:
        conductor.stop_if_turned()
        if changed := _asked_again(conductor, step, question):
            await conductor.write(changed)
        if (ended := judged(conductor, step)) is not None:
            if ended.result == "met" and _rests_on_waivers(conductor, question):
                refuse_lapsed(conductor, step)
            if await write_end(conductor, step, ended):
                break
        await remind(conductor, step)
        why, moment = _why_it_waits(conductor, step), now()
        if why != waiting and moment >= show_from:
            waiting, show_from = why, moment + _SHOW_EVERY
            await conductor.shown.paused(step.id, why)
        before = conductor.record.seq
        await conductor.news(min(LOOK_AT_PREFECT, _left(conductor, step)))
        if conductor.record.seq == before and await conductor.shown.resumed_in_ui():
            waiting = ""
    await conductor.shown.running()
    return ended


def _rests_on_waivers(conductor: Conductor, question: Question) -> bool:
    """Whether a waiver that is over concerns it; once a change has begun, only an approval's."""
    return isinstance(question, Approval) or not (isinstance(question, RollCall) or conductor.record.change_began)


def _opening(conductor: Conductor, step: Step, question: Question) -> ev.AskOpened:
    frozen, record = conductor.frozen, conductor.record
    deadline = now() + conductor.real(question.deadline)
    before, facts = rests_on(conductor, step), facts_of(record, rests_on(conductor, step))
    is_roll_call = isinstance(question, RollCall)
    roles = seats_called(gates_of(frozen, step)) if is_roll_call else roles_asked(question)
    kind = "approval" if is_roll_call else question.kind  # whoever may not approve need not be there
    barred = barred_from(kind, frozen.people, frozen.created.started_by, authors_of(frozen.release))
    return ev.AskOpened(
        ask=ask_name(conductor, step),
        step=step.id,
        kind="acknowledgement" if isinstance(question, RollCall) else question.kind,
        yes="I will be there" if is_roll_call else "",
        gates=gates_called(gates_of(frozen, step)) if is_roll_call else (),
        roles=dict(roles),
        veto=question.veto if isinstance(question, Approval) else (),
        text=_text(conductor, step, question),
        decision_digest=decision_digest(frozen, facts),
        evidence_digest=evidence_digest(record),
        deadline=deadline,
        barred=dict(barred),
        facts=facts,
        bindings=bindings_of(frozen, facts, {one.id: one.owner for one in before}, roles),
    )


def _text(conductor: Conductor, step: Step, question: Question) -> str:
    if isinstance(question, Acknowledgement):
        draft = brief if question.says == "brief" else debrief
        return draft(conductor.frozen, conductor.record)
    if isinstance(question, Attestation):
        return question.statement
    if isinstance(question, RollCall):
        return asked_text(conductor.frozen, step)
    before, record = [other.id for other in rests_on(conductor, step)], conductor.record
    passed = sum(1 for other in before if record.step(other).settled)
    said = f"{step.title}: {passed} of {len(before)} blocking steps pass or are waived."
    return f"{said} {asking.waived_said(record, conductor.frozen.people, before)}".strip()


def _asked_again(conductor: Conductor, step: Step, question: Question) -> ev.AskOpened | None:
    """The same ask under a new digest, where what it rests on has changed."""
    ask = open_ask(conductor, step)
    facts = facts_of(conductor.record, rests_on(conductor, step))
    if ask is None or decision_digest(conductor.frozen, facts) == ask.opened.decision_digest:
        return None
    changed = what_changed(ask.opened.facts, facts)
    return _opening(conductor, step, question).model_copy(update={"deadline": ask.opened.deadline, "changed": changed})


def _why_it_waits(conductor: Conductor, step: Step) -> str:
    """What is waited for, from whom, until when, and where they answer."""
    ask, frozen = open_ask(conductor, step), conductor.frozen
    if ask is None:
        return step.title
    until, how = f"until {ask.opened.deadline:%H:%M:%S} UTC", where_to_answer(frozen, ask)
    if isinstance(step.does, RollCall):
        said = called_said(frozen, called(frozen, step, ask))
        return f"{step.title}, {until}: {said}. Answer {how}"
    awaited = "; ".join(one.who for one in answers_to(frozen, conductor.record, ask, now()))
    return f"{step.title} waits {until} for {awaited or 'its end'}. Answer {how}"


def _left(conductor: Conductor, step: Step) -> float:
    """Seconds until the question ends by itself, or goes one step further."""
    if (ask := open_ask(conductor, step)) is None:
        return 1.0
    if reminder(conductor, step) is not None:
        return 0.01
    moment = now()  # a stage that is due, and to which it does not go as it stands, is no reason to look again
    until = min((at for _how, at in stages_of(ask) if at > moment), default=ask.opened.deadline)
    return max((min(until, ask.opened.deadline) - moment).total_seconds(), 0.01)
