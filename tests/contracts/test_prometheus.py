"""What is asked of Prometheus, against its own description."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.worlds.world import Case
from tests.contracts.conftest import held

SECRETS = {"CONTRACT_PROMETHEUS_TOKEN": "made-up-for-this-test"}


@pytest.mark.parametrize(
    "case",
    [
        Case("prometheus.targets", {"jobs": ["prometheus"]}, {"up": "= all"}),
        Case("prometheus.metrics", {"metrics": ["up"], "labels": {"job": 'a "b"'}}, {"present": "= all"}),
        Case("prometheus.rules", {"alert": "Watchdog"}, {"loaded": "= 1", "measured": "= yes"}),
        Case("prometheus.retention", {}, {"retention": ">= 15 d"}),
        Case("metrics.prometheus", {"query": "up"}, {"value": "= 1"}),
    ],
    ids=lambda case: case.check,
)
def test_every_request_is_one_that_prometheus_describes(
    contract: Callable[..., Any], asked: Callable[..., None], case: Case
) -> None:
    """Path, method and parameters are those of its OpenAPI description."""
    server = contract("prometheus.json")
    asked(case, {"prometheus": {"url": server.url, "token": "env:CONTRACT_PROMETHEUS_TOKEN"}}, SECRETS)

    assert held(server) == []
