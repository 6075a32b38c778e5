"""A launch that pages by a PagerDuty stand-in, a gateway behind real HTTP, and people who write notes on incidents."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from pydantic import JsonValue, SecretStr

from deployments.rehearsal import pagerduty_account
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.pagerduty_account import Incident, Note
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.pagerduty_webhooks import annotated, signed
from tests.tminus.conftest import ROUTING_KEY
from tests.tminus.launch_story import KINDS
from tests.tminus.slack_room import eventually
from tests.tminus.staged_launch import CREW, LAUNCH, Stage, pagerduty_id, pagerduty_section
from tminus import events as ev
from tminus.environment import PagerDuty
from tminus.gateway import Gateway
from tminus.ledger.directory import DIRECTORY
from tminus.ledger.store import Entry, Store
from tminus.pagerduty_door import PagerDutyDoor, open_pagerduty_door

# Made up, and easy to find again in anything that should not hold them.
TOKEN = "canary-rest-token-77aa01"
SECRET, OTHER = "canary-webhook-secret-51c0", "canary-webhook-secret-before"
WRITER = "release-bot@example.com"
STRANGER = "PSTRANGER"


def account_of_the_crew() -> PagerDutyStandIn:
    """The crew, a policy of the devops lead's own, somebody whom no launch knows, and tminus' own user."""
    crew = [
        {"id": pagerduty_id(one), "name": name, "email": f"{one}@example.com"}
        for one, (name, _roles, _duty) in CREW.items()
    ]
    others = [
        {"id": STRANGER, "name": "Somebody else", "email": "stranger@example.com"},
        {"id": "PBOT01", "name": "tminus", "email": WRITER},
    ]
    directory = pagerduty_account.Directory.model_validate(
        {
            "users": [*crew, *others],
            "policies": [{"id": "PDEVOPS", "name": "DevOps leads"}],
            "on_calls": [
                {"user": pagerduty_id("engineering")},
                {"user": pagerduty_id("both"), "policy": "PDEVOPS"},
            ],
        }
    )
    return PagerDutyStandIn(SecretStr(ROUTING_KEY), SecretStr(TOKEN), directory)


def section(url: str, authority: Path) -> dict[str, JsonValue]:
    """The `pagerduty` section that leads to it, with pages by the REST API and notes by webhooks."""
    rest: JsonValue = {
        "token": "env:STAGED_REST_TOKEN",
        "from_email": WRITER,
        "service": "PSERVICE",
        "api": url,
        "policies": {"devops_lead": "PDEVOPS"},
    }
    secrets: JsonValue = ["env:STAGED_WEBHOOK", "env:STAGED_WEBHOOK_BEFORE"]
    return {**pagerduty_section(url, authority), "rest": rest, "webhook_secrets": secrets}


@dataclass
class Room:
    """Everything a note goes through.

    Attributes:
        door: the gateway's address.
        incident: the launch's own, which a note is on unless another is named.
    """

    stage: Stage
    account: PagerDutyStandIn
    notes: PagerDutyDoor
    door: str
    incident: Incident
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30, trust_env=False))

    def other_incident(self, key: str = "disk-full") -> Incident:
        """One that is none of tminus's."""
        return self.account.account.create(key, "A disk is full", "high", [])

    def event(
        self, person: str, content: str, *, incident: Incident | None = None, ago: timedelta = timedelta(0)
    ) -> dict[str, JsonValue]:
        """What PagerDuty would send for a note.

        Args:
            person: of the crew; a PagerDuty id is taken as it is.
            content: what they wrote.
            incident: on which; the launch's own where none is named.
            ago: how long ago they wrote it.
        """
        user = self.account.directory.user(person if person.startswith("P") else pagerduty_id(person))
        assert user is not None
        note = Note(user, content, datetime.now(UTC) - ago)
        return annotated(incident or self.incident, note, "https://127.0.0.1")

    def send(self, event: dict[str, JsonValue], *secrets: str) -> httpx.Response:
        """Posts an event as PagerDuty does, signed."""
        return self.post(*signed(event, *(SecretStr(one) for one in secrets or (SECRET,))))

    def post(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Posts whatever it is."""
        return self.client.post(f"{self.door}/pagerduty/webhooks", content=body, headers=headers)

    def write(self, person: str, content: str, **more: object) -> str:
        """Writes a note, which is acknowledged, and returns what is answered on its incident."""
        incident = more.get("incident") or self.incident
        assert isinstance(incident, Incident)
        before = len(self.answers(incident))
        assert self.send(self.event(person, content, incident=incident)).status_code == 202
        eventually(lambda: len(self.answers(incident)) > before)
        return self.answers(incident)[-1]

    def answers(self, incident: Incident | None = None) -> list[str]:
        """Everything that tminus wrote on an incident."""
        return [one.content for one in (incident or self.incident).notes if one.author.email == WRITER]

    def count(self, result: str) -> int:
        """What the gateway counts."""
        return self.notes.counts[result]

    def quiet(self) -> None:
        """Waits until nothing is under way any more."""
        idle = {"tminus_pagerduty_waiting 0", "tminus_pagerduty_answering 0"}
        eventually(lambda: idle <= set(self.notes.metrics()))
        time.sleep(0.02)

    def refused(self) -> Sequence[tuple[str, str]]:
        """Who was refused what, as it stands in the ledger."""
        return [(one.who, one.what) for one in self.stage.refusals()]


@contextmanager
def room(stage: Stage, account: PagerDutyStandIn, settings: dict[str, JsonValue], store: Store) -> Iterator[Room]:
    """A room, for as long as the block lasts; `store` is the gateway's own."""
    notes = open_pagerduty_door(PagerDuty.model_validate(settings), KINDS, lambda: store)
    assert notes is not None
    heads = stage.store.read(LAUNCH)
    opened = ev.DirectoryEntry(chain=LAUNCH, what="opened", head=f"{LAUNCH}#1:{heads[0].hash}")
    stage.store.open_chain(DIRECTORY, Entry(DIRECTORY, ev.write(opened)))
    incident = account.account.create(f"{LAUNCH}:ask-go-no-go", "Go: no answer yet", "high", [])
    with served(Gateway(store, [notes], notes.routes()).app()) as door:
        found = Room(stage, account, notes, door, incident)
        yield found
        found.client.close()
    notes.close()
