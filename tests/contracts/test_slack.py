"""What is asked of Slack's Web API, held against Slack's own description."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from bench.worlds.world import Case
from tests.contracts.conftest import CONTRACTS, held
from tminus.clock import now
from tminus.messages.slack_dialog import REJECT, WAIVE, Carried, dialog
from tminus.slack_answers import SlackAnswers, Told
from tminus.slack_connection import NotOpened, SlackConnection

SECRETS = {"SLACK_TOKEN": "xoxb-made-up"}
TOKEN = SecretStr("xoxb-made-up")


@pytest.mark.parametrize("channel", ["#random", "C012AB3CD"])
def test_slack_accepts_what_is_asked(contract: Callable[..., Any], asked: Callable[..., None], channel: str) -> None:
    """By name and by id."""
    server = contract("slack_web.json", "slack", overlay=str(CONTRACTS / "slack_overlay.json"))
    token = "env:SLACK_TOKEN"

    asked(
        Case("slack.channel", {"channel": channel}, {"present": "= yes"}),
        {"slack": {"channel": "C012AB3CD", "token": token, "signing_secret": token, "api": f"{server.url}/api/"}},
        SECRETS,
    )

    assert held(server) == []


@pytest.mark.parametrize("action", [REJECT, WAIVE])
def test_slack_accepts_the_dialogs(contract: Callable[..., Any], action: str) -> None:
    """views.open, by Slack's own client, for both."""
    server = contract("slack_web.json", "slack", overlay=str(CONTRACTS / "slack_overlay.json"))
    carried = Carried.by(action, "tradesense-2.0.0-1|go-no-go|devops_lead|sha256:0f61c2d9a3b1", "C012AB3CD")

    said = anyio.run(
        SlackAnswers(f"{server.url}/api/", lambda: TOKEN).open_dialog,
        "12345.98765.abcd",
        dialog(action, carried, now()),
    )

    assert (said, held(server)) == ("", [])


def test_slack_accepts_what_one_person_is_told(contract: Callable[..., Any]) -> None:
    """chat.postEphemeral, by Slack's own client."""
    server = contract("slack_web.json", "slack", overlay=str(CONTRACTS / "slack_overlay.json"))
    answers = SlackAnswers(f"{server.url}/api/", lambda: TOKEN)

    anyio.run(answers.whisper, "C012AB3CD", "U0DEVOPS1", Told("This does not count: <it> was decided"))

    assert (answers.lost, held(server)) == (0, [])


def test_slack_accepts_how_a_connection_is_asked_for(contract: Callable[..., Any], tmp_path: Path) -> None:
    """apps.connections.open, by Slack's own client; Slack's published description is older than Socket Mode.

    So what stands in for it here is ours, after docs.slack.dev: the app-level token as a bearer, and nothing else.
    """
    newer = json.loads((CONTRACTS / "slack_overlay.json").read_text("utf-8"))
    token = {"name": "token", "in": "header", "type": "string", "required": True}
    answer = {"application/json": {"ok": True, "url": "wss://wss-primary.example.com/link/?ticket=1"}}
    opened = {"consumes": ["application/x-www-form-urlencoded"], "parameters": [token]}
    opened |= {"operationId": "apps_connections_open", "responses": {"200": {"description": "", "examples": answer}}}
    newer["paths"]["/apps.connections.open"] = {"post": opened}
    overlay = tmp_path / "overlay.json"
    overlay.write_text(json.dumps(newer), "utf-8")
    server = contract("slack_web.json", "slack", overlay=str(overlay))

    with pytest.raises(NotOpened, match="not its own"):
        SlackConnection(SecretStr("xapp-made-up"), f"{server.url}/api/", lambda _connection, _envelope: None)

    assert held(server) == []
    assert [one["path"] for one in server.records] == ["/api/apps.connections.open"]
