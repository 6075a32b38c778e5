"""Slack and PagerDuty for the tests of what people say and are told: stand-ins, served over HTTP and TLS."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments.rehearsal import loopback_certificate, pagerduty_account, slack_workspace
from deployments.rehearsal.in_thread import Door, served
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.slack_stand_in import SlackStandIn
from deployments.rehearsal.stand_in_server import TlsFiles
from tests.tminus.signing_team import Team
from tests.tminus.staged_launch import CREW, pagerduty_section, slack_id, slack_section

# Made up, and easy to find again in anything that should not hold them.
TOKEN = "xoxb-canary-4f1c9d0a77b2"
SIGNING = "canary-signing-8c2e51f0aa93"
ROUTING_KEY = "canary0routing0key0d41d8cd98f00b"
SECRETS = (TOKEN, SIGNING, ROUTING_KEY)


@pytest.fixture
def named_team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """The people who sign a release off, in the ledger that TMINUS_LEDGER names."""
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")
    team = Team(tmp_path)
    yield team
    team.store.close()


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the staged environment's references lead to."""
    monkeypatch.setenv("STAGED_TOKEN", TOKEN)
    monkeypatch.setenv("STAGED_SIGNING", SIGNING)
    monkeypatch.setenv("STAGED_ROUTING_KEY", ROUTING_KEY)


@pytest.fixture(scope="session")
def slack_door() -> Iterator[Door]:
    """A server that speaks http."""
    door = Door()
    with served(door, websockets=True) as door.url:
        yield door


@pytest.fixture(scope="session")
def loopback_tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """A certificate for loopback, and the authority to trust for it."""
    return loopback_certificate.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def pagerduty_door(loopback_tls: TlsFiles) -> Iterator[Door]:
    """A server that speaks https."""
    door = Door()
    with served(door, loopback_tls) as door.url:
        yield door


@pytest.fixture
def slack(slack_door: Door, secrets: None) -> SlackStandIn:
    """A workspace with the crew in it."""
    users = [
        slack_workspace.User(id=slack_id(one), name=one, real_name=name)
        for one, (name, _roles, _on_duty) in CREW.items()
    ]
    stranger = slack_workspace.User(id="U0STRANGER", name="stranger", real_name="Somebody else")
    stand_in = SlackStandIn(SecretStr(TOKEN), slack_workspace.Directory(users=(*users, stranger)))
    slack_door.behind = stand_in.app()
    return stand_in


@pytest.fixture
def slack_settings(slack: SlackStandIn, slack_door: Door) -> dict[str, object]:
    """The `slack` section that leads to the stand-in."""
    return dict(slack_section(f"{slack_door.url}/api/"))


@pytest.fixture
def pagerduty(pagerduty_door: Door, secrets: None) -> PagerDutyStandIn:
    """An account with one person on call."""
    directory = pagerduty_account.Directory.model_validate(
        {"users": [{"id": "PUSER01", "name": "DevOps lead", "email": "devops@example.com"}], "on_calls": []}
    )
    stand_in = PagerDutyStandIn(SecretStr(ROUTING_KEY), SecretStr("rest-token"), directory)
    pagerduty_door.behind = stand_in.app()
    return stand_in


@pytest.fixture
def pagerduty_settings(pagerduty: PagerDutyStandIn, pagerduty_door: Door, loopback_tls: TlsFiles) -> dict[str, object]:
    """The `pagerduty` section that leads to the stand-in."""
    return dict(pagerduty_section(pagerduty_door.url, Path(loopback_tls.authority)))


@pytest.fixture
def every_log_line(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All that any library logs, down to DEBUG."""
    caplog.set_level(logging.DEBUG)
    for name in ("slack_sdk", "slack_sdk.web.base_client", "pagerduty", "httpx", "httpcore", "tminus"):
        caplog.set_level(logging.DEBUG, name)
    return caplog
