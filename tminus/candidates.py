"""Who may answer what a book asks, and whether enough people can: one rule for plan, validate, launch and answers."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tminus.events import LaterGate
from tminus.people import People, Person
from tminus.quorum import why_unreachable
from tminus.record_parts import STARTED
from tminus.runbook import Attestation, PagingPath, Quorum, Spec
from tminus.seats import seats_open_to

_EVER, _FOR_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_BARS = frozenset({"approval", "waiver"})
WROTE = "wrote a commit of this release, and nobody approves their own"


@dataclass(frozen=True)
class Asking:
    """What is asked of whom.

    Attributes:
        seats: seat → how many distinct people.
        barred: person → why a yes of theirs does not count.
        since: when it is asked.
        until: when it closes; while both are open, whoever may stand in for somebody at any time counts.
        gates: where it asks ahead, what for: then their times count, and not its own.
    """

    seats: Mapping[str, int]
    barred: Mapping[str, str] = field(default_factory=dict)
    since: datetime = _EVER
    until: datetime = _FOR_EVER
    gates: Sequence[LaterGate] = ()


def roles_asked(does: Spec) -> Mapping[str, int]:
    """Seat → how many distinct people must answer in it; nothing for a step that asks nobody."""
    match does:
        case Quorum() as asked:
            return asked.roles
        case Attestation() | PagingPath() as stated:
            return {stated.role: 1}
        case _:
            return {}


def barred_from(kind: str, people: People, started_by: str, authors: Iterable[str] = ()) -> Mapping[str, str]:
    """Person → why their yes to such a question, or their waiver, does not count.

    Args:
        kind: the question's, or `waiver`; nothing but an approval and a waiver bars anybody.
        people: everybody.
        started_by: who started the launch, by id; "" while that is open.
        authors: addresses of who wrote the release's commits; those of strangers bar nobody.
    """
    if kind not in _BARS:
        return {}
    wrote = {person.id: WROTE for address in authors if (person := people.by_address(address)) is not None}
    return {**wrote, **({started_by: STARTED} if started_by else {})}


def strangers_said(people: People, authors: Iterable[str]) -> list[str]:
    """A line for each author whom nobody in people.yaml is: an outsider, or a colleague under another address."""
    return [
        f"{address} wrote a commit of this release and is nobody in people.yaml, so it bars nobody; where it is "
        "somebody's there, add it to their `commits_as`"
        for address in dict.fromkeys(authors)
        if people.by_address(address) is None
    ]


def may_fill(asked: Asking, people: People, person: Person) -> frozenset[str]:
    """The seats that somebody could fill while it is open, whether or not they are barred."""
    if asked.gates:
        could = (seats_open_to(people.roles_between(person, one.since, one.until), one.seats) for one in asked.gates)
        return frozenset[str]().union(*could) & asked.seats.keys()
    return seats_open_to(people.roles_between(person, asked.since, asked.until), asked.seats)


def may_answer(asked: Asking, people: People) -> Mapping[str, frozenset[str]]:
    """Person → the seats they could fill, of everybody whose yes can count."""
    found = {one.id: may_fill(asked, people, one) for one in people.people if one.id not in asked.barred}
    return {person: seats for person, seats in found.items() if seats}


@dataclass(frozen=True)
class Occasion:
    """What is known of a launch before it begins.

    Attributes:
        started_by: who starts it, by id; while that is open, it is whichever of them leaves enough others.
        authors: addresses of who wrote the release's commits.
        since: when a question is asked.
        until: when it closes.
    """

    started_by: str = ""
    authors: tuple[str, ...] = ()
    since: datetime = _EVER
    until: datetime = _FOR_EVER


ANY = Occasion()


def why_never(does: Spec, people: People, on: Occasion = ANY) -> str:
    """Why what a step asks could never be decided; "" where it could.

    Args:
        does: the step's question; one that asks nobody can always be decided.
        people: everybody.
        on: what is known of the launch.
    """
    seats = roles_asked(does)

    def without(starter: str) -> str:
        barred = barred_from(does.kind, people, starter, on.authors)
        return why_unreachable(seats, may_answer(Asking(seats, barred, on.since, on.until), people))

    if on.started_by or without(""):
        return without(on.started_by)
    if not seats or any(not without(person.id) for person in people.people):
        return ""
    return f"whoever starts the launch does not approve it, and without them {without(people.people[0].id)}"


def why_no_way_back(may_roll_back: Collection[str], what: Iterable[object], people: People) -> str:
    """Why nobody could order the way back by hand; "" where somebody could, or where nothing is ever changed.

    Args:
        may_roll_back: the roles that the book names.
        what: what each of its steps does.
        people: everybody.
    """
    changes = may_roll_back or any(getattr(does, "verb", "") == "action" for does in what)
    if not changes or people.who_may_roll_back(may_roll_back):
        return ""
    roles = f" with a role of {', '.join(may_roll_back)}" if may_roll_back else ""
    return f"nobody{roles} is on duty to roll back by hand; mark one person in people.yaml `on_duty: true`"
