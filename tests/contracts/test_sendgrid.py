"""What is asked of SendGrid, held against SendGrid's own description."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.worlds.world import Case
from tests.contracts.conftest import held

SECRETS = {"SENDGRID_KEY": "made-up"}


@pytest.mark.parametrize("expect", [{"verified": "= yes"}, {"scopes": "= all"}], ids=str)
def test_sendgrid_accepts_what_is_asked(
    contract: Callable[..., Any], asked: Callable[..., None], expect: dict[str, str]
) -> None:
    """The domains and the key's rights."""
    server = contract("sendgrid.json")

    asked(
        Case("sendgrid.sender", {"domain": "example.com"}, expect),
        {"sendgrid": {"url": server.url, "token": "env:SENDGRID_KEY"}},
        SECRETS,
    )

    assert held(server) == []
