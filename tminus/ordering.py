"""Whether an order counts: by whom it may be given, and when it makes sense. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime

from tminus import events as ev
from tminus.asking import name_of
from tminus.chain_names import is_sign_off
from tminus.frozen import Frozen
from tminus.outline import outline_of
from tminus.people import Person
from tminus.record import Record

_Rule = Callable[[ev.Ordered, Record, Frozen, Person, datetime], str | None]


def why_order_refused(given: ev.Ordered, record: Record, frozen: Frozen, moment: datetime) -> str | None:
    """Why an order does not count; None where it does. The reason is told to whoever gave it."""
    person = frozen.people.by_id(given.person)
    if person is None:
        return f"{given.person} is nobody in this launch's people.yaml"
    if is_sign_off(frozen.created.launch):
        return f"a sign-off is approved or rejected; there is nothing to {given.order}"
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


def let_go_by_resume(frozen: Frozen, record: Record) -> str:
    """Whose holds a resume lets go of, with their reasons; "" where nobody but tminus holds."""
    return "; ".join(
        f"{name_of(frozen.people, hold.person)}: {hold.reason or 'no reason given'}"
        for hold in record.holding
        if isinstance(hold, ev.Ordered)
    )


def _resume(_given: ev.Ordered, record: Record, _f: Frozen, _p: Person, _m: datetime) -> str | None:
    return None if record.held else "nothing is held"


def _scrub(_given: ev.Ordered, record: Record, frozen: Frozen, person: Person, _m: datetime) -> str | None:
    """Once a change has begun, to scrub is to roll back, and asks for the same right."""
    if back := _way_back(record):
        return back
    if record.scrubbed is not None:
        return "it is being scrubbed already"
    return why_not_back(frozen, person) if record.change_began else None


def _recycle(_given: ev.Ordered, record: Record, _f: Frozen, _p: Person, _m: datetime) -> str | None:
    if record.change_began:
        return "a change has begun, so the countdown cannot be taken back; scrub rolls back"
    return "it is being scrubbed" if record.scrubbed is not None else None


def _rollback(_given: ev.Ordered, record: Record, frozen: Frozen, person: Person, _m: datetime) -> str | None:
    if why := why_not_back(frozen, person):
        return why
    if not record.change_began:
        return "nothing was changed yet, so there is nothing to roll back; scrub ends the launch"
    stopped = record.rolled_back is not None and not record.rolled_back.proven
    return None if stopped else _way_back(record)


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
    allowed = {*outline_of(frozen).may_waive, step.owner}
    if not frozen.people.roles_between(person, moment, moment) & allowed:
        return f"{person.name} may not waive {given.step}; {', '.join(sorted(allowed))} may"
    if not given.reason or given.until is None or given.until <= moment:
        return "a waiver wants a reason, and a date in the future until which it holds"
    state = record.step(given.step)
    return f"{given.step} has not failed" if state.outcome is None or state.settled else None


_RULES: Mapping[str, _Rule] = {
    "hold": _hold,
    "resume": _resume,
    "scrub": _scrub,
    "recycle": _recycle,
    "rollback": _rollback,
    "retry": _retry,
    "waive": _waive,
}
