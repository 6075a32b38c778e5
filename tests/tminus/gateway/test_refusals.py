"""Every request that is refused leaves its reason, and nothing of what it said."""

import json
import time

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from deployments.rehearsal.slack_presses import signed_form
from tests.tminus.conftest import SIGNING
from tests.tminus.staged_launch import LAUNCH, Stage, slack_id
from tminus import refusals
from tminus.errors import LedgerError
from tminus.gateway import Gateway
from tminus.refusals import Refusals

PRESS = "/slack/interactions"
CANARY = "canary-in-the-request-90aa"


@pytest.fixture
def client(gateway: Gateway) -> TestClient:
    """Somebody outside."""
    return TestClient(gateway.app())


def counted(client: TestClient) -> dict[str, int]:
    """Refusals, by their labels."""
    lines = client.get("/metrics").text.splitlines()
    found = [line for line in lines if line.startswith("tminus_gateway_refusals_total{")]
    return {line.partition("{")[2].rpartition("}")[0]: int(line.rpartition(" ")[2]) for line in found}


def test_each_has_its_reason_in_a_count_and_a_line(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """Forged, too old, malformed, replayed, too large, and at no door; nothing that was sent is repeated."""
    now, old = str(int(time.time())), str(int(time.time()) - 4000)
    for secret, moment in ((CANARY, now), (SIGNING, old), (SIGNING, now), (SIGNING, now)):
        body, headers = signed_form(SecretStr(secret), {"payload": CANARY}, moment)
        client.post(PRESS, content=body, headers=headers)
    client.post("/pagerduty/webhooks", content=CANARY.encode(), headers={"X-PagerDuty-Signature": f"v1={CANARY}"})
    client.post(PRESS, content=b"x" * 600_000)
    client.get(f"/{CANARY}")
    client.put(PRESS)
    assert counted(client) == {
        f'door="{PRESS}",status="401",reason="its signature is not Slack\'s"': 1,
        f'door="{PRESS}",status="401",reason="its timestamp is missing or more than five minutes off"': 1,
        f'door="{PRESS}",status="400",reason="no block_actions and no view_submission payload"': 2,
        f'door="{PRESS}",status="413",reason="larger than 524288 bytes"': 1,
        f'door="{PRESS}",status="405",reason="method not allowed"': 1,
        'door="/pagerduty/webhooks",status="401",reason="its signature is not PagerDuty\'s"': 1,
        'door="elsewhere",status="404",reason="not found"': 1,
    }
    told = [record.message for record in caplog.records if record.name == "tminus.refusals"]
    assert f"refused a request to {PRESS} with 401: its signature is not Slack's" in told
    assert len(told) == 7
    assert CANARY not in caplog.text + client.get("/metrics").text


def test_a_flood_fills_neither_the_log_nor_the_metrics(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty lines a minute; the next one says how many there were meanwhile. Reasons without end are one."""
    moment = [0.0]
    monkeypatch.setattr(refusals, "monotonic", lambda: moment[0])
    found = Refusals([PRESS])
    for number in range(1000):
        found.note(PRESS, 401, f"reason {number}")
    assert len(caplog.records) == 60
    assert len(list(found.metrics())) <= 102
    assert f'tminus_gateway_refusals_total{{door="{PRESS}",status="401",reason="other"}} 900' in list(found.metrics())
    moment[0] = 61.0
    found.note(PRESS, 401, "again")
    assert caplog.records[-1].message.endswith("with 401: again; 940 more since the last line")


def test_nothing_else_tells_of_refused_requests(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """Two hundred forgeries make sixty lines, at both doors together."""
    for number in range(200):
        body, headers = signed_form(SecretStr(CANARY), {"payload": str(number)}, str(int(time.time())))
        path = PRESS if number % 2 else "/pagerduty/webhooks"
        assert client.post(path, content=body, headers=headers).status_code == 401
    ours = [record for record in caplog.records if record.name.startswith("tminus")]
    assert len(ours) == 60
    assert {record.name for record in ours} == {"tminus.refusals"}


def test_where_it_names_a_launch_the_launch_has_it_too(gateway: Gateway, stage: Stage) -> None:
    """A stranger's press is acknowledged, refused, and written down where it belongs."""
    pressed = [{"action_id": "tminus.hold", "value": f"{LAUNCH}|x"}]
    press = json.dumps({"user": {"id": slack_id("nobody")}, "actions": pressed})
    body, headers = signed_form(SecretStr(SIGNING), {"payload": press}, str(int(time.time())))
    with TestClient(gateway.app()) as client:  # at its end what was acknowledged is done
        assert client.post(PRESS, content=body, headers=headers).status_code == 200
    assert ["nobody in this launch's people.yaml" in one.why for one in stage.refusals()] == [True]


def test_being_not_ready_is_no_refusal(gateway: Gateway, stage: Stage) -> None:
    """What monitoring asks is answered, not refused."""
    client = TestClient(gateway.app())
    gateway._store.close()
    assert client.get("/ready").status_code == 503
    assert counted(client) == {}


def test_a_ledger_that_refuses_is_not_ready_either(
    gateway: Gateway, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A right that was taken away, say: monitoring hears of it as of one that is gone."""

    def refuse() -> list[str]:
        raise LedgerError("permission denied for table chain")

    monkeypatch.setattr(gateway._store, "chains", refuse)
    assert client.get("/ready").status_code == 503
