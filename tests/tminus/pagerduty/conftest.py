"""An account of the crew, and a launch whose pages go there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import JsonValue

from deployments.rehearsal.in_thread import Door
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.stand_in_server import TlsFiles
from tests.tminus.pagerduty_room import OTHER, SECRET, TOKEN, Room, account_of_the_crew, room, section
from tests.tminus.staged_launch import Stage
from tminus.environment import PagerDuty
from tminus.ledger.sqlite import SqliteStore
from tminus.pagerduty_channel import PagerDutyChannel


@pytest.fixture
def account(pagerduty_door: Door, secrets: None, monkeypatch: pytest.MonkeyPatch) -> PagerDutyStandIn:
    """The account, and what the section's references lead to."""
    monkeypatch.setenv("STAGED_REST_TOKEN", TOKEN)
    monkeypatch.setenv("STAGED_WEBHOOK", SECRET)
    monkeypatch.setenv("STAGED_WEBHOOK_BEFORE", OTHER)
    stand_in = account_of_the_crew()
    pagerduty_door.behind = stand_in.app()
    return stand_in


@pytest.fixture
def settings(account: PagerDutyStandIn, pagerduty_door: Door, loopback_tls: TlsFiles) -> dict[str, JsonValue]:
    """The section that leads there."""
    return section(pagerduty_door.url, Path(loopback_tls.authority))


@pytest.fixture
def stage(tmp_path: Path, settings: dict[str, JsonValue]) -> Stage:
    """A launch that asks for its go, with nothing else to tell."""
    stage = Stage.set(tmp_path, pagerduty=settings)
    stage.ask()
    stage.store.run("DELETE FROM outbox", {})
    return stage


@pytest.fixture
def channel(settings: dict[str, JsonValue]) -> Iterator[PagerDutyChannel]:
    """The way there."""
    channel = PagerDutyChannel(PagerDuty.model_validate(settings))
    yield channel
    channel.close()


@pytest.fixture
def notes(tmp_path: Path, stage: Stage, account: PagerDutyStandIn, settings: dict[str, JsonValue]) -> Iterator[Room]:
    """The launch's incident, and the gateway that hears of notes on it."""
    with room(stage, account, settings, SqliteStore(tmp_path / "ledger.sqlite")) as found:
        yield found
