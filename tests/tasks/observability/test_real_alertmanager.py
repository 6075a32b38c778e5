"""The checks against a real Alertmanager, whose notifications arrive in a sink of the test's own."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest

from bench.worlds.world import Case, Sections
from tests.tasks.observability.conftest import Sink
from tminus.clock import now
from tminus.outcome import Outcome, Verdict

Looked = Callable[[Case, Sections], Awaitable[Outcome]]
CRITICAL = {"severity": "critical", "team": "a"}


@pytest.mark.parametrize(
    ("labels", "expect"),
    [
        (CRITICAL, {"receiver": "= hook", "integrations": "= 2", "repeats": "= 3 h", "waits": "= 0 s"}),
        ({**CRITICAL, "service": "slow-one"}, {"receiver": "= hook", "repeats": "= 24 h"}),
        ({**CRITICAL, "service": "quiet"}, {"receiver": "= null", "integrations": "= 0"}),
        ({**CRITICAL, "owner": 'x, "y"'}, {"receivers": "= 2"}),
        ({"severity": "info"}, {"receiver": "= default", "integrations": "= 1", "receivers": "= 1"}),
    ],
)
async def test_an_alert_goes_where_the_configuration_says(
    real_alertmanager: str, looked: Looked, labels: dict[str, str], expect: dict[str, str]
) -> None:
    """The tree is read from the configuration as the server itself writes it."""
    case = Case("alertmanager.route", {"labels": {**labels}}, expect)
    outcome = await looked(case, {"alertmanager": {"url": real_alertmanager}})

    assert outcome.verdict is Verdict.PASS, outcome


async def test_a_test_alert_arrives(real_alertmanager: str, looked: Looked, sink: Sink) -> None:
    """What is posted shows in the sink, each time anew, and names itself a test."""
    case = Case(
        "alertmanager.delivery",
        {"labels": {**CRITICAL}, "sink": "alert-sink", "sink_path": "/received", "within": "10s"},
        {"delivered": "< 10 s"},
    )
    sections: Sections = {"alertmanager": {"url": real_alertmanager}, "endpoints": {"alert-sink": {"url": sink.url}}}

    for _ in range(2):
        outcome = await looked(case, sections)
        assert outcome.verdict is Verdict.PASS, outcome
    assert "nothing is wrong" in str(sink.received[-1])


async def test_an_alert_that_is_swallowed_does_not_arrive(real_alertmanager: str, looked: Looked, sink: Sink) -> None:
    """A receiver without integrations delivers nothing, and that is found out."""
    case = Case(
        "alertmanager.delivery",
        {"labels": {**CRITICAL, "service": "quiet"}, "sink": "s", "sink_path": "/received", "within": "700 ms"},
        {"delivered": "< 10 s"},
    )
    outcome = await looked(case, {"alertmanager": {"url": real_alertmanager}, "endpoints": {"s": {"url": sink.url}}})

    assert outcome.verdict is Verdict.FAIL
    assert "did not show within" in outcome.summary


async def test_silences_are_counted(real_alertmanager: str, looked: Looked) -> None:
    """One for an hour, one for a month, one that is over; nobody's name is in the evidence."""
    async with httpx.AsyncClient(base_url=real_alertmanager, trust_env=False) as client:
        ids = [await _silence(client, timedelta(hours=hours)) for hours in (1, 30 * 24, 2)]
        (await client.delete(f"/api/v2/silence/{ids[-1]}")).raise_for_status()

    case = Case("alertmanager.silences", {}, {"silences": "= 2", "forever": "= 1"})
    outcome = await looked(case, {"alertmanager": {"url": real_alertmanager}})

    assert outcome.verdict is Verdict.PASS, outcome
    assert outcome.details[0].startswith("service=~x.* until ")
    assert "somebody@example.com" not in outcome.model_dump_json()


async def _silence(client: httpx.AsyncClient, length: timedelta) -> str:
    body = {
        "matchers": [{"name": "service", "value": "x.*", "isRegex": True}],
        "startsAt": now().isoformat(),
        "endsAt": (now() + length).isoformat(),
        "createdBy": "somebody@example.com",
        "comment": "a test",
    }
    made = (await client.post("/api/v2/silences", json=body)).raise_for_status()
    return str(made.json()["silenceID"])
