"""What is asked of Railway, held against Railway's own schema."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from bench.worlds.railway import NOT_DEPLOYED, NOT_RUNNING
from bench.worlds.world import Case
from tests.contracts.conftest import CONTRACTS, held

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


@pytest.mark.usefixtures("contracts")
def test_the_world_plays_every_state_that_railway_knows() -> None:
    """Each word for a deployment and for an instance is one that is well, or a fault."""
    schema = (CONTRACTS / "railway.graphql").read_text(encoding="utf-8")
    deployments, instances = (
        re.findall(r"\b[A-Z_]+\b", schema.split(f"enum {name} {{")[1].split("}")[0])
        for name in ("DeploymentStatus", "DeploymentInstanceStatus")
    )

    assert {*deployments} == {"SUCCESS", *NOT_DEPLOYED}
    assert {*instances} == {"RUNNING", *NOT_RUNNING}
