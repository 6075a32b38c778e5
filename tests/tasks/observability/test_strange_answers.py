"""What Prometheus, Alertmanager, Jaeger and Grafana should not answer, and what each check makes of it."""

import json
from collections.abc import Awaitable, Callable

import pytest
from pydantic import JsonValue

from bench.worlds.estates import known_secrets
from bench.worlds.world import Case, Sections
from tests.tasks.observability.conftest import Parrot
from tminus.outcome import Outcome, Verdict

Looked = Callable[[Case, Sections], Awaitable[Outcome]]
SECRET = "a-token-that-nobody-is-shown"

CASES = (
    Case("prometheus.targets", {"jobs": ["orders"]}, {"up": ">= 0", "jobs": ">= 0", "scraped": "< 1 h"}),
    Case("prometheus.metrics", {"metrics": ["up"]}, {"present": ">= 0"}),
    Case("prometheus.rules", {"alert": "Down"}, {"loaded": ">= 0", "threshold": "> 0"}),
    Case("prometheus.rules", {"alert": "Down"}, {"loaded": ">= 0", "for": "<= 5 min"}),
    Case("prometheus.retention", {}, {"retention": ">= 0 d"}),
    Case("alertmanager.route", {"labels": {"severity": "critical"}}, {"integrations": ">= 0", "repeats": "< 1 d"}),
    Case("alertmanager.silences", {}, {"silences": "= 0", "forever": "= 0"}),
    Case("jaeger.services", {"services": ["orders"]}, {"reporting": ">= 0"}),
    Case("jaeger.traces", {"service": "orders"}, {"traces": ">= 0", "broken": "= 0", "newest": "< 1 h"}),
    Case("jaeger.sampling", {"service": "orders"}, {"rate": ">= 0 %"}),
    Case("jaeger.age", {"service": "orders"}, {"oldest": ">= 0 d"}),
    Case("grafana.dashboard", {"uid": "kafka"}, {"present": "= yes"}),
    Case("grafana.access", {"team": "on-call", "folder": "vatic"}, {"members": ">= 0"}),
    Case("grafana.health", {}, {"database": "= ok"}),
)
GARBAGE: tuple[tuple[int, bytes], ...] = (
    (200, b""),
    (200, b"<html>Sign in</html>"),
    (200, b"null"),
    (200, b"{}"),
    (200, b'"text"'),
    (200, b"[[[]]]"),
    (200, b"[" * 100_000),
    (200, b"\xff\xfe\x00"),
    (200, b'{"status": "success", "data": null}'),
    (200, b'{"status": "error", "data": {"groups": [], "activeTargets": [], "storageRetention": "15d"}}'),
    (200, b'{"config": {"original": 5}, "result": null, "services": null, "teams": null, "dashboard": null}'),
    (301, b""),
    (401, b"{}"),
    (403, b"{}"),
    (429, b"{}"),
    (500, b'{"database": "ok", "status": "success"}'),
    (502, b"bad gateway"),
)


def everywhere(url: str) -> Sections:
    """All four of them at one address, with a token."""
    section: JsonValue = {"url": url, "token": "env:STRANGE_TOKEN"}
    return dict.fromkeys(("prometheus", "alertmanager", "jaeger", "grafana"), section)


@pytest.mark.parametrize(("status", "body"), GARBAGE, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.check)
async def test_what_is_no_answer_is_unknown(
    parrot: Parrot, looked: Looked, case: Case, status: int, body: bytes
) -> None:
    """Never a pass, never a failure, never a crash; and the token stays where it was."""
    parrot.status, parrot.body = status, body
    with known_secrets({"STRANGE_TOKEN": SECRET}):
        outcome = await looked(case, everywhere(parrot.url))

    assert outcome.verdict is Verdict.UNKNOWN, outcome
    assert parrot.asked
    assert outcome.summary
    assert SECRET not in outcome.model_dump_json()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.check)
async def test_what_is_not_configured_is_skipped(looked: Looked, case: Case) -> None:
    """The reason says what to add."""
    outcome = await looked(case, {})

    assert outcome.verdict is Verdict.SKIPPED
    assert f"names no {case.check.split('.', maxsplit=1)[0]}" in outcome.summary


def answer(data: JsonValue) -> bytes:
    """As Prometheus wraps it."""
    return json.dumps({"status": "success", "data": data}).encode()


def rule(**changed: JsonValue) -> bytes:
    """One alerting rule, as Prometheus answers it."""
    plain: dict[str, JsonValue] = {"type": "alerting", "name": "Down", "query": "up < 1", "duration": 60}
    made: JsonValue = {**plain, "labels": {}, "health": "ok", **changed}
    return answer({"groups": [{"rules": [made]}]})


def target(**changed: JsonValue) -> bytes:
    """One target, as Prometheus answers it."""
    plain: dict[str, JsonValue] = {"labels": {"job": "orders"}, "health": "up", "lastScrape": "2026-01-01T00:00:00Z"}
    return answer({"activeTargets": [{**plain, **changed}]})


def configured(text: str) -> bytes:
    """An Alertmanager's status with this configuration."""
    return json.dumps({"config": {"original": text}}).encode()


def span(**changed: JsonValue) -> bytes:
    """One span, as Jaeger answers it."""
    plain: dict[str, JsonValue] = {"traceId": "1", "spanId": "2", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    spans: JsonValue = {"scopeSpans": [{"spans": [{**plain, **changed}]}]}
    return json.dumps({"result": {"resourceSpans": [spans]}}).encode()


RECEIVER = "receivers: [{name: a}]\n"
BOMB = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nroute: {receiver: a, routes: [{matchers: *b}]}\n"
DEEP = "route: " + "{routes: [" * 2_000 + "]}" * 2_000


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("prometheus.rules", rule(duration="NaN"), "duration"),
        ("prometheus.rules", rule(duration=-1), "duration"),
        ("prometheus.rules", rule(query=None), "query"),
        ("prometheus.rules", rule(query="up" * 10_000), "not measured: threshold"),
        ("prometheus.rules", rule(query="up > \u221e"), "not measured: threshold"),
        ("prometheus.rules", rule(type="new"), "groups.0.rules.0"),
        ("prometheus.targets", target(lastScrape="yesterday"), "lastScrape"),
        ("prometheus.targets", target(labels={"job": 5}), "labels.job"),
        ("prometheus.targets", target(labels={}), "not measured: scraped"),
        ("prometheus.targets", answer({"activeTargets": []}), "not measured: scraped"),
        ("prometheus.metrics", answer({"resultType": "matrix", "result": []}), "tag"),
        ("prometheus.metrics", answer({"resultType": "vector", "result": [{"metric": {}, "value": ["1"]}]}), "value"),
        ("prometheus.retention", answer({"storageRetention": "10GiB"}), "not measured: retention"),
        ("prometheus.retention", answer({"storageRetention": ""}), "not measured: retention"),
        ("prometheus.retention", answer({"storageRetention": "999999999y"}), "not measured: retention"),
        ("alertmanager.route", configured("route: [\n"), "is no YAML"),
        ("alertmanager.route", configured("just text"), "none that we know"),
        ("alertmanager.route", configured("route: {receiver: a}"), "receivers"),
        ("alertmanager.route", configured("route: {routes: []}\n" + RECEIVER), "no receiver at the root"),
        ("alertmanager.route", configured("route: {receiver: a, group_wait: soon}\n" + RECEIVER), "no duration"),
        ("alertmanager.route", configured("route: {receiver: a, routes: [{matchers: [x]}]}\n" + RECEIVER), "'x'"),
        ("alertmanager.route", configured("route: {receiver: a, routes: [{match_re: {x: '('}}]}\n" + RECEIVER), "'x'"),
        ("alertmanager.route", configured(BOMB + RECEIVER), "aliases"),
        ("alertmanager.route", configured(DEEP), "alertmanager"),
        ("alertmanager.route", configured("#" * 2_000_000), "2000000 characters"),
        ("alertmanager.silences", b'[{"id": "1", "status": {"state": "active"}, "matchers": []}]', "endsAt"),
        ("jaeger.traces", span(startTimeUnixNano="-5"), "is none"),
        ("jaeger.traces", span(endTimeUnixNano="9" * 30), "is none"),
        ("jaeger.traces", span(traceId=""), "is none"),
        ("jaeger.traces", b'{"result": {}}', "not measured: broken, newest"),
        ("jaeger.age", b'{"result": {"resourceSpans": []}}', "no trace of orders"),
        ("jaeger.sampling", b'{"strategyType": "PROBABILISTIC"}', "neither a share"),
        ("jaeger.sampling", b'{"strategyType": "RATE_LIMITING"}', "neither a share"),
        ("jaeger.sampling", b'{"strategyType": "SOMETHING", "probabilisticSampling": {}}', "neither a share"),
        ("jaeger.sampling", b'{"probabilisticSampling": {"samplingRate": 10}}', "no sampling strategy"),
        ("grafana.access", b'{"teams": [{"id": 1, "name": "on-call", "memberCount": -1}]}', "something unexpected"),
    ],
)
async def test_what_is_nearly_an_answer_is_unknown_too(
    parrot: Parrot, looked: Looked, kind: str, body: bytes, said: str
) -> None:
    """Missing, wrong and immense parts are named; no number is made of them."""
    parrot.body = body
    case = next(case for case in CASES if case.check == kind)
    with known_secrets({"STRANGE_TOKEN": SECRET}):
        outcome = await looked(case, everywhere(parrot.url))

    assert outcome.verdict is Verdict.UNKNOWN, outcome
    assert said in outcome.summary


@pytest.mark.parametrize("kind", ["jaeger.traces", "jaeger.age", "jaeger.services", "jaeger.sampling"])
async def test_a_page_that_is_not_there_is_not_the_absence_of_traces(parrot: Parrot, looked: Looked, kind: str) -> None:
    """Jaeger says in words of its own that it found none; any other 404 comes from something else."""
    parrot.status, parrot.body = 404, b'{"message": "Not Found"}'
    case = next(case for case in CASES if case.check == kind)
    with known_secrets({"STRANGE_TOKEN": SECRET}):
        assert (await looked(case, everywhere(parrot.url))).verdict is Verdict.UNKNOWN
