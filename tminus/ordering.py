"""Whether an order counts: by whom it may be given, and when it makes sense. Pure."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from tminus import events as ev
from tminus.asking import name_of
from tminus.calendar.asking import barred, why_not_allowed
from tminus.candidates import Asking, barred_from, may_answer
from tminus.chain_names import is_only_answered, what_is_answered
from tminus.digests import failure_digest, failure_of, failure_said
from tminus.frozen import Frozen
from tminus.outline import OutlinedStep, outline_of
from tminus.people import Person
from tminus.record import Record, StepState
from tminus.record_parts import is_persons
from tminus.release import authors_of

_Rule = Callable[[ev.Ordered, Record, Frozen, Person, datetime], str | None]


def why_order_refused(given: ev.Ordered, record: Record, frozen: Frozen, moment: datetime) -> str | None:
    """Why an order does not count; None where it does. The reason is told to whoever gave it."""
    person = frozen.people.by_id(given.person)
    if person is None:
        return f"{given.person} is nobody in this launch's people.yaml"
    if is_only_answered(frozen.created.launch):
        return f"a {what_is_answered(frozen.created.launch)} is approved or rejected; there is nothing to {given.order}"
    if record.closed is not None:
        return f"the launch is over: {record.closed.sentence}"
    if given.via == "pagerduty" and given.order != "hold":
        return "the author of a PagerDuty note is not proven, so from there only a hold counts"
    rule = _RULES.get(given.order)
    return rule(given, record, frozen, person, moment) if rule else None


def _way_back(record: Record) -> str | None:
    """How a launch is already on its way back, in words."""
    if record.rolled_back is not None:
        stopped = "the way back stopped where it was not proven; rollback tries it again, resume takes it from there"
        return "it was rolled back already" if record.rolled_back.proven else stopped
    return "it is being rolled back already" if record.must_roll_back else None


def _hold(_given: ev.Ordered, record: Record, _f: Frozen, person: Person, _m: datetime) -> str | None:
    """Each person may hold once, whatever else holds: what tminus or another held may be let go of before theirs."""
    if record.must_roll_back:
        return "a rollback is under way; it goes on whatever is held"
    own = next((hold for hold in record.holding if isinstance(hold, ev.Ordered) and hold.person == person.id), None)
    return f"{person.name} holds it already, since {own.at:%H:%M:%S}" if own else None


def seen_by(record: Record, moment: datetime) -> int:
    """The number of the last event that was surely recorded by a moment; 0 where none was.

    By the clocks of whoever wrote them down. What a person signed bears their own machine's clock, so a later event of
    tminus' own tells better that it was there by then.
    """
    seen = 0
    for stored, event in zip(record.stored, record.events, strict=True):
        if event.at <= moment:
            seen = stored.seq
        elif not (isinstance(event, ev.Answered | ev.Ordered) and event.via == "command line"):
            break
    return seen


def let_go_by_resume(frozen: Frozen, record: Record, seen: int) -> str:
    """Whose holds a resume lets go of whose author saw so many events; "" where nobody but tminus holds."""
    return _said(frozen, [hold for hold in record.let_go_by(seen) if isinstance(hold, ev.Ordered)])


def still_held(frozen: Frozen, record: Record) -> str:
    """What a resume did not let go of, in words for its author; "" where nothing is held any more."""
    said = _said(frozen, record.holding)
    return f"Still held, since that came later: {said}. Look at it, and resume again." if said else ""


def still_blocked(frozen: Frozen, record: Record, given: ev.Ordered) -> str:
    """What people hold that a word about a step lets go of nothing of, for its author; "" where nobody does."""
    said = _said(frozen, [hold for hold in record.holding if is_persons(hold)])
    if given.order not in {"retry", "waive"} or not said:
        return ""
    then = f"{given.step} is tried" if given.order == "retry" else "The launch goes on"
    return f"{then} once nobody holds any more ({said}): `tminus resume {frozen.created.launch}`"


def _said(frozen: Frozen, holds: Iterable[ev.Held | ev.Ordered]) -> str:
    return "; ".join(
        f"tminus: {hold.why}"
        if isinstance(hold, ev.Held)
        else f"{name_of(frozen.people, hold.person)}: {hold.reason or 'no reason given'}"
        for hold in holds
    )


def _resume(given: ev.Ordered, record: Record, frozen: Frozen, _p: Person, _m: datetime) -> str | None:
    if record.held is None:
        return "nothing is held"
    if record.let_go_by(given.seen):
        return None
    return f"what holds it came later than what you could see ({_said(frozen, record.holding)}); resume again"


def _scrub(_given: ev.Ordered, record: Record, frozen: Frozen, person: Person, _m: datetime) -> str | None:
    """Once a change has begun, to scrub is to roll back, and asks for the same right."""
    if back := _way_back(record):
        return back
    if record.scrubbed is not None:
        return "it is being scrubbed already"
    return why_not_back(frozen, person) if record.change_began else None


def _recycle(_given: ev.Ordered, record: Record, frozen: Frozen, _p: Person, moment: datetime) -> str | None:
    if record.change_began:
        return "a change has begun, so the countdown cannot be taken back; scrub rolls back"
    if record.scrubbed is not None:
        return "it is being scrubbed"
    when = max(frozen.created.t0, moment)
    if frozen.created.outside and barred(frozen.environment, "launch", when) in {"", frozen.created.outside}:
        return None
    return why_not_allowed(frozen.environment, "launch", when)


def _rollback(_given: ev.Ordered, record: Record, frozen: Frozen, person: Person, _m: datetime) -> str | None:
    if why := why_not_back(frozen, person):
        return why
    if not record.change_began:
        return "nothing was changed yet, so there is nothing to roll back; scrub ends the launch"
    stopped = record.rolled_back is not None and not record.rolled_back.proven
    return None if stopped else _way_back(record)


def what_comes_of(record: Record) -> str:
    """What a scrub or a rollback comes to as things stand, for whoever is about to give it."""
    if not record.change_began:
        return "Nothing was changed yet: the launch just ends, and the old version goes on serving."
    changed = [state.step for state in record.to_undo() if state.changed]
    if not changed:
        return "Every change is undone already; what is tried again is to prove that the old version serves."
    many = f"{len(changed)} changes are" if len(changed) > 1 else "1 change is"
    return f"{many} undone ({', then '.join(changed)}), and checks prove that the old version serves."


def why_not_back(frozen: Frozen, person: Person) -> str | None:
    """Why this person may not order the way back: who is on duty may, with one of the book's roles if it names any."""
    allowed = outline_of(frozen).may_roll_back
    may = frozen.people.who_may_roll_back(allowed)
    if person in may:
        return None
    named = ", ".join(name_of(frozen.people, one.id) for one in may) or "nobody"
    wanted = f"who is on duty as {' or '.join(sorted(allowed))}" if allowed else "who is on duty"
    return f"{person.name} may not roll back; {wanted} may: {named}"


def _retry(given: ev.Ordered, record: Record, frozen: Frozen, _p: Person, _m: datetime) -> str | None:
    if outline_of(frozen).step(given.step) is None:
        return f"the book has no step called {given.step!r}"
    state = record.step(given.step)
    if state.settled:
        return f"{given.step} is settled"
    return f"{given.step} has not failed" if state.outcome is None and not state.in_doubt else None


def _waive(given: ev.Ordered, record: Record, frozen: Frozen, person: Person, moment: datetime) -> str | None:
    step = outline_of(frozen).step(given.step)
    if step is None:
        return f"the book has no step called {given.step!r}"
    if not step.waivable:
        return f"{given.step} cannot be waived: the book says so"
    if why := _why_not_theirs(step, frozen, person, moment):
        return why
    if not given.reason:
        return "a waiver wants a reason, for the record"
    if given.until is None:
        return "a waiver wants a date until which it holds"
    waived = record.waivers.get(given.step)
    if waived is not None and record.is_waived(given.step, moment) and not failure_digest(record.step(given.step)):
        return f"{given.step} is waived already{until_said(waived)}, by {name_of(frozen.people, waived.person)}"
    if given.until <= moment:
        return f"a waiver wants an end in the future, and this one would have ended at{_utc(given.until)}"
    return _why_not_this(given, record.step(given.step))


def until_said(given: ev.Ordered) -> str:
    """Until when exactly a waiver holds, for whoever gives it; "" for every other order."""
    return f" until{_utc(given.until)}" if given.until else ""


def _utc(moment: datetime) -> str:
    return f" {moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _why_not_theirs(step: OutlinedStep, frozen: Frozen, person: Person, moment: datetime) -> str | None:
    """Why it is not this person's to waive. Who may not approve the launch may not wave its failures through."""
    allowed = {*outline_of(frozen).may_waive, step.owner}
    barred = barred_from("waiver", frozen.people, frozen.created.started_by, authors_of(frozen.release))
    may = may_answer(Asking(dict.fromkeys(allowed, 1), barred, moment, moment), frozen.people)
    if person.id in may:
        return None
    named = ", ".join(name_of(frozen.people, one) for one in may) or "nobody"
    if (why := barred.get(person.id)) and frozen.people.roles_between(person, moment, moment) & allowed:
        return f"{person.name} {why}, nor waives for it; who may waive {step.id}: {named}"
    return f"{person.name} may not waive {step.id}; {', '.join(sorted(allowed))} may: {named}"


def _why_not_this(given: ev.Ordered, state: StepState) -> str | None:
    """Why there is nothing to waive, or something else than what was seen."""
    digest = failure_digest(state)
    if not digest:
        return f"{given.step} has not failed"
    if given.digest == digest:
        return None
    now = f"now {failure_said(state.history[-1])}"
    if not given.digest:
        return f"it does not say which failure it accepts; {now}"
    then = failure_of(state, given.digest) or "another failure"
    return f"{given.step} failed anew since you saw it: then {then}; {now}. Look at it, and waive it if that is right"


_RULES: Mapping[str, _Rule] = {
    "hold": _hold,
    "resume": _resume,
    "scrub": _scrub,
    "recycle": _recycle,
    "rollback": _rollback,
    "retry": _retry,
    "waive": _waive,
}
