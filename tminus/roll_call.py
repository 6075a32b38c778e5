"""The roll-call: whether those who say that they will be there could give every approval that is still to come."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tminus import events as ev
from tminus.asking import name_of
from tminus.candidates import Asking, may_answer
from tminus.clock import Clock
from tminus.frozen import Frozen
from tminus.quorum import seat, why_unreachable
from tminus.record_parts import AskState
from tminus.runbook import Approval, Runbook, Step
from tminus.spoken import counted, day_said, listed, role_said, time_said


@dataclass(frozen=True)
class Gate:
    """An approval that is still to come, and when it would be asked."""

    title: str
    approval: Approval
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Called:
    """How a roll-call stands.

    Attributes:
        there: who said that they will be there, by id.
        silent: who could fill what nobody there fills, and has said nothing.
        lacking: the gates that those who are there could not pass, each with what it lacks, in words.
    """

    there: Sequence[str]
    silent: Sequence[str]
    lacking: Mapping[str, str]


def gates_of(frozen: Frozen, step: Step) -> list[Gate]:
    """The approvals behind this step."""
    return gates_at(frozen.runbook, step, frozen.created.t0, frozen.environment.clock)


def gates_at(book: Runbook, step: Step, t0: datetime, clock: Clock) -> list[Gate]:
    """The approvals behind this step, in a launch at `t0` that may not have been created yet."""
    behind = book.approvals_after(step)
    asked = [
        (one.title, one.does, t0 + clock.real(phase.offset))
        for phase in book.phases
        for one in phase.steps
        if one in behind
    ]
    return [
        Gate(title, does, since, since + clock.real(does.deadline))
        for title, does, since in asked
        if isinstance(does, Approval)
    ]


def gates_called(gates: Iterable[Gate]) -> tuple[ev.LaterGate, ...]:
    """What a roll-call is about: who may answer it is who could fill one of these seats then."""
    return tuple(ev.LaterGate(since=gate.since, until=gate.until, seats=tuple(gate.approval.roles)) for gate in gates)


def seats_called(gates: Iterable[Gate]) -> dict[str, int]:
    """The seats of all of them taken together; of each the most that one of them wants."""
    seats: dict[str, int] = {}
    for gate in gates:
        for name, count in gate.approval.roles.items():
            seats[name] = max(seats.get(name, 0), count)
    return seats


def called(frozen: Frozen, step: Step, ask: AskState) -> Called:
    """How it stands. Each gate is filled by itself, by the roles that people have when it is asked."""
    there = [one.person for one in ask.counting() if one.person not in ask.barred]
    silent: dict[str, None] = {}
    lacking: dict[str, str] = {}
    for gate in gates_of(frozen, step):
        could = may_answer(Asking(gate.approval.roles, ask.barred, gate.since, gate.until), frozen.people)
        answered = {person: could[person] for person in there if person in could}
        if not (missing := seat(gate.approval.roles, answered).missing):
            continue
        lacking[gate.title] = _lacks(frozen, gate, could, missing)
        silent |= {person: None for person, seats in could.items() if person not in there and seats & missing.keys()}
    return Called(tuple(there), tuple(silent), lacking)


def called_in(frozen: Frozen, ask: AskState) -> Called | None:
    """How the roll-call stands that this question is; None where it is another one. Its seats alone do not say so."""
    step = frozen.runbook.step(ask.opened.step) if ask.opened.gates else None
    return called(frozen, step, ask) if step is not None else None


def _lacks(frozen: Frozen, gate: Gate, could: Mapping[str, frozenset[str]], missing: Mapping[str, int]) -> str:
    """What a gate lacks; that nobody could mend it, too, where that is so."""
    lacks = f"lacks {listed(_seats(missing))}"
    named = {name_of(frozen.people, person): seats for person, seats in could.items()}
    never = why_unreachable(gate.approval.roles, named)
    return f"{lacks} ({never})" if never else lacks


def asked_text(frozen: Frozen, step: Step) -> str:
    """What is asked: when it is, and who is needed at which gate."""
    asked = f"Will you be there? T-0 of {frozen.created.title} is {day_said(frozen.created.t0)}. Your gates:"
    gates = (
        f"• {gate.title}, from {time_said(gate.since)}: {listed(_seats(gate.approval.roles))}"
        for gate in gates_of(frozen, step)
    )
    away = "Who cannot be there has a deputy entered in people.yaml, before the launch is created."
    return "\n".join((asked, *gates, away))


def called_said(frozen: Frozen, found: Called) -> str:
    """Who will be there; and where somebody lacks, who is silent and what could not be decided without them."""
    there = listed(name_of(frozen.people, one) for one in found.there) or "nobody"
    if not found.lacking:
        return f"there will be {there}"
    silent = listed(name_of(frozen.people, one) for one in found.silent) or "nobody who could be asked"
    gates = "; ".join(f"{title} {lacks}" for title, lacks in found.lacking.items())
    return f"silent: {silent}. Without them: {gates}. There will be {there}"


def _seats(seats: Mapping[str, int]) -> Iterator[str]:
    return (counted(count, role_said(name), role_said(name)) for name, count in seats.items())
