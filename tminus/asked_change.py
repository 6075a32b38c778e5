"""A change that is asked for: its question, with the book, the people and the environment frozen as a launch's are."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import rfc8785
from pydantic import JsonValue

from tminus import events as ev
from tminus.candidates import Asking, may_answer
from tminus.digests import decision_digest
from tminus.errors import UsageError
from tminus.frozen import Frozen, digest_of
from tminus.opened_book import OpenedBook
from tminus.people import People
from tminus.quorum import why_unreachable
from tminus.yaml_source import Source

B = TypeVar("B")
PATIENCE = timedelta(hours=8)
"""How long an answer is waited for."""


@dataclass(frozen=True)
class Change:
    """What kind of change it is, and of what.

    Attributes:
        what: the question's name, and how people call it: a rotation, a drill.
        step: what is done once it is approved.
        system: whose it is.
        of: what is changed, by its name in the book.
        title: the same in a sentence.
        owner: a role.
        chains: how the chains begin in which people are asked about it; they stand in the order of time.
        text: what people are asked.
        roles: of which one must say yes.
        besides: of which another one must, where there are any: somebody else than who said yes for `roles`.
    """

    what: str
    step: str
    system: str
    of: str
    title: str
    owner: str
    chains: str
    text: str
    roles: tuple[str, ...]
    besides: tuple[str, ...] = ()

    @property
    def seats(self) -> dict[str, int]:
        """Seat → how many distinct people; one for both where the same roles are asked twice."""
        return {" or ".join(roles): 1 for roles in (self.roles, self.besides) if roles}

    @property
    def whom(self) -> str:
        """Who is asked, for people."""
        return " and ".join(self.seats)


def frozen_papers(opened: OpenedBook[B], people: Path, change: Change, asked_by: str, at: datetime) -> Frozen:
    """A change that is asked for at that moment; raises BookError, UsageError for the people's file."""
    place = Source.read(people)
    place.load(People)
    book, environment = opened.sources
    # Whoever decides reads titles and owners as those of a launch's steps.
    step: JsonValue = {"id": change.step, "title": change.title, "owner": change.owner}
    phase: JsonValue = {"phase": change.what, "steps": [step]}
    outline: dict[str, JsonValue] = {"runbook": change.what, "phases": [phase], "book": book.data}
    release: dict[str, JsonValue] = {"release": "none", "system": change.system, "ticket": "", "services": {}}
    texts = {
        "release": rfc8785.dumps(release).decode(),
        "runbook": rfc8785.dumps(outline).decode(),
        "people": place.freeze(),
        "environment": environment.freeze(),
    }
    created = ev.LaunchCreated(
        launch=f"{change.chains}{at:%Y%m%d-%H%M%S-%f}",
        system=change.system,
        title=f"{change.system} {change.what} of {change.of}",
        environment_name=opened.environment.environment,
        t0=at,
        started_by=asked_by,
        base=str(opened.base),
        digests={which: digest_of(text) for which, text in texts.items()},
        **texts,
    )
    return Frozen(created, {})


def question(frozen: Frozen, change: Change, asked: ev.ChangeAsked) -> ev.AskOpened:
    """The question to whoever may say yes, but for whoever asks. Raises UsageError where nobody could."""
    seats = change.seats
    barred = {asked.asked_by: f"asked for this {change.what}, and nobody approves their own"} if asked.asked_by else {}
    deadline = asked.at + frozen.environment.clock.real(PATIENCE)
    if why := why_unreachable(seats, may_answer(Asking(seats, barred, asked.at, deadline), frozen.people)):
        raise UsageError(
            f"a {change.what} of {change.of} is approved by somebody else than who asks for it, and {why}; let "
            "somebody else ask, or add people to people.yaml. Nothing was changed"
        )
    return ev.AskOpened(
        ask=change.what,
        step=change.step,
        kind="approval",
        roles=seats,
        text=change.text,
        decision_digest=decision_digest(frozen, asked.facts),
        evidence_digest=digest_of(ev.write(asked)),
        deadline=deadline,
        barred=barred,
        facts=asked.facts,
    )
