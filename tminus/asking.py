"""Whether an ask is met, and whether an answer counts. Pure: the ledger's events in, a judgement out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tminus import events as ev
from tminus.candidates import Asking, may_answer, may_fill
from tminus.foreign_text import one_line
from tminus.outcome import Verdict
from tminus.people import People, Person
from tminus.quorum import Answer, Seating, seat, why_it_waits
from tminus.record import AskState, Record
from tminus.spoken import role_said

_YES: Mapping[str, ev.Answer] = {
    "approval": "approve",
    "sign_off": "approve",
    "acknowledgement": "acknowledge",
    "attestation": "attest",
}

_SHOWN = 12  # digits of a digest that are shown to people
FEWEST = 6
"""Digits of it that name a question."""


@dataclass(frozen=True)
class Judgement:
    """How an ask stands: met, rejected (by whom), or waiting.

    Attributes:
        waits: for which roles, and whose answer would bring it on; "" where for nobody.
        lacks: the same as it is still true once no answer counts any more.
    """

    met: bool
    seating: Seating
    rejected: ev.Answered | None
    waits: str
    lacks: str


def judge(ask: AskState, people: People, moment: datetime | None = None) -> Judgement:
    """Seats every yes that counts; distinct people per role, by maximum matching. One no outweighs every yes.

    Args:
        ask: the question as it stands.
        people: everybody.
        moment: from when on answers are awaited, for the sentence that says who could answer; from when it was asked
            where none is given.
    """
    counting, yes = ask.counting(), _YES[ask.opened.kind]
    rejected = next((answer for answer in counting if answer.answer == "reject"), None)
    answered = {one.person: seats for one in counting if one.answer == yes and (seats := seats_of(one, ask, people))}
    seating = seat(ask.opened.roles, answered)
    may = who_may(ask, people, moment)
    waits, lacks = (_waits(seating, may, people, is_open=is_open) for is_open in (True, False))
    return Judgement(seating.complete and rejected is None, seating, rejected, waits, lacks)


def end_of(ask: AskState, people: People, moment: datetime) -> ev.AskEnded | None:
    """How a question ends at this moment, by what was answered or by its deadline; None while it waits."""
    judgement, name = judge(ask, people, moment), ask.opened.ask
    if judgement.rejected is not None:
        no = judgement.rejected
        said = f"{name_of(people, no.person)} said no: {one_line(no.reason) or 'no reason given'}"
        return ev.AskEnded(ask=name, result="rejected", reason=said)
    if judgement.met:
        return ev.AskEnded(ask=name, result="met", reason=seated(judgement.seating, people))
    if moment >= ask.opened.deadline:
        return ev.AskEnded(ask=name, result="expired", reason=f"at the deadline it still {judgement.lacks}")
    return None


def standing(ask: AskState, people: People) -> list[ev.Answered]:
    """The answers that still stand: every no, and each yes that counts for a seat; a person's last one."""
    return [one for one in ask.counting() if one.answer == "reject" or seats_of(one, ask, people)]


def who_may(ask: AskState, people: People, moment: datetime | None = None) -> Mapping[str, frozenset[str]]:
    """Person → the seats they could fill from a moment on, or while it is open, of everybody whose yes can count."""
    opened = ask.opened
    since = max(moment or opened.at, opened.at)
    return may_answer(_asked(ask, since, max(since, opened.deadline)), people)


def seats_of(answer: ev.Answered, ask: AskState, people: People) -> frozenset[str]:
    """The seats that a yes counts for: those its author may take at that moment, and about which nothing changed."""
    person = people.by_id(answer.person)
    if person is None or person.id in ask.barred:
        return frozenset()
    return may_fill(_asked(ask, answer.at, answer.at), people, person) & ask.bound_seats(answer.digest)


def _asked(ask: AskState, since: datetime, until: datetime) -> Asking:
    """What is asked of whoever answers in a period."""
    return Asking(ask.opened.roles, ask.barred, since, until, ask.opened.gates)


def _waits(seating: Seating, may: Mapping[str, frozenset[str]], people: People, *, is_open: bool) -> str:
    named = Seating(
        seating.quorum,
        tuple(Answer(name_of(people, answer.person), answer.roles) for answer in seating.answers),
        {role: tuple(name_of(people, person) for person in seated) for role, seated in seating.filled.items()},
    )
    by_name = {name_of(people, person): roles for person, roles in may.items()}
    return why_it_waits(named, by_name, is_open=is_open)


def seated(seating: Seating, people: People) -> str:
    """Who fills which seat, in words."""
    return ", ".join(
        _seat_said(name_of(people, person), role) for role, persons in seating.filled.items() for person in persons
    )


def _seat_said(name: str, role: str) -> str:
    said = role_said(role)
    return name if said.lower() in name.lower() else f"{name} as {said}"


def name_of(people: People, identity: str) -> str:
    """How messages name somebody; with their id where two share a name, and the id alone for a stranger."""
    person = people.by_id(identity)
    if person is None:
        return identity
    shared = sum(1 for other in people.people if other.name == person.name) > 1
    return f"{person.name} ({person.id})" if shared else person.name


def waived_said(record: Record, people: People, steps: Iterable[str]) -> str:
    """Which of these steps a person accepted although they did not pass, who, until when and why; "" where none."""
    accepted = [step for step in steps if (seen := record.step(step).outcome) and seen.verdict is Verdict.WAIVED]
    said = [f"{step} ({_waiver_said(record.waivers[step], people)})" for step in accepted]
    return f"Waived: {'; '.join(said)}." if said else ""


def _waiver_said(waiver: ev.Ordered, people: People) -> str:
    until = f" until {waiver.until:%Y-%m-%d}" if waiver.until else ""
    return f"by {name_of(people, waiver.person)}{until}: {one_line(waiver.reason)}"


def short(digest: str) -> str:
    """A decision digest as people see and copy it."""
    return digest.removeprefix("sha256:")[:_SHOWN]


def is_meant(named: str, digest: str) -> bool:
    """Whether what somebody copied names this digest: at least its first six digits."""
    digits = named.removeprefix("sha256:").lower()
    return len(digits) >= FEWEST and digest.removeprefix("sha256:").startswith(digits)


def how_to_answer(launch: str, opened: ev.AskOpened) -> str:
    """The command that says yes to this question as it stands now, and to no other."""
    return f"tminus {_YES[opened.kind]} {launch} --ask {opened.ask} --digest {short(opened.decision_digest)}"


def why_refused(answer: ev.Answered, record: Record, people: People, moment: datetime) -> str | None:
    """Why an answer does not count; None where it does. The reason is told to whoever answered."""
    person, ask = people.by_id(answer.person), record.asks.get(answer.ask)
    if person is None:
        return f"{answer.person} is nobody in this launch's people.yaml"
    if ask is None:
        return f"nothing called {answer.ask!r} was asked in this launch"
    if record.closed is not None:
        return f"the launch is over: {record.closed.sentence}"
    if record.must_roll_back:
        return "the launch is on its way back, so nothing is decided any more"
    if ask.voided:
        return "the countdown was taken back to its start; this will be asked anew"
    if ask.ended is not None:
        return f"{answer.ask} was decided at {ask.ended.at:%Y-%m-%d %H:%M:%S} UTC: {ask.ended.reason}"
    return _why_not_theirs(answer, ask, people, person) or _why_not_now(answer, ask, people, moment)


def _why_not_theirs(answer: ev.Answered, ask: AskState, people: People, person: Person) -> str | None:
    """Why it is not this person's answer to give."""
    kind, yes = ask.opened.kind, _YES[ask.opened.kind]
    roles = people.roles_between(person, answer.at, answer.at)
    asked = may_fill(_asked(ask, answer.at, answer.at), people, person)
    if not asked and not (answer.answer == "reject" and roles & set(ask.opened.veto)):
        then = ", and none of those asked at any of these gates" if ask.opened.gates else ""
        return f"{person.name} has the roles {_list(roles)}{then}; asked are {_list(ask.opened.roles)}"
    fitting = {yes} if kind == "acknowledgement" else {yes, "reject"}
    if answer.answer not in fitting:
        return f"{answer.answer!r} does not answer this {kind}; {_list(fitting)} would"
    if answer.via == "pagerduty" and answer.answer != "reject":
        return "the author of a PagerDuty note is not proven, so from there only a no counts"
    return None


def _why_not_now(answer: ev.Answered, ask: AskState, people: People, moment: datetime) -> str | None:
    """Why it would have counted, though not here and now. A no may be to the question as it was at any time."""
    if moment > ask.opened.deadline:
        return f"the deadline was {ask.opened.deadline:%H:%M:%S}, and it is {moment:%H:%M:%S}"
    if answer.digest != ask.opened.decision_digest and not (answer.answer == "reject" and answer.digest in ask.bound):
        changed = f" ({'; '.join(ask.opened.changed)})" if ask.opened.changed else ""
        return f"what was asked has changed since{changed}; look at it again and answer the new question"
    name = name_of(people, answer.person)
    if any(_says_no_more(answer, earlier, ask, people) for earlier in standing(ask, people)):
        return f"{name} already said {answer.answer}"
    if no := next((earlier for earlier in ask.counting() if earlier.answer == "reject"), None):
        return f"{name_of(people, no.person)} said no, and one no decides"
    if answer.answer != "reject" and (why := ask.barred.get(answer.person)):
        return f"{name} {why}"
    return None


def _says_no_more(answer: ev.Answered, earlier: ev.Answered, ask: AskState, people: People) -> bool:
    """Whether somebody said this before, for every seat that they could say it for now."""
    if (earlier.person, earlier.answer) != (answer.person, answer.answer):
        return False
    return answer.answer == "reject" or seats_of(answer, ask, people) <= seats_of(earlier, ask, people)


def _list(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
