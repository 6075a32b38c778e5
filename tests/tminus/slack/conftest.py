"""A launch that asks in Slack, its channel, and the gateway."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from deployments.rehearsal.in_thread import Door
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.tminus.conftest import SIGNING
from tests.tminus.slack_line import APP_TOKEN, Line, listening
from tests.tminus.slack_room import Room, eventually, room
from tests.tminus.slack_wire import Wire, wire
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


@pytest.fixture
def app(slack: SlackStandIn) -> SlackStandIn:
    """A Slack that lets the app open connections."""
    slack.app_token = SecretStr(APP_TOKEN)
    return slack


@pytest.fixture
def line(app: SlackStandIn, channel: Room) -> Iterator[Line]:
    """A gateway that is connected."""
    with listening(channel) as found:
        eventually(lambda: app.sockets.connected == 1)
        yield found


@pytest.fixture
def cable(app: SlackStandIn, slack_door: Door) -> Iterator[Wire]:
    """The wire between them."""
    with wire(urlsplit(slack_door.url).port or 0) as found:
        app.sockets.address = found.address
        yield found
