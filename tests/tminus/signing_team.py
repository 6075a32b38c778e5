"""Five people who sign a release off, somebody who is none of them, and the ledger that all of them can write to."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import JsonValue

from tasks.vocabulary import KINDS
from tests.tminus.staged_launch import DATA
from tminus import events as ev
from tminus import inbox
from tminus.clock import now
from tminus.frozen import Frozen
from tminus.launching import Documents
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore
from tminus.messages import telling
from tminus.outcome import Outcome
from tminus.personal_key import PersonalKey
from tminus.runbook import SignOff
from tminus.sign_off import all_asked, judge_sign_off, open_sign_off
from tminus.yaml_source import Source

_BOOK = Path(__file__).parents[2] / "runbooks" / "tradesense" / "launch.yaml"
ROLES = ("engineering_lead", "devops_lead", "security_lead", "product_manager", "ceo")


class Ring:
    """A key for each role, made by one hand."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.keys: dict[str, PersonalKey] = {}
        for role in ROLES:
            made = Ed25519PrivateKey.generate()
            (folder / role).write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
            self.keys[role] = PersonalKey(folder / role)

    def people(self, slack: Mapping[str, str] | None = None) -> Source:
        """people.yaml with these keys; `slack` replaces some Slack ids."""
        listed: JsonValue = [
            {
                "id": role,
                "name": role.replace("_", " "),
                "roles": [role],
                "key": f"{self.keys[role].public} {role}@example",
                "slack": (slack or {}).get(role, f"U0{role.upper()}"),
                "on_duty": True,
            }
            for role in ROLES
        ]
        return Source.thawed("people", rfc8785.dumps({"people": listed}).decode())


class Team:
    """The real people, somebody who is none of them, and the ledger that all of them can write to."""

    def __init__(self, folder: Path) -> None:
        self.real, self.strange = Ring(folder / "real"), Ring(folder / "strange")
        data = Source.read(DATA / "environment.yaml").data
        assert isinstance(data, dict)
        environment = {**data, "ledger": {"sqlite": str(folder / "ledger.sqlite")}}
        self.documents = Documents(
            Source.read(DATA / "release.yaml"),
            Source.read(_BOOK),
            self.real.people(),
            Source.thawed("environment", rfc8785.dumps(environment).decode()),
            KINDS,
        )
        self.store = SqliteStore(folder / "ledger.sqlite")

    def ask(self, people: Source, asked_by: str = "product_manager") -> str:
        """Somebody asks, with the people.yaml that they have."""
        documents = replace(self.documents, people=people)
        return open_sign_off(documents, asked_by, lambda ledger: SqliteStore(ledger.sqlite or Path()))

    def book(self, chain: str) -> tuple[Logbook, Frozen]:
        """A chain's page, and what it froze."""
        book = Logbook(self.store, chain)
        created = book.refresh().created
        assert created is not None
        frozen = Frozen(created, KINDS)
        book.tell = telling(frozen)
        return book, frozen

    def sign(self, chain: str, ring: Ring, *roles: str, answer: ev.Answer = "approve") -> None:
        """By the command line's own way, with the keys of this ring."""
        book, frozen = self.book(chain)
        for role in roles or ROLES:
            opened = list(book.refresh().asks.values())[-1].opened
            said = ev.Answered(
                ask=opened.ask, person=role, answer=answer, digest=opened.decision_digest, via="command line"
            )
            signature = ring.keys[role].sign(chain, said)
            inbox.answer(book, frozen, said.model_copy(update={"signature": signature}))

    def verdict(self) -> Outcome:
        """How the sign-off stands for a launch with the real people.yaml."""
        frozen = self.documents.frozen("tradesense-1", now(), "product_manager", "title")
        question = next(step.does for step in frozen.runbook.steps() if isinstance(step.does, SignOff))
        return judge_sign_off(all_asked(self.store, frozen), question)
