"""A history's launch in a real ledger, and its conductor: it asks, asks again, and ends the question.

How a question ends is tminus' own (`asking.end_of`, which the flow calls at each look too). When it is looked at, and
that an end is written only where nobody wrote since, are done here after `flows.asking`, without Prefect: a mistake of
that loop would not show in histories. The launches that are rehearsed run the flow itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import JsonValue

from bench.approval_history import History, Question, Someone
from bench.approvals_clock import BEGINNING
from tminus import asking
from tminus import events as ev
from tminus.candidates import barred_from
from tminus.chain_names import sign_off_chain
from tminus.clock import now
from tminus.digests import bindings_of, decision_digest, evidence_digest
from tminus.errors import MovedOn
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.personal_key import PersonalKey
from tminus.record import AskState

ASK = "go"
_NO_ENVIRONMENT: JsonValue = {
    "environment": "bench",
    "kind": "rehearsal",
    "state": "state",
    "ledger": {"sqlite": "ledger.sqlite"},
    "prefect": {"api": "http://127.0.0.1:1/api"},
}


class Keys:
    """Everybody's private key, by id; the same in every process.

    Args:
        folder: where they are kept while the bench runs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, PersonalKey] = {}

    def of(self, person: str) -> PersonalKey:
        """Somebody's key."""
        if person not in self._keys:
            key = Ed25519PrivateKey.from_private_bytes(person.encode().ljust(32, b"."))
            path = self._folder / person
            path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
            self._keys[person] = PersonalKey(path)
        return self._keys[person]


def slack_id(person: str) -> str:
    """How Slack knows somebody."""
    return f"U0{person.upper()}"


def created(history: History, chain: str, keys: Keys, environment: JsonValue = _NO_ENVIRONMENT) -> ev.LaunchCreated:
    """The launch's first event."""
    people: JsonValue = {"people": [_person(one, keys) for one in history.people]}
    digests = dict.fromkeys(("release", "runbook", "people", "environment"), f"sha256:{'0' * 64}")
    return ev.LaunchCreated(
        launch=chain,
        system="bench",
        title="bench 2.0.0",
        environment_name="bench",
        t0=BEGINNING + timedelta(hours=4),
        started_by=history.starter,
        release="{}",
        runbook="{}",
        people=_canonical(people),
        environment=_canonical(environment),
        base="/",
        digests=digests,
    )


def chain_of(question: Question, number: int) -> str:
    """What its chain is called: a sign-off's name says what it is."""
    if question.kind == "sign_off":
        return sign_off_chain(f"bench{number}", {"release": f"sha256:{'1' * 64}"})
    return f"bench-2.0.0-{number}"


def _canonical(data: JsonValue) -> str:
    return rfc8785.dumps(data).decode()


def _person(one: Someone, keys: Keys) -> JsonValue:
    deputies: list[JsonValue] = [
        {
            "person": stand_in.person,
            "since": (BEGINNING + timedelta(seconds=stand_in.since)).isoformat(),
            "until": (BEGINNING + timedelta(seconds=stand_in.until)).isoformat(),
            "roles": [*sorted(stand_in.roles)],
        }
        for stand_in in one.deputies
    ]
    return {
        "id": one.id,
        "name": f"Person {one.id}",
        "roles": [*sorted(one.roles)],
        "email": address(one.id),
        "slack": slack_id(one.id),
        "key": keys.of(one.id).public,
        "deputies": deputies,
    }


@cache
def address(person: str) -> str:
    """Where somebody's mail, and commits, come from."""
    return f"{person}@example.com"


@dataclass
class Conductor:
    """Asks, asks again where the evidence is another, and ends the question.

    Attributes:
        book: its page of the ledger.
        interrupted: called between a look and the writing of an end, once.
    """

    frozen: Frozen
    question: Question
    book: Logbook
    interrupted: Callable[[], None] | None = None

    def look(self, facts: Mapping[str, str]) -> None:
        """The question is asked, asked again, ended, or waits on."""
        while not self._looked(facts):
            pass

    def _looked(self, facts: Mapping[str, str]) -> bool:
        """False where somebody wrote anything meanwhile that an end does not rest on: it is to be looked at again."""
        record = self.book.refresh()
        ask = record.asks.get(ASK)
        if record.closed is not None or record.must_roll_back or (ask and ask.ended is not None and not ask.voided):
            return True
        if ask is None or ask.voided:
            self.book.write(self._opened(facts))
            return True
        if decision_digest(self.frozen, facts) != ask.opened.decision_digest:
            opened = self._opened(facts)
            self.book.write(opened.model_copy(update={"deadline": ask.opened.deadline, "changed": ("it changed",)}))
        return self.question.kind == "sign_off" or self._end(self.book.record.asks[ASK])

    def _end(self, ask: AskState) -> bool:
        ended, seen = asking.end_of(ask, self.frozen.people, now()), self.book.record.seq
        if ended is None:
            return True
        interrupted, self.interrupted = self.interrupted, None
        if interrupted is not None:
            interrupted()
        try:
            self.book.write(ended, after=seen)
        except MovedOn:
            return False
        return True

    def _opened(self, facts: Mapping[str, str]) -> ev.AskOpened:
        asked, people = self.question, self.frozen.people
        authors = (*(address(person) for person in sorted(asked.authors)), "stranger@example.org")
        return ev.AskOpened(
            ask=ASK,
            step=ASK,
            kind=asked.kind,
            roles=dict(asked.seats),
            veto=asked.veto,
            text="Go?",
            decision_digest=decision_digest(self.frozen, facts),
            evidence_digest=evidence_digest(self.book.record),
            deadline=now() + timedelta(seconds=asked.open_for),
            barred=barred_from(asked.kind, people, self.frozen.created.started_by, authors),
            facts=dict(facts),
            bindings=bindings_of(self.frozen, facts, asked.owners, asked.seats),
        )
