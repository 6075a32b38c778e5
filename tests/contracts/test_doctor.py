"""What the doctor asks of Slack and PagerDuty, by the real clients, held against the vendors' own descriptions."""

from collections.abc import Callable
from typing import Any

import pytest

from deployments.rehearsal.stand_in_server import TlsFiles
from tests.contracts.conftest import CONTRACTS, held
from tests.tminus.doctor.conftest import person
from tminus.doctor.finding import Level
from tminus.doctor.pagerduty_ids import PagerDutyLook
from tminus.doctor.slack_ids import SlackLook
from tminus.environment import PagerDuty, Slack
from tminus.people import People

PEOPLE = People(
    people=(
        person("anna", slack="U012A3CDE", pagerduty="PXPGF42"),
        person("boris", slack=None, pagerduty=None),
        person("cleo", slack="W012A3CDE", pagerduty=None, email=None),
    )
)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the sections refer to."""
    monkeypatch.setenv("DOCTOR_TOKEN", "made-up")


def test_slack_accepts_what_is_asked(contract: Callable[..., Any]) -> None:
    """auth.test, conversations.info, users.info and users.lookupByEmail; the vendor's examples can be read."""
    server = contract("slack_web.json", "slack", overlay=str(CONTRACTS / "slack_overlay.json"))
    token = "env:DOCTOR_TOKEN"
    section = {"channel": "C012AB3CD", "token": token, "signing_secret": token, "api": f"{server.url}/api/"}

    found = list(SlackLook(Slack.model_validate(section)).findings(PEOPLE.people))

    assert held(server) == []
    asked = {record["path"].partition("?")[0].rpartition("/")[2] for record in server.records}
    assert asked == {"auth.test", "conversations.info", "users.info", "users.lookupByEmail"}
    assert not [one for one in found if "cannot be asked" in one.said], found


def test_pagerduty_accepts_what_is_asked(contract: Callable[..., Any], loopback_tls: TlsFiles) -> None:
    """Users by id and by address, the service and a policy by id; the vendor's examples can be read."""
    tls = (str(loopback_tls.certificate), str(loopback_tls.key))
    overlay = str(CONTRACTS / "pagerduty_overlay.json")
    server = contract("pagerduty_rest.json", "pagerduty", overlay=overlay, tls=tls)
    rest = {"from_email": "anna@example.com", "service": "PIJ90N7", "policies": {"devops_lead": "PANZZEQ"}}
    section = {
        "routing_key": "env:DOCTOR_TOKEN",
        "ca_file": str(loopback_tls.authority),
        "rest": {**rest, "token": "env:DOCTOR_TOKEN", "api": server.url},
    }

    found = list(PagerDutyLook(PagerDuty.model_validate(section)).findings(PEOPLE.people))

    assert held(server) == []
    asked = {record["path"].partition("?")[0].split("/")[1] for record in server.records}
    assert asked == {"users", "services", "escalation_policies"}
    assert not [one for one in found if one.level is Level.FAIL and "cannot be asked" in one.said], found


@pytest.fixture(scope="module")
def loopback_tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """A certificate for loopback, and the authority to trust for it."""
    from deployments.rehearsal import loopback_certificate

    return loopback_certificate.make(tmp_path_factory.mktemp("tls"))
