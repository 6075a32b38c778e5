"""What a rotation is asked with: the book, the people and the environment, frozen as a launch's are."""

from datetime import datetime, timedelta
from pathlib import Path

import rfc8785
from pydantic import JsonValue

from tminus import events as ev
from tminus.candidates import Asking, may_answer
from tminus.chain_names import rotation_asked_chain
from tminus.digests import decision_digest
from tminus.errors import UsageError
from tminus.frozen import Frozen, digest_of
from tminus.people import People
from tminus.quorum import why_unreachable
from tminus.rotations.opened import OpenedSecrets
from tminus.yaml_source import Source

ASK = "rotation"
"""What the question is called."""
STEP = "rotate"
"""The step that is asked for."""
PATIENCE = timedelta(hours=8)
"""How long an answer is waited for."""
_NOT_ITS_OWN = "asked for this rotation, and nobody approves their own"


def frozen_papers(opened: OpenedSecrets, people: Path, name: str, asked_by: str, at: datetime) -> Frozen:
    """A rotation of one secret that is asked for at that moment; raises BookError, UsageError for the people's file."""
    place = Source.read(people)
    place.load(People)
    book, environment = opened.sources
    owner = opened.book.rotations[name].owner
    # Whoever decides reads titles and owners as those of a launch's steps.
    step: JsonValue = {"id": STEP, "title": f"{opened.book.rotations[name].title} is rotated", "owner": owner}
    phase: JsonValue = {"phase": ASK, "steps": [step]}
    outline: dict[str, JsonValue] = {"runbook": ASK, "phases": [phase], "secrets": book.data}
    release: dict[str, JsonValue] = {"release": "none", "system": opened.system, "ticket": "", "services": {}}
    texts = {
        "release": rfc8785.dumps(release).decode(),
        "runbook": rfc8785.dumps(outline).decode(),
        "people": place.freeze(),
        "environment": environment.freeze(),
    }
    created = ev.LaunchCreated(
        launch=rotation_asked_chain(opened.system, opened.environment.environment, name, at),
        system=opened.system,
        title=f"{opened.system} rotation of {name}",
        environment_name=opened.environment.environment,
        t0=at,
        started_by=asked_by,
        base=str(opened.base),
        digests={which: digest_of(text) for which, text in texts.items()},
        **texts,
    )
    return Frozen(created, {})


def facts_of(asked: ev.RotationAsked) -> dict[str, str]:
    """What a yes is to. Not who is cut off, which changes while people read; they are told that."""
    return {
        "secret": f"{asked.secret}, {asked.stored_as}",
        "replaces": asked.replaces,
        "at once": "yes" if asked.at_once else "no",
    }


def question(frozen: Frozen, asked: ev.RotationAsked, roles: tuple[str, ...], text: str) -> ev.AskOpened:
    """The question to whoever may say yes, but for whoever asks. Raises UsageError where nobody could."""
    seats = {" or ".join(roles): 1}
    barred = {asked.asked_by: _NOT_ITS_OWN} if asked.asked_by else {}
    deadline = asked.at + frozen.environment.clock.real(PATIENCE)
    if why := why_unreachable(seats, may_answer(Asking(seats, barred, asked.at, deadline), frozen.people)):
        raise UsageError(
            f"a rotation of {asked.secret} is approved by somebody else than who asks for it, and {why}; let somebody "
            "else ask, or add people to people.yaml. Nothing was changed"
        )
    facts = facts_of(asked)
    return ev.AskOpened(
        ask=ASK,
        step=STEP,
        kind="approval",
        roles=seats,
        text=text,
        decision_digest=decision_digest(frozen, facts),
        evidence_digest=digest_of(ev.write(asked)),
        deadline=deadline,
        barred=barred,
        facts=facts,
    )
