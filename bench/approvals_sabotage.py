"""`--sabotage`: one of the mechanisms that approvals lean on, switched off in this process alone."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, get_args

import tminus.asking
import tminus.inbox
import tminus.personal_key
from tminus import events as ev
from tminus.people import People
from tminus.presses import Presses
from tminus.quorum import Answer, Seating
from tminus.record import AskState, Record
from tminus.slack_signature import SlackSignatures

Mechanism = Literal["signature", "replay", "matching", "digest"]
MECHANISMS: tuple[Mechanism, ...] = get_args(Mechanism)
_why_refused = tminus.asking.why_refused


def _first_fit(quorum: Mapping[str, int], answers: Mapping[str, frozenset[str]]) -> Seating:
    """Whoever comes takes the first free seat that is open to them, and never moves."""
    filled: dict[str, list[str]] = {role: [] for role in quorum}
    for person, roles in answers.items():
        for role, count in quorum.items():
            if role in roles and len(filled[role]) < count:
                filled[role].append(person)
                break
    everyone = tuple(Answer(person, roles) for person, roles in answers.items())
    return Seating(dict(quorum), everyone, {role: tuple(people) for role, people in filled.items()})


def _whatever_was_seen(answer: ev.Answered, record: Record, people: People, moment: ev.Time) -> str | None:
    """Judges an answer as if its author had seen what is asked now."""
    ask = record.asks.get(answer.ask)
    seen = ask.opened.decision_digest if ask else answer.digest
    return _why_refused(answer.model_copy(update={"digest": seen}), record, people, moment)


_Patch = tuple[object, str, Callable[..., object]]
_PATCHES: Mapping[Mechanism, tuple[_Patch, ...]] = {
    "signature": (
        (SlackSignatures, "why_forged", lambda *_: None),
        (tminus.inbox, "verified", lambda *_: True),
        (tminus.personal_key, "verified", lambda *_: True),
    ),
    "replay": (
        (SlackSignatures, "first_time", lambda *_: True),
        (Presses, "first_time", lambda *_: True),
        (tminus.inbox, "_signature", lambda _: "never seen"),
    ),
    "matching": ((tminus.asking, "seat", _first_fit),),
    "digest": (
        (AskState, "bound_seats", lambda ask, _digest: frozenset(ask.opened.roles)),
        (tminus.asking, "why_refused", _whatever_was_seen),
    ),
}


@contextmanager
def without(mechanism: Mechanism | None) -> Iterator[None]:
    """While the block lasts, the mechanism is off."""
    patches = _PATCHES[mechanism] if mechanism else ()
    whole = [(owner, name, getattr(owner, name)) for owner, name, _ in patches]
    for owner, name, broken in patches:
        setattr(owner, name, broken)
    try:
        yield
    finally:
        for owner, name, right in whole:
            setattr(owner, name, right)
