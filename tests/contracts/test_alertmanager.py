"""What is asked of Alertmanager, against its own description."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.worlds.world import Case
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.alertmanager import AlertSink
from tests.contracts.conftest import held


@pytest.mark.parametrize(
    ("case", "path"),
    [
        (Case("alertmanager.route", {"labels": {"severity": "critical"}}, {"integrations": ">= 1"}), "/api/v2/status"),
        (Case("alertmanager.silences", {}, {"silences": "= 0"}), "/api/v2/silences"),
        (
            Case(
                "alertmanager.delivery",
                {"labels": {"severity": "none"}, "sink": "sink", "sink_path": "/received", "within": "100 ms"},
                {"delivered": "< 1 s"},
            ),
            "/api/v2/alerts",
        ),
    ],
    ids=lambda value: value.check if isinstance(value, Case) else "",
)
def test_every_request_is_one_that_alertmanager_describes(
    contract: Callable[..., Any], asked: Callable[..., None], case: Case, path: str
) -> None:
    """Path, method and body are those of its OpenAPI description."""
    server = contract("alertmanager_v2.json")
    with served(AlertSink().app()) as sink:
        asked(case, {"alertmanager": {"url": server.url}, "endpoints": {"sink": {"url": sink}}})

    assert held(server) == []
    assert [record["path"] for record in server.records] == [path]
