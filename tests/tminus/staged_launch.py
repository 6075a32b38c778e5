"""A launch in a real SQLite ledger, with people who have real keys, for tests of what people say and are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import JsonValue

from tests.tminus.launch_story import KINDS
from tests.tminus.story_documents import DATA
from tminus import asking
from tminus import events as ev
from tminus.clock import now
from tminus.digests import bindings_of, decision_digest, evidence_digest, facts_of
from tminus.frozen import Frozen, digest_of
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Store
from tminus.messages import telling
from tminus.outcome import Outcome
from tminus.personal_key import PersonalKey
from tminus.runbook import Quorum, Step
from tminus.yaml_source import Source

LAUNCH = "tradesense-2-0-0-1"
CHANNEL = "C0LAUNCHES"
# id → name, roles, whether on duty; Slack knows each as U0 and the id in capitals.
CREW: Mapping[str, tuple[str, tuple[str, ...], bool]] = {
    "engineering": ("Engineering lead", ("engineering_lead",), True),
    "devops": ("DevOps lead, first shift", ("devops_lead",), True),
    "both": ("DevOps lead, second shift", ("devops_lead", "security_lead"), False),
    "security": ("Security lead", ("security_lead",), True),
    "product": ("Product manager", ("product_manager",), False),
    "starter": ("Release manager", ("engineering_lead", "release_manager"), False),
}


def slack_id(person: str) -> str:
    """How Slack knows somebody of the crew."""
    return f"U0{person.upper()}"


def pagerduty_id(person: str) -> str:
    """How PagerDuty knows somebody of the crew."""
    return f"P0{person.upper()}"


@dataclass
class Stage:
    """A launch that was created a moment ago; its conductor is the test.

    Attributes:
        book: as a conductor writes it, with the letters that tell of it.
        keys: the crew's private keys.
    """

    store: Store
    frozen: Frozen
    book: Logbook
    keys: Path

    @classmethod
    def set(cls, folder: Path, launch: str = LAUNCH, **sections: JsonValue) -> "Stage":
        """Creates a launch; `sections` replace those of the environment file, None leaves one out."""
        ledger = folder / "ledger.sqlite"
        frozen = Frozen(_created(folder, launch, {"ledger": {"sqlite": str(ledger)}, **sections}), KINDS)
        store = SqliteStore(ledger)
        book = Logbook(store, launch, telling(frozen))
        book.open(frozen.created)
        return cls(store, frozen, book, folder / "keys")

    def key(self, person: str) -> PersonalKey:
        """Somebody's key."""
        return PersonalKey(self.keys / person)

    def step(self, identity: str) -> Step:
        """A step of the book."""
        step = self.frozen.runbook.step(identity)
        assert step is not None
        return step

    def before(self, identity: str) -> list[Step]:
        """The blocking steps that a decision rests on."""
        steps = list(self.frozen.runbook.steps())
        return [step for step in steps[: steps.index(self.step(identity))] if step.blocking]

    def end_step(self, identity: str, outcome: Outcome) -> None:
        """A step comes to something."""
        attempt = self.book.record.step(identity).attempt + 1
        started = ev.StepStarted(step=identity, attempt=attempt)
        self.book.write(started, ev.StepEnded(step=identity, attempt=attempt, outcome=outcome))

    def ask(
        self, identity: str = "go-no-go", deadline: timedelta = timedelta(minutes=5), changed: tuple[str, ...] = ()
    ) -> ev.AskOpened:
        """People are asked; asked again where they were before."""
        does = self.step(identity).does
        assert isinstance(does, Quorum)
        record = self.book.refresh()
        facts = facts_of(record, self.before(identity))
        owners = {step.id: step.owner for step in self.before(identity)}
        opened = ev.AskOpened(
            ask=identity,
            step=identity,
            kind="approval" if does.kind == "approval" else "acknowledgement",
            roles=does.roles,
            veto=getattr(does, "veto", ()),
            text=f"{self.step(identity).title}: 3 of 3 blocking steps pass.",
            decision_digest=decision_digest(self.frozen, facts),
            evidence_digest=evidence_digest(record),
            deadline=now() + deadline,
            facts=facts,
            bindings=bindings_of(self.frozen, facts, owners, does.roles),
            changed=changed,
        )
        self.book.write(opened)
        return opened

    def end_ask(self, result: str = "met", reason: str = "all who were asked answered") -> None:
        """The conductor ends the question about the go."""
        self.book.write(ev.AskEnded.model_validate({"ask": "go-no-go", "result": result, "reason": reason}))

    def said(self, person: str, answer: ev.Answer = "approve", ask: str = "go-no-go") -> ev.Answered:
        """An answer by Slack, bound to what is asked now."""
        digest = self.book.refresh().asks[ask].opened.decision_digest
        return ev.Answered(ask=ask, person=person, answer=answer, digest=digest, via="slack")

    def standing(self, ask: str = "go-no-go") -> list[ev.Answered]:
        """The answers that still stand."""
        return asking.standing(self.book.refresh().asks[ask], self.frozen.people)

    def begin_change(self, step: str = "switch") -> None:
        """An action that has a way back is about to act."""
        self.book.write(
            ev.StepIntended(
                step=step,
                attempt=1,
                token=1,
                deadline=now() + timedelta(minutes=2),
                does="traffic from blue to green",
                before="absent: blue serves",
                undo_summary="traffic back to blue",
                undo={"pool": "blue"},
            )
        )

    def close(self, result: ev.Result = "launched", sentence: str = "GO tradesense 2.0.0 launched") -> None:
        """The launch ends."""
        self.book.write(ev.LaunchClosed(result=result, sentence=sentence))

    def refusals(self) -> list[ev.AnswerRefused]:
        """Everything that was refused and written down."""
        return [event for event in self.book.refresh().events if isinstance(event, ev.AnswerRefused)]

    def letters(self, channel: str) -> Sequence[tuple[str, str]]:
        """Key and body of every letter to a channel, in order."""
        rows = self.store.look(
            "SELECT key, body FROM outbox WHERE channel = :channel ORDER BY id", {"channel": channel}
        )
        return [(str(key), str(body)) for key, body in rows]


def slack_section(api: str = "http://127.0.0.1:1/api/") -> dict[str, JsonValue]:
    """A `slack` section; its secrets stand in the process's environment."""
    return {"api": api, "channel": CHANNEL, "token": "env:STAGED_TOKEN", "signing_secret": "env:STAGED_SIGNING"}


def pagerduty_section(url: str = "https://127.0.0.1:1", ca_file: Path | None = None) -> dict[str, JsonValue]:
    """A `pagerduty` section."""
    plain: dict[str, JsonValue] = {"events": url, "routing_key": "env:STAGED_ROUTING_KEY"}
    return {**plain, "ca_file": str(ca_file)} if ca_file else plain


def _created(folder: Path, launch: str, sections: dict[str, JsonValue]) -> ev.LaunchCreated:
    environment = {**_data("environment.yaml"), **sections}
    documents = {
        "release": Source.read(DATA / "release.yaml").freeze(),
        "runbook": Source.read(DATA / "story_book.yaml").freeze(),
        "people": _canonical({"people": [_person(folder / "keys", identity) for identity in CREW]}),
        "environment": _canonical({name: one for name, one in environment.items() if one is not None}),
    }
    return ev.LaunchCreated(
        launch=launch,
        system="tradesense",
        title="tradesense 2.0.0",
        environment_name="rehearsal-on-loopback",
        t0=now() + timedelta(hours=5),
        started_by="starter",
        base=str(folder),
        digests={name: digest_of(text) for name, text in documents.items()},
        **documents,
    )


def _data(name: str) -> dict[str, JsonValue]:
    data = Source.read(DATA / name).data
    assert isinstance(data, dict)
    return data


def _canonical(data: JsonValue) -> str:
    return rfc8785.dumps(data).decode()


def _person(keys: Path, identity: str) -> JsonValue:
    name, roles, on_duty = CREW[identity]
    path = keys / identity
    if not path.exists():
        keys.mkdir(exist_ok=True)
        key = Ed25519PrivateKey.generate()
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return {
        "id": identity,
        "name": name,
        "roles": list(roles),
        "slack": slack_id(identity),
        "pagerduty": pagerduty_id(identity),
        "key": f"{PersonalKey(path).public} {identity}@example",
        "on_duty": on_duty,
    }
