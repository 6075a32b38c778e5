"""What is asked of Stripe, held against Stripe's own description."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.worlds.world import Case
from tests.contracts.conftest import held

SECRETS = {"STRIPE_KEY": "rk_test_made_up"}
CASES = [
    Case("stripe.account", {}, {"charges": "= enabled"}),
    Case("stripe.key", {}, {"restricted": "= yes"}),
    Case("stripe.webhooks", {}, {"enabled": "= all"}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.check)
def test_stripe_accepts_what_is_asked(contract: Callable[..., Any], asked: Callable[..., None], case: Case) -> None:
    """In the version that the requests name."""
    server = contract("stripe.json")

    asked(case, {"stripe": {"url": server.url, "token": "env:STRIPE_KEY"}}, SECRETS)

    assert held(server) == []
    versions = {name.lower(): value for record in server.records for name, value in record["headers"].items()}
    assert versions["stripe-version"] == server.spec.doc["info"]["version"]
