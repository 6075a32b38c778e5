"""What is asked of Twilio, held against Twilio's own description."""

from collections.abc import Callable
from typing import Any

from bench.worlds.world import Case
from tests.contracts.conftest import held

SECRETS = {"TWILIO_SID": "AC" + "a" * 32, "TWILIO_TOKEN": "made-up"}


def test_twilio_accepts_what_is_asked(contract: Callable[..., Any], asked: Callable[..., None]) -> None:
    """The account, its numbers and its balance."""
    server = contract("twilio_api_v2010.json")

    asked(
        Case("twilio.account", {}, {"status": "= active", "numbers": ">= 1", "balance": ">= 0"}),
        {"twilio": {"url": server.url, "key": "env:TWILIO_SID", "token": "env:TWILIO_TOKEN"}},
        SECRETS,
    )

    assert held(server) == []
    assert len(server.records) == 3
