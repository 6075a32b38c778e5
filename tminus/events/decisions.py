"""What people are asked, what they answer and order, and what of it does not count."""

from operator import not_
from typing import Literal

from pydantic import BaseModel, Field

from tminus.events.happening import Happening, Time


class LaterGate(BaseModel, frozen=True, extra="forbid"):
    """A question that is still to come: which seats it will ask for, from when until when."""

    since: Time
    until: Time
    seats: tuple[str, ...]


class AskOpened(Happening):
    """People are asked.

    Attributes:
        roles: seat → how many distinct people.
        decision_digest: what a yes to the whole question binds to.
        evidence_digest: covers the whole record.
        barred: person → why a yes of theirs does not count.
        facts: step → how it stands, in words: what the decision rests on.
        bindings: seat → digest of the facts that concern it; a yes stays valid in a seat for as long as this stays.
        changed: where it is asked again, which facts are others now.
        yes: what whoever says yes presses, where that is not what the question's kind has.
        gates: where it asks ahead, what for: who may answer is who may fill a seat there, by their roles of that time.
    """

    type: Literal["ask.opened"] = "ask.opened"
    ask: str
    step: str
    kind: Literal["approval", "acknowledgement", "sign_off", "attestation"]
    roles: dict[str, int]
    veto: tuple[str, ...] = ()
    text: str
    decision_digest: str
    evidence_digest: str
    deadline: Time
    barred: dict[str, str] = Field(default_factory=dict)
    facts: dict[str, str] = Field(default_factory=dict)
    bindings: dict[str, str] = Field(default_factory=dict)
    changed: tuple[str, ...] = ()
    yes: str = ""
    gates: tuple[LaterGate, ...] = ()


class Reminded(Happening):
    """An ask that is not answered goes one step further.

    Attributes:
        how: a word in Slack, a page to the role's escalation policy, or a page to who stands in for it.
        seats: those that lack somebody.
        people: who could fill them, by id.
    """

    type: Literal["ask.reminded"] = "ask.reminded"
    ask: str
    how: Literal["remind", "page", "deputies"]
    seats: tuple[str, ...]
    people: tuple[str, ...] = ()


class AskEnded(Happening):
    """An ask is over: met, rejected, or its deadline passed."""

    type: Literal["ask.ended"] = "ask.ended"
    ask: str
    result: Literal["met", "rejected", "expired", "withdrawn"]
    reason: str


Via = Literal["slack", "pagerduty", "command line"]
Answer = Literal["approve", "reject", "acknowledge", "attest"]


class Answered(Happening):
    """A person answered an ask. It counts for as long as the ask's decision digest is the one they saw."""

    type: Literal["answered"] = "answered"
    ask: str
    person: str
    answer: Answer
    digest: str
    via: Via
    reason: str = ""
    link: str = ""
    signature: str = ""


class AnswerRefused(Happening):
    """Something that looked like an answer or a command did not count, and why."""

    type: Literal["refused"] = "refused"
    who: str
    what: str
    why: str
    via: Via


Order = Literal["hold", "resume", "scrub", "recycle", "rollback", "retry", "waive"]


class Ordered(Happening):
    """A person gave a command.

    What is not said is not written down, so that what was signed before there was such a word still verifies.

    Attributes:
        step: what `retry` and `waive` are about.
        until: how long a waiver holds.
        digest: of the failure that its author saw, which a waiver accepts.
        seen: the number of the last event that its author could see: a resume lets go of what was held by then, a scrub
            that saw no change undoes none.
    """

    type: Literal["ordered"] = "ordered"
    order: Order
    person: str
    via: Via
    reason: str = ""
    step: str = ""
    until: Time | None = None
    digest: str = Field(default="", exclude_if=not_)
    seen: int | None = Field(default=None, exclude_if=lambda seen: seen is None)
    signature: str = ""
