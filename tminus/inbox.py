"""What people say, let in: an answer or an order is written down, or refused with its reason written down."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import NoReturn

from tminus import asking
from tminus import events as ev
from tminus.chain_names import is_only_answered
from tminus.clock import now
from tminus.errors import InDoubt, MovedOn, Refused
from tminus.foresight import record_after
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ordering import why_order_refused
from tminus.personal_key import verified
from tminus.record import Record

FRESH = timedelta(minutes=5)  # how far from now a signed decision may have been made
_LONGEST = 200  # characters of what a refusal quotes


def answer(book: Logbook, frozen: Frozen, given: ev.Answered) -> Record:
    """Writes an answer down; raises Refused with the reason, which is written down too.

    It is written only if nothing was said since it was judged, else it is judged again: whoever is told "Recorded" is
    told so of an answer that counts. A sign-off has no conductor, so the answer that decides it ends it here.
    Raises InDoubt where nobody knows whether it was written, LedgerError.
    """
    record, crossed = book.refresh(), ""
    while True:
        why = _why_not_signed(book, frozen, given) or asking.why_refused(given, record, frozen.people, now())
        if why is not None:
            refuse(book, given.person, f"{given.answer} {given.ask}", f"{crossed}{why}", given.via)
        try:
            book.write(given, *_end_of_sign_off(record, frozen, given), after=record.seq)
        except MovedOn:
            record, crossed = book.refresh(), "it came too late: "
        except InDoubt as e:
            raise _in_doubt(book, e) from e
        else:
            return book.record


def order(book: Logbook, frozen: Frozen, given: ev.Ordered) -> Record:
    """Writes an order down; raises Refused with the reason, which is written down too.

    It is written only if nothing was said since it was judged, else it is judged again. A resume lets go of what its
    author could see held; where it does not say what that was, of nothing that was held in that very moment. A scrub
    that says what its author saw ends nothing that they saw unchanged, and that is changed by now.
    Raises InDoubt where nobody knows whether it was written, LedgerError.
    """
    record, crossed, what = book.refresh(), "", f"{given.order} {given.step}".strip()
    held = record.holding
    while True:
        why = _why_not_signed(book, frozen, given) or why_order_refused(given, record, frozen, now())
        if why is None and given.order == "resume" and given.seen is None and record.holding != held:
            why = "what holds it changed just now; look at it, and resume again"
        why = why or _why_not_as_seen(record, given)
        if why is not None:
            refuse(book, given.person, what, f"{crossed}{why}", given.via)
        try:
            book.write(given, after=record.seq)
        except MovedOn:
            record, crossed = book.refresh(), "it came too late: "
        except InDoubt as e:
            raise _in_doubt(book, e) from e
        else:
            return record


def _why_not_as_seen(record: Record, given: ev.Ordered) -> str | None:
    """Why a scrub is not what its author saw: then the launch would just end, and by now it would be rolled back."""
    seen = given.seen
    if given.order != "scrub" or seen is None or not record.change_began:
        return None
    if Record.of(stored for stored in record.stored if stored.seq <= seen).change_began:
        return None
    changed = ", ".join(state.step for state in record.steps.values() if state.changed)
    return f"a change began just now: {changed}; look and say it again"


def refuse(book: Logbook, who: str, what: str, why: str, via: ev.Via) -> NoReturn:
    """Writes down that something did not count, unless the launch is over, and raises Refused.

    It does not count whether or not that could be written down in full: only the line may be missing.
    """
    if book.record.closed is None:
        with suppress(InDoubt):
            book.write(ev.AnswerRefused(who=who[:_LONGEST], what=what[:_LONGEST], why=why, via=via))
    raise Refused(why)


def _in_doubt(book: Logbook, error: InDoubt) -> InDoubt:
    """The same, with what its author is to do."""
    return InDoubt(f"{error}. Look with `tminus status {book.launch}`; to say it again is safe, nothing counts twice")


def _why_not_signed(book: Logbook, frozen: Frozen, given: ev.Answered | ev.Ordered) -> str | None:
    """Why something from a command line is not proven to be this person's, said now, and said once."""
    person = frozen.people.by_id(given.person)
    if given.via != "command line" or person is None:
        return None
    if not verified(book.launch, given, person):
        return f"it is not signed with {person.name}'s key"
    if abs(now() - given.at) > FRESH:
        return f"it was signed at {given.at:%Y-%m-%d %H:%M:%S} UTC, more than five minutes from now; give it again"
    if any(_signature(event) == given.signature for event in book.record.events):
        return "this very decision was recorded already"
    return None


def _signature(event: ev.Event) -> str:
    return event.signature if isinstance(event, ev.Answered | ev.Ordered) else ""


def _end_of_sign_off(record: Record, frozen: Frozen, given: ev.Answered) -> Sequence[ev.AskEnded]:
    """The end of a sign-off, where this answer decides it."""
    state = record_after(record, given).asks[given.ask]
    if not is_only_answered(frozen.created.launch) or state.ended is not None:
        return ()
    judged = asking.judge(state, frozen.people)
    if judged.rejected is not None:
        name = asking.name_of(frozen.people, judged.rejected.person)
        reason = f"{name} said no: {judged.rejected.reason or 'no reason given'}"
        return (ev.AskEnded(ask=given.ask, result="rejected", reason=reason),)
    if judged.met:
        return (ev.AskEnded(ask=given.ask, result="met", reason=asking.seated(judged.seating, frozen.people)),)
    return ()
