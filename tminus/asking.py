"""Whether an ask is met, and whether an answer counts. Pure: the ledger's events in, a judgement out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tminus import events as ev
from tminus.people import People, Person
from tminus.quorum import Answer, Seating, seat, why_it_waits
from tminus.record import AskState, Record

_YES: Mapping[str, ev.Answer] = {
    "approval": "approve",
    "sign_off": "approve",
    "acknowledgement": "acknowledge",
    "attestation": "attest",
}


@dataclass(frozen=True)
class Judgement:
    """How an ask stands: met, rejected (by whom), or waiting (for whom)."""

    met: bool
    seating: Seating
    rejected: ev.Answered | None
    waits: str


def judge(ask: AskState, people: People) -> Judgement:
    """Seats every yes that counts; distinct people per role, by maximum matching."""
    counting = ask.counting()
    rejected = next((answer for answer in counting if answer.answer == "reject"), None)
    yes = _YES[ask.opened.kind]
    answered = {answer.person: _roles(people, answer.person) for answer in counting if answer.answer == yes}
    seating = seat(ask.opened.roles, answered)
    return Judgement(seating.complete, seating, rejected, "" if seating.complete else _waits(seating, people))


def _roles(people: People, identity: str) -> frozenset[str]:
    person = people.by_id(identity)
    return person.roles if person else frozenset()


def _waits(seating: Seating, people: People) -> str:
    named = Seating(
        seating.quorum,
        tuple(Answer(_name(people, answer.person), answer.roles) for answer in seating.answers),
        {role: tuple(_name(people, person) for person in seated) for role, seated in seating.filled.items()},
    )
    return why_it_waits(named, {person.name: person.roles for person in people.people})


def seated(seating: Seating, people: People) -> str:
    """Who fills which seat, in words."""
    return ", ".join(
        f"{_name(people, person)} as {role}" for role, persons in seating.filled.items() for person in persons
    )


def _name(people: People, identity: str) -> str:
    person = people.by_id(identity)
    return person.name if person else identity


def why_refused(answer: ev.Answered, record: Record, people: People, moment: datetime) -> str | None:
    """Why an answer does not count; None where it does. The reason is told to whoever answered."""
    person, ask = people.by_id(answer.person), record.asks.get(answer.ask)
    if person is None:
        return f"{answer.person} is nobody in this launch's people.yaml"
    if ask is None:
        return f"nothing called {answer.ask} was asked in this launch"
    if record.closed is not None:
        return f"the launch is over: {record.closed.sentence}"
    if ask.ended is not None:
        return f"this was decided at {ask.ended.at:%H:%M:%S}: {ask.ended.reason}"
    return _why_not_this_one(answer, ask, record, person, moment)


def _why_not_this_one(
    answer: ev.Answered, ask: AskState, record: Record, person: Person, moment: datetime
) -> str | None:
    asked = person.roles & set(ask.opened.roles)
    may = asked or (answer.answer == "reject" and person.roles & set(ask.opened.veto))
    if not may:
        return f"{person.name} has the roles {_list(person.roles)}; asked are {_list(ask.opened.roles)}"
    if moment > ask.opened.deadline:
        return f"the deadline was {ask.opened.deadline:%H:%M:%S}, and it is {moment:%H:%M:%S}"
    if answer.digest != ask.opened.decision_digest:
        return "what was asked has changed since; look at it again and answer the new question"
    if answer.answer not in {"reject", _YES[ask.opened.kind]}:
        return f"{answer.answer!r} does not answer this {ask.opened.kind}; {_YES[ask.opened.kind]!r} or 'reject' would"
    if any(earlier.person == person.id and earlier.answer == answer.answer for earlier in ask.counting()):
        return f"{person.name} already said {answer.answer}"
    if ask.opened.kind == "approval" and record.created and record.created.started_by == person.id:
        return f"{person.name} started this launch, and nobody approves their own"
    return None


def _list(roles: Iterable[str]) -> str:
    return ", ".join(sorted(roles))
