"""What is asked of PagerDuty's REST API, held against PagerDuty's own description."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import JsonValue

from bench.worlds.world import Case
from tests.contracts.conftest import CONTRACTS, held

SECRETS = {"PAGERDUTY_TOKEN": "made-up"}
# The names are those of the description's examples, so that what follows from them is asked, too.
SERVICE = "My Application Service"
INCIDENT = {
    "id": "PT4KHLK",
    "incident_number": 1234,
    "title": "test page of tminus",
    "created_at": "2026-01-01T00:14:20Z",
    "resolved_at": "2026-01-01T00:20:20Z",
    "status": "resolved",
    "urgency": "high",
}
POLICY = {"policy": "Engineering Escalation Policy"}
# PagerDuty's description, as trimmed, has no such path: that request is proven against the fake alone.
NOT_DESCRIBED = "/notification_rules"
CASES = [
    (Case("pagerduty.on_call", POLICY, {"now": ">= 1"}), {"escalation_policies", "oncalls", "notification_rules"}),
    (Case("pagerduty.service", {"service": SERVICE}, {"present": "= yes"}), {"services"}),
    (
        Case("pagerduty.tested_page", {"service": SERVICE}, {"age": "< 90 d"}),
        {"services", "incidents", "log_entries"},
    ),
    (
        Case("pagerduty.incidents", {"service": SERVICE, "since": "365d"}, {"open": "= 0", "mttr": "< 1 h"}),
        {"services", "incidents"},
    ),
]


@pytest.mark.parametrize(("case", "paths"), CASES, ids=lambda given: getattr(given, "check", ""))
def test_pagerduty_accepts_what_is_asked(
    contract: Callable[..., Any], asked: Callable[..., None], case: Case, paths: set[str]
) -> None:
    """Every request of the checks, with its paging and times, but for the one that is not described."""
    server = contract("pagerduty_rest.json", "pagerduty", overlay=str(CONTRACTS / "pagerduty_overlay.json"))
    page = {"incidents": [INCIDENT], "limit": 100, "offset": 0, "more": False}
    server.fault("GET", "/incidents", 200, body=json.dumps(page).encode(), times=20)
    token = "env:PAGERDUTY_TOKEN"

    asked(case, {"pagerduty": {"routing_key": token, "token": token, "api": server.url}}, SECRETS)

    refused = [one for one in held(server) if not _not_described(one)]
    assert refused == []
    assert {record["path"].partition("?")[0].rpartition("/")[2] for record in server.records} == paths


def _not_described(violation: JsonValue) -> bool:
    """Whether it is that one request to read how somebody is told, and nothing but its path is unknown."""
    if not isinstance(violation, dict) or violation["operation"] is not None or violation["method"] != "GET":
        return False
    path, _, query = str(violation["path"]).partition("?")
    return path.endswith(NOT_DESCRIBED) and query == "include%5B%5D=contact_methods"
