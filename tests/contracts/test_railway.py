"""What is asked of Railway, held against Railway's own schema."""

import json
from collections.abc import Callable
from typing import Any

from bench.worlds.world import Case
from tests.contracts.conftest import held

SECRETS = {"RAILWAY_TOKEN": "made-up"}


def test_railway_accepts_both_queries(contract: Callable[..., Any], asked: Callable[..., None]) -> None:
    """The environments of a project and the services of one: every field and argument is in the schema."""
    server = contract("railway.graphql")

    asked(
        Case("railway.services", {"services": ["api"], "environment": "name"}, {"deployed": "= all"}),
        {"railway": {"url": server.url, "token": "env:RAILWAY_TOKEN", "account": "0f2d8c1e"}},
        SECRETS,
    )

    assert held(server) == []
    asked_for = [json.loads(record["body"])["query"].split("(")[0].split()[-1] for record in server.records]
    assert asked_for[0] == "environments"
