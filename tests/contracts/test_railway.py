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
    one = {"edges": [{"node": {"id": "env-1", "name": "production"}}], "pageInfo": {"hasNextPage": False}}
    answer = json.dumps({"data": {"project": {"environments": one}}}).encode()
    server.fault("POST", "/graphql/v2", 200, body=answer, times=1)

    asked(
        Case("railway.services", {"services": ["api"]}, {"deployed": "= all"}),
        {"railway": {"url": server.url, "token": "env:RAILWAY_TOKEN", "account": "0f2d8c1e"}},
        SECRETS,
    )

    assert held(server) == []
    queries = [json.loads(record["body"])["query"].split("(")[0].split() for record in server.records[:2]]
    assert queries == [["query", "environments"], ["query", "services"]]
