"""What is asked of Slack's Web API, held against Slack's own description."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.worlds.world import Case
from tests.contracts.conftest import CONTRACTS, held

SECRETS = {"SLACK_TOKEN": "xoxb-made-up"}


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
