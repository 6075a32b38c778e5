"""The checks against a real Prometheus, with rules loaded and itself scraped."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bench.worlds.world import Case, Sections
from tminus.outcome import Outcome, Verdict

Looked = Callable[[Case, Sections], Awaitable[Outcome]]


async def _until_passed(looked: Looked, case: Case, url: str) -> Outcome:
    """What has to be scraped or evaluated first may take a few seconds."""
    for _ in range(100):
        outcome = await looked(case, {"prometheus": {"url": url}})
        if outcome.verdict is Verdict.PASS:
            break
        await asyncio.sleep(0.1)
    return outcome


@pytest.mark.parametrize(
    "case",
    [
        Case("prometheus.targets", {"jobs": ["prometheus"]}, {"up": "= all", "jobs": "= all", "scraped": "< 10 s"}),
        Case("prometheus.targets", {"jobs": ["prometheus", "orders"]}, {"up": "= 1", "jobs": "= 1"}),
        Case(
            "prometheus.metrics",
            {"metrics": ["up", "prometheus_http_request_duration_seconds"], "labels": {"job": "prometheus"}},
            {"present": "= all"},
        ),
        Case("prometheus.metrics", {"metrics": ["up", "no_such_metric"]}, {"present": "= 1"}),
        Case("prometheus.retention", {}, {"retention": "= 15 d"}),
        Case(
            "prometheus.rules",
            {"alert": "HighLatency", "labels": {"severity": "warning"}},
            {"loaded": "= 1", "milliseconds": "= 0.2 ms", "seconds": "= 200 ms", "for": "= 5 min", "health": "= ok"},
        ),
        Case(
            "prometheus.rules",
            {"alert": "HighLatency"},
            {"loaded": "= 2", "threshold": "= 0.5", "for": "= 10 min", "severity": "= critical, warning"},
        ),
        Case(
            "prometheus.rules",
            {"alert": "ServiceDown"},
            {"threshold": "= 0", "fires": "= at", "measured": "= yes", "severity": "= critical"},
        ),
        Case("prometheus.rules", {"alert": "BurningFast"}, {"ratio": "= 1.44 %", "measured": "= no"}),
        Case("prometheus.rules", {"alert": "Renamed"}, {"loaded": "= 0", "measured": "= no", "severity": "= none"}),
        Case("metrics.prometheus", {"query": 'up{job="prometheus"}'}, {"value": "= 1"}),
    ],
    ids=lambda case: f"{case.check} {case.given.get('alert', '')}",
)
async def test_what_is_so_is_found(real_prometheus: str, looked: Looked, case: Case) -> None:
    """Each of these holds of the server as it was started."""
    outcome = await _until_passed(looked, case, real_prometheus)

    assert outcome.verdict is Verdict.PASS, outcome


async def test_a_number_that_cannot_be_told_is_unknown(real_prometheus: str, looked: Looked) -> None:
    """Of two numbers none is chosen, though the alert is loaded."""
    case = Case("prometheus.rules", {"alert": "TwoNumbers"}, {"threshold": "> 0"})
    outcome = await looked(case, {"prometheus": {"url": real_prometheus}})

    assert outcome.verdict is Verdict.UNKNOWN
    assert "not measured: threshold" in outcome.summary
    assert "it cannot be told" in outcome.details[0]


async def test_a_size_is_named_beside_the_time(real_prometheus: str, looked: Looked) -> None:
    """Fifteen days that end when a gigabyte is full are said to."""
    case = Case("prometheus.retention", {}, {"retention": ">= 15 d"})
    outcome = await looked(case, {"prometheus": {"url": real_prometheus}})

    assert any("which may be reached earlier" in line for line in outcome.details)
