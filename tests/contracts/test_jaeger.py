"""What is asked of Jaeger's query service, against its own description; remote sampling has none."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.worlds.world import Case
from tests.contracts.conftest import held


@pytest.mark.parametrize(
    "case",
    [
        Case("jaeger.services", {"services": ["orders"]}, {"reporting": "= all"}),
        Case("jaeger.traces", {"service": "orders"}, {"traces": ">= 1"}),
        Case("jaeger.age", {"service": "orders"}, {"oldest": ">= 6 d"}),
    ],
    ids=lambda case: case.check,
)
def test_every_request_is_one_that_jaeger_describes(
    contract: Callable[..., Any], asked: Callable[..., None], case: Case
) -> None:
    """Path, method and parameters are those of its OpenAPI description, and none is asked under an older name."""
    server = contract("jaeger_v3.json")
    asked(case, {"jaeger": {"url": server.url}})

    assert held(server) == []
