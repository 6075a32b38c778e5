"""`tminus gateway` and PagerDuty: a door where the environment names a webhook's secret, and none where it does not."""

import subprocess
import sys

import httpx
import pytest
from pydantic import SecretStr

from deployments.rehearsal.pagerduty_webhooks import ping, signed
from deployments.rehearsal.ports import free_port
from tests.cli.launch_desk import ROOT, Desk, change_environment, refused, tminus
from tests.cli.test_gateway_command import answered
from tests.sampling import few

SECTION = {"routing_key": "env:KEY", "events": "https://127.0.0.1:1", "webhook_secrets": ["env:WEBHOOK"]}


def test_its_secret_is_asked_for_before_anything_is_opened(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named by its reference."""
    monkeypatch.delenv("WEBHOOK", raising=False)
    change_environment(desk, gateway={"host": "127.0.0.1", "port": free_port()}, pagerduty=SECTION)
    assert "env:WEBHOOK" in refused(tminus("gateway", "--environment", str(desk.path("environment"))))


@pytest.mark.parametrize("told", few([True, False], True), ids=["door", "no door"])
def test_notes_come_in_where_it_is_told_so(desk: Desk, monkeypatch: pytest.MonkeyPatch, told: bool) -> None:
    """What is signed with the secret is taken, the rest refused and counted; without one there is no such place."""
    monkeypatch.setenv("WEBHOOK", "made-up-webhook-secret")
    monkeypatch.setenv("KEY", "r" * 32)
    port = free_port()
    section = SECTION if told else {name: one for name, one in SECTION.items() if name != "webhook_secrets"}
    change_environment(desk, gateway={"host": "127.0.0.1", "port": port}, pagerduty=section)
    argv = [sys.executable, "-m", "cli.main", "gateway", "--environment", str(desk.path("environment"))]
    with (
        subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=5) as client,
    ):
        try:
            assert answered(client, process, "/ready").status_code == 200
            statuses = []
            for secret in ("made-up-webhook-secret", "another"):
                body, headers = signed(ping(), SecretStr(secret))
                statuses.append(client.post("/pagerduty/webhooks", content=body, headers=headers).status_code)
            assert statuses == ([200, 401] if told else [404, 404])
            counted = 'tminus_pagerduty_webhooks_total{result="forged"} 1' in client.get("/metrics").text
            assert counted == told
        finally:
            process.terminate()
            process.communicate(timeout=20)
