"""Where a sign-off is: who signed, who is missing, whether it is complete, and until when it is valid."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from tminus import asking
from tminus import events as ev
from tminus.clock import show_duration
from tminus.errors import LedgerError
from tminus.frozen import Frozen
from tminus.headline import answers_to, where_to_answer
from tminus.ledger.logbook import Logbook
from tminus.record import AskState, Record
from tminus.runbook import SignOff
from tminus.sentence import gist
from tminus.sign_off import Asked, all_asked, decided_last
from tminus.spoken import counted, day_said, person_said, role_said

State = Literal["waiting", "complete", "overtaken", "refused", "expired", "ran out", "withdrawn"]
_SYMBOLS: dict[State, str] = {"waiting": "◇", "complete": "✓"}
_OVER = "✗"
_AGAIN = "; `tminus sign-off` asks again"
_BY = "by the people.yaml and the book that it was asked with"


class Signature(BaseModel, frozen=True):
    """A seat that is filled: which, by whom, and since when."""

    role: str
    person: str
    at: ev.Time


class SignOffStatus(BaseModel, frozen=True):
    """A sign-off's last question, by the people.yaml that it was asked with.

    Attributes:
        release: the digest that a yes binds to.
        deadline: until when it can be answered.
        state: `overtaken` where it would be complete, and another question about this release was decided after it.
        missing: each seat that lacks somebody, and who could fill it; none where a signature would help no more.
        valid_until: None while it is not complete; also the moment at which it ran out.
        sentence: all of it in one.
        answer: how it is answered; "" where it no longer can be.
        decided: the other question about this release that these people decided last, and how; "" where it is this one.
        before: how each earlier question in this chain ended.
    """

    sign_off: str
    title: str
    release: str
    asked_by: str
    asked: ev.Time
    deadline: ev.Time
    state: State
    complete: bool
    signed: tuple[Signature, ...]
    missing: tuple[str, ...]
    valid_until: ev.Time | None
    sentence: str
    answer: str
    decided: str
    before: tuple[str, ...]


def sign_off_status(book: Logbook, frozen: Frozen, now: datetime) -> SignOffStatus | None:
    """How it stands at a moment; None where nothing was asked in this chain.

    Raises LedgerError, also where the chain says that it is another one: its signatures were given there.
    """
    record = book.record
    if frozen.created.launch != book.launch:
        raise LedgerError(
            f"{book.launch} says that it is {frozen.created.launch}, so nothing in it counts; "
            "`tminus status` with that name shows the real one"
        )
    if not record.asks:
        return None
    *before, ask = record.asks.values()
    judged = asking.judge(ask, frozen.people, now)
    question = _question(frozen, ask)
    mine = Asked(frozen, ask, judged, ())
    valid_until = mine.until(question) if question and judged.met else None
    decided = _decided(mine, _all_counted(book, frozen, ask), question, now) if question else ""
    state = _state(ask, judged, valid_until, now)
    state = "overtaken" if state == "complete" and decided else state
    then = f"; {decided}" if decided else _AGAIN if state in {"refused", "expired", "ran out"} else ""
    answers = {answer.person: answer.at for answer in ask.counting()}
    signed = tuple(
        Signature(role=role_said(role), person=asking.name_of(frozen.people, person), at=answers[person])
        for role, persons in judged.seating.filled.items()
        for person in persons
    )
    return SignOffStatus(
        sign_off=frozen.created.launch,
        title=frozen.created.title,
        release=ask.opened.decision_digest,
        asked_by=person_said(frozen, frozen.created.started_by),
        asked=ask.opened.at,
        deadline=ask.opened.deadline,
        state=state,
        complete=state == "complete",
        signed=signed,
        missing=() if state in {"refused", "withdrawn"} else tuple(_missing(frozen, record, ask, judged, now)),
        valid_until=valid_until,
        sentence=f"{_sentence(frozen, ask, judged, state, valid_until, question)}{then}.",
        answer=where_to_answer(frozen, ask) if state == "waiting" else "",
        decided=decided,
        before=tuple(_ended(one) for one in before),
    )


def lines(status: SignOffStatus) -> Iterator[str]:
    """The same on one screen: what somebody wrote begins no line of its own."""
    return (" ".join(line.splitlines()) for line in _lines(status))


def _lines(status: SignOffStatus) -> Iterator[str]:
    yield f"{status.title}, asked by {status.asked_by} at {day_said(status.asked)}"
    yield status.sign_off
    yield f"release {status.release}"
    yield ""
    yield f"{_SYMBOLS.get(status.state, _OVER)} {status.sentence}"
    for one in status.signed:
        yield f"  signed   {one.role}: {one.person}, at {day_said(one.at)}"
    for missing in status.missing:
        yield f"  missing  {missing}"
    if status.answer:
        yield f"  to sign: {status.answer}"
    for earlier in status.before:
        yield f"  before:  {earlier}"


def _question(frozen: Frozen, ask: AskState) -> SignOff | None:
    step = frozen.runbook.step(ask.opened.step)
    return step.does if step is not None and isinstance(step.does, SignOff) else None


def _state(ask: AskState, judged: asking.Judgement, valid_until: datetime | None, now: datetime) -> State:
    if judged.rejected is not None:
        return "refused"
    if judged.met:
        return "ran out" if valid_until is not None and now > valid_until else "complete"
    if ask.ended is not None and ask.ended.result == "withdrawn":
        return "withdrawn"
    return "waiting" if ask.ended is None and now <= ask.opened.deadline else "expired"


def _missing(frozen: Frozen, record: Record, ask: AskState, judged: asking.Judgement, now: datetime) -> Iterator[str]:
    if ask.ended is None and now <= ask.opened.deadline:
        yield from (one.who for one in answers_to(frozen, record, ask, now))
    else:
        yield from (f"{count} {role_said(role)}" for role, count in judged.seating.missing.items())


def _sentence(
    frozen: Frozen,
    ask: AskState,
    judged: asking.Judgement,
    state: State,
    valid_until: datetime | None,
    question: SignOff | None,
) -> str:
    """Without what to do, and without its end."""
    seats = sum(judged.seating.quorum.values())
    signed = f"{len(judged.seating.seated)} of {counted(seats, 'signature')}"
    if state == "waiting":
        then = f"; once complete it is valid for {show_duration(question.valid_for)}" if question else ""
        return f"Not complete: {signed}; it can be signed until {day_said(ask.opened.deadline)}{then}"
    if state == "refused" and judged.rejected is not None:
        return f"Refused {_by_whom(frozen, judged.rejected)}"
    if state == "withdrawn" and ask.ended is not None:
        return f"Withdrawn with {signed}: {gist(ask.ended.reason)}"
    if state == "expired":
        return f"Not complete: {signed} by the deadline, {day_said(ask.opened.deadline)}"
    until = f", valid until {day_said(valid_until)}" if valid_until is not None else ""
    if state == "ran out":
        return f"It was complete{until}, and has run out"
    return f"{'It was complete' if state == 'overtaken' else 'Complete'}: {signed}{until}, {_BY}"


def _by_whom(frozen: Frozen, no: ev.Answered) -> str:
    by, why = asking.name_of(frozen.people, no.person), gist(no.reason) or "no reason given"
    return f"by {by} at {day_said(no.at)}: {why}"


def _all_counted(book: Logbook, frozen: Frozen, ask: AskState) -> list[Asked]:
    """Every question about this release, as a launch finds them; raises LedgerError where this one is none of them."""
    asked = all_asked(book.store, frozen)
    if not any((one.frozen.created.launch, one.ask.opened.ask) == (book.launch, ask.opened.ask) for one in asked):
        raise LedgerError(f"{book.launch} asks about another release than it is named after, so no launch counts it")
    return asked


def _decided(mine: Asked, asked: Sequence[Asked], question: SignOff, now: datetime) -> str:
    """The question of the same release by which a launch with these people goes, where it is another one."""
    chain, last = mine.frozen.created.launch, decided_last(asked, question)
    if last is None or not last.decided:
        return ""
    other, ask = last.frozen.created.launch, last.ask.opened.ask
    if other == chain and (ask == mine.ask.opened.ask or not mine.decided):  # `before` tells of it
        return ""
    return f"decided {'later' if mine.decided else 'last'} in {other}: {_end_said(mine.frozen, last, question, now)}"


def _end_said(frozen: Frozen, other: Asked, question: SignOff, now: datetime) -> str:
    if other.judged.rejected is not None:
        return f"refused {_by_whom(frozen, other.judged.rejected)}"
    until = other.until(question)
    return f"complete, {'valid until' if now <= until else 'and ran out at'} {day_said(until)}"


def _ended(ask: AskState) -> str:
    if ask.ended is None:
        return f"{ask.opened.ask} of {day_said(ask.opened.at)}, asked anew since"
    return f"{ask.opened.ask} of {day_said(ask.opened.at)}, {ask.ended.result}: {gist(ask.ended.reason)}"
