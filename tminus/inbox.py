"""What people say, let in: an answer or an order is written down, or refused with its reason written down."""

from datetime import datetime
from typing import NoReturn

from tminus import events as ev
from tminus.asking import judge, seated, why_refused
from tminus.clock import now
from tminus.errors import Refused
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.people import Person
from tminus.record import Record


def answer(book: Logbook, frozen: Frozen, given: ev.Answered) -> Record:
    """Writes an answer down; raises Refused with the reason, which is written down too."""
    record = book.refresh()
    why = why_refused(given, record, frozen.people, now())
    if why is not None:
        refuse(book, given.person, f"{given.answer} {given.ask}", why, given.via)
    book.write(given)
    _end_sign_off(book, frozen, given.ask)
    return book.record


def _end_sign_off(book: Logbook, frozen: Frozen, name: str) -> None:
    """A sign-off has no conductor to end it, so the answer that completes it does."""
    ask = book.record.asks[name]
    if ask.opened.kind != "sign_off" or ask.ended is not None:
        return
    judgement = judge(ask, frozen.people)
    if judgement.met:
        book.write(ev.AskEnded(ask=name, result="met", reason=seated(judgement.seating, frozen.people)))
    elif judgement.rejected is not None:
        book.write(ev.AskEnded(ask=name, result="rejected", reason=judgement.rejected.reason or "no reason given"))


def order(book: Logbook, frozen: Frozen, given: ev.Ordered) -> Record:
    """Writes an order down; raises Refused with the reason, which is written down too."""
    record = book.refresh()
    why = _why_not(given, record, frozen, now())
    if why is not None:
        refuse(book, given.person, f"{given.order} {given.step}".strip(), why, given.via)
    book.write(given)
    return book.record


def refuse(book: Logbook, who: str, what: str, why: str, via: ev.Via) -> NoReturn:
    """Writes down that something did not count, and raises Refused."""
    book.write(ev.AnswerRefused(who=who, what=what, why=why, via=via))
    raise Refused(why)


def _why_not(given: ev.Ordered, record: Record, frozen: Frozen, moment: datetime) -> str | None:
    person = frozen.people.by_id(given.person)
    if person is None:
        return f"{given.person} is nobody in this launch's people.yaml"
    if record.closed is not None:
        return f"the launch is over: {record.closed.sentence}"
    rule = _RULES.get(given.order)
    return rule(given, record, frozen, person, moment) if rule else None


def _hold(_given: ev.Ordered, record: Record, _f: Frozen, _p: Person, _m: datetime) -> str | None:
    return "a rollback is under way; it goes on whatever is held" if record.must_roll_back else None


def _resume(_given: ev.Ordered, record: Record, _f: Frozen, _p: Person, _m: datetime) -> str | None:
    return None if record.held else "nothing is held"


def _scrub(_given: ev.Ordered, record: Record, _f: Frozen, _p: Person, _m: datetime) -> str | None:
    return "it is being rolled back already" if record.must_roll_back else None


def _recycle(_given: ev.Ordered, record: Record, _f: Frozen, _p: Person, _m: datetime) -> str | None:
    return (
        "a change has begun, so the countdown cannot be taken back; scrub rolls back" if record.change_began else None
    )


def _rollback(_given: ev.Ordered, record: Record, frozen: Frozen, person: Person, _m: datetime) -> str | None:
    allowed = frozen.runbook.may_roll_back
    if allowed and not person.roles & set(allowed):
        return f"{person.name} may not roll back; {', '.join(allowed)} may"
    if not record.change_began:
        return "nothing was changed yet, so there is nothing to roll back; scrub ends the launch"
    return "it was rolled back already" if record.rolled_back else None


def _retry(given: ev.Ordered, record: Record, frozen: Frozen, _p: Person, _m: datetime) -> str | None:
    if frozen.runbook.step(given.step) is None:
        return f"the book has no step called {given.step!r}"
    return f"{given.step} is settled" if record.step(given.step).settled else None


def _waive(given: ev.Ordered, record: Record, frozen: Frozen, person: Person, moment: datetime) -> str | None:
    step = frozen.runbook.step(given.step)
    if step is None:
        return f"the book has no step called {given.step!r}"
    if not step.waivable:
        return f"{given.step} cannot be waived: the book says so"
    allowed = {*frozen.runbook.may_waive, step.owner}
    if not person.roles & allowed:
        return f"{person.name} may not waive {given.step}; {', '.join(sorted(allowed))} may"
    if not given.reason or given.until is None or given.until <= moment:
        return "a waiver wants a reason, and a date in the future until which it holds"
    state = record.step(given.step)
    return f"{given.step} has not failed" if state.outcome is None or state.settled else None


_RULES = {
    "hold": _hold,
    "resume": _resume,
    "scrub": _scrub,
    "recycle": _recycle,
    "rollback": _rollback,
    "retry": _retry,
    "waive": _waive,
}
