"""A launch that asks in Slack, its channel, and the gateway."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.rehearsal.in_thread import Door
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.tminus.conftest import SIGNING
from tests.tminus.slack_room import Room, room
from tests.tminus.staged_launch import Stage


@pytest.fixture
def stage(tmp_path: Path, slack_settings: dict[str, object]) -> Stage:
    """A launch that asks for its go, in Slack."""
    stage = Stage.set(tmp_path, slack=slack_settings)
    stage.ask()
    return stage


@pytest.fixture
def channel(stage: Stage, slack: SlackStandIn, slack_door: Door) -> Iterator[Room]:
    """Its channel and the gateway."""
    with room(stage, slack, slack_door.url, SIGNING) as found:
        yield found
