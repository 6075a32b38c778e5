"""What can happen to a question that people are asked: who there is, what is asked, and one event after another.

Neutral ground between the reference model and tminus: this module imports nothing from tminus. Times are whole seconds
from the history's beginning; periods and deadlines end on half seconds, so that nothing happens in the very moment in
which one ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["approval", "acknowledgement", "attestation", "sign_off"]
Answer = Literal["approve", "reject", "acknowledge", "attest"]
Order = Literal["hold", "resume", "recycle"]
Via = Literal["slack", "command line", "pagerduty"]
Proof = Literal["right", "forged", "none"]

YES: Mapping[Kind, Answer] = {
    "approval": "approve",
    "sign_off": "approve",
    "acknowledgement": "acknowledge",
    "attestation": "attest",
}
ORDERS: tuple[Order, ...] = ("hold", "resume", "recycle")


@dataclass(frozen=True)
class StandIn:
    """Who may answer in somebody's place from `since` until `until`, as `roles`; as every role where none is named."""

    person: str
    since: float
    until: float
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Someone:
    """A person of the launch."""

    id: str
    roles: frozenset[str]
    deputies: tuple[StandIn, ...] = ()


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        seats: seat → how many distinct people; `a or b` is open to either role.
        veto: roles that may say no without being asked.
        open_for: seconds from the moment it is first asked until its deadline.
        authors: who wrote a commit of the release, by id.
        owners: step that the decision rests on → the role that owns it.
    """

    kind: Kind
    seats: Mapping[str, int]
    veto: tuple[str, ...]
    open_for: float
    authors: frozenset[str]
    owners: Mapping[str, str]


@dataclass(frozen=True)
class Request:
    """What somebody sends; the same request may arrive more than once.

    Attributes:
        id: its number in the history; two presses are never the same request.
        who: a person's id, or a stranger's.
        does: an answer, or an order.
        seen: which version of the evidence its author looked at; -1 for one that never was.
        made: when it was made, in seconds.
        proof: whether it is signed as it should be, by somebody else, or not at all.
    """

    id: int
    who: str
    does: Answer | Order
    via: Via
    seen: int
    made: int
    proof: Proof


@dataclass(frozen=True)
class Sent:
    """A request arrives at one of two gateways, or is given on a command line."""

    at: int
    request: Request
    gateway: int


@dataclass(frozen=True)
class Found:
    """The evidence is another from now on: that version."""

    at: int
    version: int


@dataclass(frozen=True)
class Looked:
    """The conductor looks: it asks, asks again, or ends the question, as the case may be."""

    at: int


@dataclass(frozen=True)
class Restarted:
    """A gateway's process ends and another takes its place: what it kept in memory is gone."""

    at: int
    gateway: int


@dataclass(frozen=True)
class TurnedBack:
    """A change was begun, and the launch is on its way back."""

    at: int


@dataclass(frozen=True)
class Over:
    """The launch ends."""

    at: int


Plain = Sent | Found | Looked | Restarted | TurnedBack | Over


@dataclass(frozen=True)
class Raced:
    """Two at once: both look before either writes, and `first` writes first."""

    at: int
    first: Sent | Looked | Over
    second: Sent | Looked


Event = Plain | Raced


@dataclass(frozen=True)
class History:
    """One launch's story.

    Attributes:
        starter: who started the launch.
        versions: of the evidence; each is step → how it stands, in a word. It begins with the first.
    """

    people: tuple[Someone, ...]
    starter: str
    question: Question
    versions: tuple[Mapping[str, str], ...]
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Ended:
    """How the question ended, and at which event of the history."""

    event: int
    result: Literal["met", "rejected", "expired"]


@dataclass(frozen=True)
class Account:
    """What came of a history, as whoever tells it saw it.

    Attributes:
        told: (event, 0 or 1 for the first or second of a race) → whether the request was taken.
        ends: each end; more than one where the countdown was taken back in between.
        standing: who stands for what when all is over, as (person, answer), where the question is still open.
        reachable: where it is open and waits: whether it can still be met.
        next_could: where it can: everyone whose yes would bring it on.
    """

    told: Mapping[tuple[int, int], bool]
    ends: tuple[Ended, ...]
    standing: frozenset[tuple[str, str]]
    reachable: bool | None = None
    next_could: frozenset[str] = frozenset()
