"""What is asked of Grafana, against its own description; it describes no teams and permissions, which go unheld."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.worlds.world import Case
from tests.contracts.conftest import held

SECRETS = {"CONTRACT_GRAFANA_TOKEN": "made-up-for-this-test"}


@pytest.mark.parametrize(
    "case",
    [
        Case("grafana.dashboard", {"uid": "service-health"}, {"present": "= yes"}),
        Case("dashboards.ready", {"dashboards": ["service-health"], "recent": "60s"}, {"present": "= all"}),
    ],
    ids=lambda case: case.check,
)
def test_every_request_is_one_that_grafana_describes(
    contract: Callable[..., Any], asked: Callable[..., None], case: Case
) -> None:
    """Path, method, credentials and body are those of its OpenAPI description."""
    server = contract("grafana.json")
    asked(case, {"grafana": {"url": server.url, "token": "env:CONTRACT_GRAFANA_TOKEN"}}, SECRETS)

    assert held(server) == []
