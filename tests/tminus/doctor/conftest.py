"""A team that Slack and PagerDuty know as people.yaml does, and both behind a door that can misbehave."""

from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr

from deployments.rehearsal import pagerduty_account
from deployments.rehearsal.in_thread import Door
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.slack_stand_in import SlackStandIn
from deployments.rehearsal.slack_workspace import Channel, Directory, User
from deployments.rehearsal.stand_in_server import TlsFiles
from tests.outages.trouble import Trouble
from tests.tminus.conftest import ROUTING_KEY, TOKEN
from tminus.doctor.finding import Finding, Level
from tminus.doctor.pagerduty_ids import PagerDutyLook
from tminus.doctor.patience import within
from tminus.doctor.slack_ids import SlackLook
from tminus.environment import PagerDuty, Slack
from tminus.people import People, Person

REST_TOKEN = "canary-rest-5c90f3aa1"
CHANNEL = "C0LAUNCHES"


def public_key() -> str:
    """A public key as people.yaml has it."""
    key = Ed25519PrivateKey.generate().public_key()
    return f"{key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} somebody@example"


def person(identity: str, *roles: str, **more: object) -> Person:
    """Somebody whom everybody knows; `more` replaces what they usually have."""
    usual: dict[str, object] = {
        "id": identity,
        "name": identity.capitalize(),
        "roles": roles or ("engineering_lead",),
        "email": f"{identity}@example.com",
        "slack": f"U0{identity.upper()}",
        "pagerduty": f"P{identity.upper()}",
        "key": public_key(),
    }
    return Person.model_validate({**usual, **more})


def told(found: Sequence[Finding], level: Level, about: str = "") -> list[str]:
    """What findings of a level say, and what they say to do."""
    return [f"{one.said}; {one.then}" for one in found if one.level is level and about in ("", one.about)]


@pytest.fixture
def people() -> People:
    """Three who are right."""
    return People(people=(person("anna"), person("boris", "devops_lead"), person("cleo", "security_lead")))


def accounts(people: People, **changed: dict[str, object]) -> tuple[User, ...]:
    """Their Slack accounts; `changed` by their ids."""
    plain = {
        one.id: {"id": one.slack, "name": one.id, "real_name": one.name, "email": one.email} for one in people.people
    }
    return tuple(User.model_validate({**usual, **changed.get(identity, {})}) for identity, usual in plain.items())


@pytest.fixture
def monday(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secrets that the sections refer to."""
    monkeypatch.setenv("DOCTOR_SLACK", TOKEN)
    monkeypatch.setenv("DOCTOR_SIGNING", "canary-signing")
    monkeypatch.setenv("DOCTOR_ROUTING", ROUTING_KEY)
    monkeypatch.setenv("DOCTOR_REST", REST_TOKEN)


class SlackDesk:
    """A workspace, and what the doctor says of it."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.settings = {"token": "env:DOCTOR_SLACK", "signing_secret": "env:DOCTOR_SIGNING", "channel": CHANNEL}
        self.open()

    def open(self, *users: User, channel: dict[str, object] | None = None, scopes: Sequence[str] | None = None) -> None:
        """A workspace with these accounts."""
        only = Channel.model_validate({"id": CHANNEL, "name": "launches", **(channel or {})})
        usual = Directory(channels=(only,), users=users)
        directory = usual if scopes is None else usual.model_copy(update={"scopes": tuple(scopes)})
        self.stand_in = SlackStandIn(SecretStr(TOKEN), directory)
        self.trouble = Trouble(self.stand_in.app())
        self._door.behind = self.trouble

    def look(self, people: People, **more: str) -> tuple[list[Finding], set[str]]:
        """What is found, and who cannot answer there."""
        look = SlackLook(self.section(**more))
        return list(look.findings(people.people)), look.lost

    def section(self, **more: str) -> Slack:
        """The environment's."""
        return Slack.model_validate({"api": f"{self._door.url}/api/", **self.settings, **more})


@pytest.fixture
def slack_desk(slack_door: Door, monday: None, people: People) -> SlackDesk:
    """Everybody is right."""
    desk = SlackDesk(slack_door)
    desk.open(*accounts(people))
    return desk


class PagerDutyDesk:
    """An account, and what the doctor says of it."""

    def __init__(self, door: Door, tls: TlsFiles) -> None:
        self._door = door
        self._tls = tls

    def open(self, *users: dict[str, str]) -> None:
        """An account with these users."""
        directory = pagerduty_account.Directory.model_validate({"users": users})
        self.stand_in = PagerDutyStandIn(SecretStr(ROUTING_KEY), SecretStr(REST_TOKEN), directory)
        self.trouble = Trouble(self.stand_in.app())
        self._door.behind = self.trouble

    def look(self, people: People, rest: dict[str, object] | None = None, **more: object) -> list[Finding]:
        """What is found."""
        url = self._door.url
        usual = {"token": "env:DOCTOR_REST", "from_email": "anna@example.com", "service": "PSERVICE", "api": url}
        settings: dict[str, object] = {
            "routing_key": "env:DOCTOR_ROUTING",
            "events": url,
            "ca_file": str(self._tls.authority),
            "rest": {**usual, **(rest or {})},
            **more,
        }
        return list(PagerDutyLook(PagerDuty.model_validate(settings)).findings(people.people))


@pytest.fixture
def pagerduty_desk(pagerduty_door: Door, loopback_tls: TlsFiles, monday: None, people: People) -> PagerDutyDesk:
    """Everybody is right."""
    desk = PagerDutyDesk(pagerduty_door, loopback_tls)
    desk.open(*({"id": str(one.pagerduty), "name": one.name, "email": str(one.email)} for one in people.people))
    return desk


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not answer within half a second does not answer."""
    for module in ("tminus.doctor.slack_ids", "tminus.doctor.pagerduty_ids"):
        monkeypatch.setattr(f"{module}.within", lambda call: within(call, 0.5))
