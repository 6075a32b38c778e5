"""What is asked of Sentry, held against Sentry's own description."""

from collections.abc import Callable
from typing import Any

from bench.worlds.world import Case
from tests.contracts.conftest import held

SECRETS = {"SENTRY_TOKEN": "made-up"}


def test_sentry_accepts_what_is_asked(contract: Callable[..., Any], asked: Callable[..., None]) -> None:
    """The project, its keys, issues and events, the organisation's statistics and alerts."""
    server = contract("sentry.json")
    expect = {"receiving": "= yes", "events": "> 0", "unresolved": "= 0", "alerts": "> 0", "newest": "< 1 h"}

    asked(
        Case("sentry.project", {"project": "pump-station"}, expect),
        {"sentry": {"url": server.url, "token": "env:SENTRY_TOKEN", "account": "the-interstellar-jurisdiction"}},
        SECRETS,
    )

    assert held(server) == []
    assert {record["path"].partition("?")[0].rstrip("/").rpartition("/")[2] for record in server.records} == {
        "pump-station",
        "keys",
        "issues",
        "events",
        "stats_v2",
        "workflows",
    }
