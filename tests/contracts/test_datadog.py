"""What is asked of Datadog, held against Datadog's own description."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bench.worlds.world import Case
from tests.contracts.conftest import held

SECRETS = {"DATADOG_API_KEY": "made-up", "DATADOG_APPLICATION_KEY": "made-up"}
FIRST = [
    Case("datadog.monitors", {"monitors": ["My monitor"]}, {"present": "= all"}),
    Case("datadog.metric", {"query": "avg:system.cpu.idle{*}"}, {"value": "> 1"}),
]


def sections(url: str) -> dict[str, Any]:
    """Datadog's section."""
    token, key = (f"env:{name}" for name in SECRETS)
    return {"datadog": {"url": url, "token": token, "key": key}}


@pytest.mark.parametrize("case", FIRST, ids=lambda case: case.check)
def test_datadog_accepts_what_is_asked(contract: Callable[..., Any], asked: Callable[..., None], case: Case) -> None:
    """Monitors and metrics, of version 1 of the API; its description lacks dashboards."""
    server = contract("datadog_v1.json")

    asked(case, sections(server.url), SECRETS)

    assert held(server) == []


def test_datadog_accepts_the_search_for_spans(contract: Callable[..., Any], asked: Callable[..., None]) -> None:
    """Of version 2; both searches, the second by the traces that the first one found."""
    server = contract("datadog_v2.json")
    span = {"id": "AAAA", "type": "spans", "attributes": {"service": "tradesense-api", "trace_id": "5fb3"}}
    server.fault("POST", "/api/v2/spans/events/search", 200, body=json.dumps({"data": [span]}).encode(), times=1)
    case = Case("datadog.apm", {"service": "tradesense-api", "env": "production"}, {"spans": ">= 1"})

    asked(case, sections(server.url), SECRETS)

    assert held(server) == []
    assert "trace_id:(5fb3)" in server.records[1]["body"]
