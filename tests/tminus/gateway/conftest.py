"""A gateway with all its doors, on a ledger with one launch that asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.tminus.conftest import SIGNING
from tests.tminus.launch_story import KINDS
from tests.tminus.staged_launch import Stage, slack_section
from tminus.gateway import Gateway
from tminus.ledger.sqlite import SqliteStore
from tminus.pagerduty_door import PagerDutyDoor
from tminus.signing_secrets import SigningSecrets
from tminus.slack_door import SlackDoor

WEBHOOK = "canary-webhook-secret-1d8f"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A launch that asks for its go."""
    stage = Stage.set(tmp_path, slack=slack_section())
    stage.ask()
    return stage


@pytest.fixture
def gateway(stage: Stage, tmp_path: Path) -> Iterator[Gateway]:
    """Every door, without the courier and the watchdog."""
    store = SqliteStore(tmp_path / "ledger.sqlite")
    slack = SlackDoor(store, KINDS, SigningSecrets.of(SecretStr(SIGNING)), "http://127.0.0.1:1/api/")
    pagerduty = PagerDutyDoor(store, KINDS, SigningSecrets.of(SecretStr(WEBHOOK)))
    yield Gateway(store, [slack, pagerduty], [*slack.routes(), *pagerduty.routes()])
    store.close()
