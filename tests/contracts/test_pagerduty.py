"""What is asked of PagerDuty's REST API, held against PagerDuty's own description."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.worlds.world import Case
from tests.contracts.conftest import CONTRACTS, held

SECRETS = {"PAGERDUTY_TOKEN": "made-up"}
# The names are those of the description's examples, so that what follows from them is asked, too.
SERVICE = "My Application Service"
CASES = [
    Case("pagerduty.on_call", {"policy": "Engineering Escalation Policy"}, {"now": ">= 1"}),
    Case("pagerduty.service", {"service": SERVICE}, {"present": "= yes"}),
    Case("pagerduty.tested_page", {"service": SERVICE, "title": "", "within": "180d"}, {"age": "< 90 d"}),
    Case("pagerduty.incidents", {"service": SERVICE, "since": "365d"}, {"open": "= 0", "mttr": "< 1 h"}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.check)
def test_pagerduty_accepts_what_is_asked(contract: Callable[..., Any], asked: Callable[..., None], case: Case) -> None:
    """Every request of the checks, with its paging and times."""
    server = contract("pagerduty_rest.json", "pagerduty", overlay=str(CONTRACTS / "pagerduty_overlay.json"))
    token = "env:PAGERDUTY_TOKEN"

    asked(case, {"pagerduty": {"routing_key": token, "token": token, "api": server.url}}, SECRETS)

    assert held(server) == []
    assert len(server.records) > (1 if case.check != "pagerduty.service" else 0)
