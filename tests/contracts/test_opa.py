"""What the checks ask of an Open Policy Agent, by its own description."""

from collections.abc import Callable
from typing import Any

from bench.worlds.opa import OpaWorld
from tests.contracts.conftest import held

LISTED = b'{"result": [{"id": "authz.rego", "raw": "package authz", "ast": {}}]}'
DECIDED = b'{"result": false}'


def test_the_agent_takes_every_request(contract: Callable[..., Any], asked: Callable[..., None]) -> None:
    """Addresses of several parts, inputs and credentials are as described."""
    server = contract("opa.json", profile="opa")
    server.fault("GET", "/v1/policies", 200, {}, LISTED, times=100)
    server.fault("POST", "/v1/data/vatic/authz/allow", 200, {}, DECIDED, times=100)
    for case in OpaWorld.cases:
        asked(case, {"opa": {"url": server.url, "token": "env:CONTRACT_TOKEN"}}, {"CONTRACT_TOKEN": "a-token"})
    assert held(server) == []
    paths = [(record["method"], record["path"]) for record in server.records]
    assert paths.count(("GET", "/v1/policies")) == 1
    assert paths.count(("POST", "/v1/data/vatic/authz/allow")) == 6
