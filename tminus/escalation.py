"""How far a question that nobody answers has gone: reminded, its roles paged, their deputies paged. Pure.

Of the time between a question's first opening and its deadline, people have a third undisturbed; after it they are
reminded, at two thirds their role's on-call is paged, at five sixths who stands in for them, and at the deadline the
question ends by itself.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from tminus import asking
from tminus import events as ev
from tminus.candidates import Asking, may_answer
from tminus.people import People
from tminus.quorum import Seating, seat
from tminus.record_parts import AskState
from tminus.seats import roles_of_seat

How = Literal["remind", "page", "deputies"]

_SIXTHS: Mapping[How, int] = {"remind": 2, "page": 4, "deputies": 5}  # of the time that a question has
_STAGES: tuple[How, ...] = tuple(_SIXTHS)
_WAKES_NOBODY = frozenset({"acknowledgement", "sign_off"})  # nothing is decided in the night by reading


def stages_of(ask: AskState) -> Sequence[tuple[How, datetime]]:
    """When this question goes how far; nothing where it has no time."""
    kind, left = ask.opened.kind, ask.opened.deadline - ask.since
    ways = _STAGES[:1] if kind in _WAKES_NOBODY else _STAGES
    return [(how, ask.since + left * _SIXTHS[how] / 6) for how in ways] if left else []


def next_due(ask: AskState) -> datetime | None:
    """When it goes further if nobody answers, which may have been; None where it goes no further."""
    if ask.ended is not None or ask.voided:
        return None
    return next((at for how, at in stages_of(ask) if _rank(how) > _reached(ask)), None)


def next_reminder(
    ask: AskState, people: People, moment: datetime, silent: Sequence[str] | None = None
) -> ev.Reminded | None:
    """How far it goes now: the highest stage that is due and has not been; those below it are passed over.

    None where none is due, where the question ended or has nothing left but its end, and once its deadline has come.
    A roll-call is not over with its seats: there it is `silent` who lack, as `called` finds them.
    """
    if ask.ended is not None or ask.voided or moment >= ask.opened.deadline:
        return None
    due = [how for how, at in stages_of(ask) if at <= moment and _rank(how) > _reached(ask)]
    judged = asking.judge(ask, people)
    over = judged.seating.complete if silent is None else not silent
    if not due or over or judged.rejected is not None:
        return None
    seats = tuple(judged.seating.missing)
    could = _could_fill(ask, judged.seating, people, moment) if silent is None else silent
    reached = _to_wake(could, _may(ask, people, moment), seats, people, moment) if due[-1] == "deputies" else could
    return ev.Reminded(at=moment, ask=ask.opened.ask, how=due[-1], seats=seats, people=tuple(reached))


def _could_fill(ask: AskState, seating: Seating, people: People, moment: datetime) -> list[str]:
    """Everyone whose yes would fill one more seat now, by themselves or by somebody moving over for them."""
    answered = {answer.person: answer.roles for answer in seating.answers}
    return [
        person
        for person, seats in _may(ask, people, moment).items()
        if seats - answered.get(person, frozenset())
        and len(seat(seating.quorum, {**answered, person: seats}).seated) > len(seating.seated)
    ]


def _may(ask: AskState, people: People, moment: datetime) -> Mapping[str, frozenset[str]]:
    return may_answer(Asking(ask.opened.roles, ask.barred, moment, moment), people)


def _to_wake(
    could: Sequence[str],
    may: Mapping[str, frozenset[str]],
    seats: Sequence[str],
    people: People,
    moment: datetime,
) -> Sequence[str]:
    """For each empty seat the deputies in force that PagerDuty can wake, else everyone that it can; else everyone.

    Whoever can fill no empty seat themselves may free somebody for any of them.
    """
    known = [one.id for one in people.people if one.pagerduty and one.id in could]
    woken = set[str]()
    for empty in seats:
        deputies = {one.id for one in people.deputies_for(roles_of_seat(empty), moment)}
        theirs = {one for one in known if empty in may[one] or may[one].isdisjoint(seats)}
        woken |= (theirs & deputies) or theirs
    return [one for one in known if one in woken] or could


def _rank(how: How) -> int:
    return _STAGES.index(how)


def _reached(ask: AskState) -> int:
    """The highest stage that has been; -1 before the first."""
    return max((_rank(one.how) for one in ask.reminders), default=-1)
