"""Questions to people: asked in the ledger, shown as Paused, answered anywhere, judged from the ledger."""

from datetime import timedelta

from flows.blocking import get_past
from flows.by_the_ledger import LedgerStep, by_the_ledger
from flows.conductor import Conductor
from flows.observing import observe_again
from flows.turns import NoGo, TurnBack
from tasks.check import Check
from tminus import asking
from tminus import events as ev
from tminus.briefing import brief, debrief
from tminus.candidates import barred_from, roles_asked
from tminus.clock import now
from tminus.digests import bindings_of, decision_digest, evidence_digest, facts_of, what_changed
from tminus.errors import MovedOn
from tminus.outcome import Outcome
from tminus.record import AskState
from tminus.release import authors_of
from tminus.runbook import Acknowledgement, Approval, Attestation, Step

_SHOW_EVERY = timedelta(seconds=2)  # each showing costs Prefect four calls, and answers come in bursts
_LOOK_AT_PREFECT = 5.0  # seconds between two looks whether somebody pressed Resume in the UI

Question = Approval | Acknowledgement | Attestation


async def ask(conductor: Conductor, step: Step, question: Question) -> Outcome:
    """Asks, waits, and says how it ended.

    An approval that is rejected or not answered is a no-go; once a change began, a no turns back, and silence holds.
    """
    state = conductor.record.step(step.id)
    if state.settled and state.outcome is not None:
        return state.outcome
    if isinstance(question, Approval) and question.observe_again:
        await _observe_what_it_rests_on(conductor, step)
    ended = await _ask_until_ended(conductor, step, question)
    outcome = conductor.record.step(step.id).outcome
    if outcome is None:  # taken back by the time it was read: a person has it tried again
        return _outcome(ended)

    async def attempt(_last: bool) -> Outcome:
        return outcome

    await conductor.shown.as_task(step, attempt)
    if isinstance(question, Approval) and ended.result != "met":
        _turn(conductor, step, outcome, ended)
    return outcome


def _turn(conductor: Conductor, step: Step, outcome: Outcome, ended: ev.AskEnded) -> None:
    said = f"{step.title}: {outcome.summary}"
    if not conductor.record.change_began:
        raise NoGo(said)
    if ended.result == "rejected":
        no = asking.judge(conductor.record.asks[ended.ask], conductor.frozen.people).rejected
        raise TurnBack(said, no.person if no else "tminus")


def rests_on(conductor: Conductor, step: Step) -> list[Step]:
    """The blocking steps before this one: what its decision is about."""
    before: list[Step] = []
    for other in conductor.frozen.runbook.steps():
        if other.id == step.id:
            break
        if other.blocking:
            before.append(other)
    return before


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
    if (standing := _ask(conductor, step)) is None:
        started = ev.StepStarted(step=step.id, attempt=conductor.record.step(step.id).attempt + 1)
        await conductor.write(started, _opening(conductor, step, question))
    elif standing.ended is not None:
        return standing.ended
    waiting, show_from = "", now()
    while True:
        conductor.stop_if_turned()
        if changed := _asked_again(conductor, step, question):
            await conductor.write(changed)
        if (ended := _judged(conductor, step)) is not None and await _is_ended(conductor, step, ended):
            break
        why, moment = _why_it_waits(conductor, step), now()
        if why != waiting and moment >= show_from:
            waiting, show_from = why, moment + _SHOW_EVERY
            await conductor.shown.paused(f"{step.id}-{conductor.record.seq}", why)
        before = conductor.record.seq
        await conductor.news(min(_LOOK_AT_PREFECT, _left(conductor, step)))
        if conductor.record.seq == before and await conductor.shown.resumed_in_ui():
            waiting = ""
    await conductor.shown.running()
    return ended


async def _is_ended(conductor: Conductor, step: Step, ended: ev.AskEnded) -> bool:
    """Writes the end and its outcome down in one step; False where anybody said anything that it does not rest on."""
    attempt = conductor.record.step(step.id).attempt
    outcome = ev.StepEnded(step=step.id, attempt=attempt, outcome=_outcome(ended))
    try:
        await conductor.write(ended, outcome, after=conductor.record.seq)
    except MovedOn:
        await conductor.refresh()
        return False
    return True


def _outcome(ended: ev.AskEnded) -> Outcome:
    how = Outcome.passed(ended.reason) if ended.result == "met" else Outcome.failed(f"{ended.result}: {ended.reason}")
    return how.model_copy(update={"at": now()})


def _ask_name(conductor: Conductor, step: Step) -> str:
    """A step that a person has tried again asks a new question; the old one stays answered."""
    tries = conductor.record.retries.get(step.id, 0)
    return f"{step.id}-{tries + 1}" if tries else step.id


def _ask(conductor: Conductor, step: Step) -> AskState | None:
    """The question as it stands; None before it was asked, and after a recycle took back what it was about."""
    found = conductor.record.asks.get(_ask_name(conductor, step))
    return None if found is None or found.voided else found


def _opening(conductor: Conductor, step: Step, question: Question) -> ev.AskOpened:
    frozen, record = conductor.frozen, conductor.record
    deadline = now() + conductor.real(question.deadline)
    before, roles = rests_on(conductor, step), roles_asked(question)
    facts = facts_of(record, before)
    return ev.AskOpened(
        ask=_ask_name(conductor, step),
        step=step.id,
        kind=question.kind,
        roles=dict(roles),
        veto=question.veto if isinstance(question, Approval) else (),
        text=_text(conductor, step, question),
        decision_digest=decision_digest(frozen, facts),
        evidence_digest=evidence_digest(record),
        deadline=deadline,
        barred=barred_from(question.kind, frozen.people, frozen.created.started_by, authors_of(frozen.release)),
        facts=facts,
        bindings=bindings_of(frozen, facts, {one.id: one.owner for one in before}, roles),
    )


def _text(conductor: Conductor, step: Step, question: Question) -> str:
    if isinstance(question, Acknowledgement):
        draft = brief if question.says == "brief" else debrief
        return draft(conductor.frozen, conductor.record)
    if isinstance(question, Attestation):
        return question.statement
    before, record = [other.id for other in rests_on(conductor, step)], conductor.record
    passed = sum(1 for other in before if record.step(other).settled)
    said = f"{step.title}: {passed} of {len(before)} blocking steps pass or are waived."
    return f"{said} {asking.waived_said(record, conductor.frozen.people, before)}".strip()


def _judged(conductor: Conductor, step: Step) -> ev.AskEnded | None:
    ask = _ask(conductor, step)
    if ask is None:
        return None
    judgement = asking.judge(ask, conductor.frozen.people)
    if judgement.rejected is not None:
        who = conductor.frozen.people.by_id(judgement.rejected.person)
        name = who.name if who else judgement.rejected.person
        said = f"{name} said no: {judgement.rejected.reason or 'no reason given'}"
        return ev.AskEnded(ask=ask.opened.ask, result="rejected", reason=said)
    if judgement.met:
        return ev.AskEnded(
            ask=ask.opened.ask, result="met", reason=asking.seated(judgement.seating, conductor.frozen.people)
        )
    if now() >= ask.opened.deadline:
        return ev.AskEnded(ask=ask.opened.ask, result="expired", reason=f"at the deadline it still {judgement.waits}")
    return None


def _asked_again(conductor: Conductor, step: Step, question: Question) -> ev.AskOpened | None:
    """The same ask under a new digest, where what it rests on has changed."""
    ask = _ask(conductor, step)
    facts = facts_of(conductor.record, rests_on(conductor, step))
    if ask is None or decision_digest(conductor.frozen, facts) == ask.opened.decision_digest:
        return None
    changed = what_changed(ask.opened.facts, facts)
    return _opening(conductor, step, question).model_copy(update={"deadline": ask.opened.deadline, "changed": changed})


def _why_it_waits(conductor: Conductor, step: Step) -> str:
    ask = _ask(conductor, step)
    if ask is None:
        return step.title
    judgement = asking.judge(ask, conductor.frozen.people)
    return f"{step.title}: {judgement.waits} until {ask.opened.deadline:%H:%M:%S} UTC, in Slack or by `tminus approve`"


def _left(conductor: Conductor, step: Step) -> float:
    ask = _ask(conductor, step)
    left = (ask.opened.deadline - now()) if ask else timedelta(seconds=1)
    return max(left.total_seconds(), 0.01)
