"""The signing secrets of webhooks, planted and looked for wherever anything is written down: none is found."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments.rehearsal import loopback_certificate
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.pagerduty_account import Directory
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.prefect_server import PrefectServer
from deployments.rehearsal.processes import Processes
from tests.conftest import Estates, S3Server
from tests.flows.rotations.overheard import Overheard, edit, entry, overheard
from tests.flows.rotations.room import NAME, Room
from tests.knocking import knocked_at
from tests.tasks.rotators.webhook_desk import DIRECTORY, TOKEN, subscription
from tminus.environment import Environment
from tminus.yaml_source import Source

_WITHIN = 90.0  # seconds


@pytest.fixture
def house(
    room: Room,
    estates: Estates,
    s3_server: S3Server,
    quick_gateway: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
) -> Iterator[Overheard]:
    """The room, overheard, with a Secrets Manager that a gateway's references find by themselves."""
    del quick_gateway
    at = s3_server.at.address
    for variable, value in at.environment().items():
        monkeypatch.setenv(variable, value.get_secret_value())
    monkeypatch.setenv("AWS_ENDPOINT_URL", at.url)
    prefect = PrefectServer.plan(tmp_path_factory.mktemp("prefect"))
    with Processes() as processes:
        prefect.start(processes)
        with overheard(room, estates, prefect, loopback_certificate.make(tmp_path)) as heard:
            yield heard


def section(house: Overheard, name: str) -> dict[str, object]:
    """What the environment says of a vendor."""
    environment = Source.read(house.room.folder / "environment.yaml").load(Environment)
    return dict(getattr(environment, name).model_dump(mode="json", exclude_unset=True))


def rotated(house: Overheard, meanwhile: Callable[[], object]) -> None:
    """The schedule goes on until it is over, while the vendor does what vendors do."""
    until = time.monotonic() + _WITHIN
    while house.course().open is not None:
        assert time.monotonic() < until, house.said[-2000:]
        meanwhile()
        house.tminus("rotate", "--due")
        time.sleep(0.2)
    last = house.course().rotations[-1].ended
    assert last is not None
    assert last.how == "rotated"


@pytest.mark.long
def test_slacks_signing_secret(house: Overheard, tmp_path: Path) -> None:
    """Piped into a command, read by the gateway, and signed with by Slack meanwhile."""
    old, new = (secrets.token_hex(16) for _ in range(2))
    house.hold(old)
    reference = f"aws:{house.room.secret}"
    with knocked_at(tmp_path, reference) as knocking:
        slack = {**section(house, "slack"), "signing_secret": reference}
        edit(house.room.folder / "environment.yaml", {"slack": slack, "endpoints": {"gateway": {"url": knocking.door}}})
        entry(house.room, kind="webhook.slack", gateways=["gateway"])
        house.values.add(new)
        assert house.command("rotate", NAME, "--given", typed=new) == 0
        rotated(house, lambda: knocking.press(new))
        assert house.current() == new
        assert house.leaks() == []


@pytest.mark.long
def test_pagerdutys_webhook_secret(house: Overheard, estates: Estates, tmp_path: Path) -> None:
    """Made by PagerDuty, and shown once, in the answer to a call."""
    account = PagerDutyStandIn(SecretStr("k" * 32), SecretStr(TOKEN), Directory.model_validate(DIRECTORY))
    house.hold(json.dumps({"secret": f"canary-{secrets.token_hex(8)}", "id": "none yet"}))
    reference = f"aws:{house.room.secret}#secret"
    with served(account.app()) as url, knocked_at(tmp_path, reference) as knocking:
        house.hold(json.dumps(subscription(url, knocking.door)))
        rest = {
            "token": estates.secret(SecretStr(TOKEN)),
            "from_email": "lead@example.com",
            "service": "PSVC",
            "api": url,
        }
        duty = {**section(house, "pagerduty"), "rest": rest, "webhook_secrets": [reference]}
        edit(
            house.room.folder / "environment.yaml",
            {"pagerduty": duty, "endpoints": {"gateway": {"url": knocking.door}}},
        )
        entry(house.room, kind="webhook.pagerduty", gateways=["gateway"])
        before = house.current()
        assert house.tminus("rotate", NAME) == 0
        rotated(house, lambda: None)
        assert house.current() != before
        assert len(house.values) >= 3
        assert house.leaks() == []
