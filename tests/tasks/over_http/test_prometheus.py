"""Prometheus queries, against a server that speaks its HTTP API."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tasks.checks.prometheus import Query
from tests.conftest import Estates
from tests.tasks.over_http.tiny_service import serving
from tminus.outcome import Outcome, Verdict

TOKEN = "a-token-that-nobody-is-shown"


@dataclass
class PrometheusFake:
    """Answers every query with `body`, and wants the token."""

    url: str = ""
    body: str = ""
    status: int = 200
    asked: list[str] = field(default_factory=list)

    def vector(self, *values: str) -> None:
        """Answer a vector with these values."""
        series = [{"metric": {"pod": f"p{n}"}, "value": [1.5, value]} for n, value in enumerate(values)]
        self.body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": series}})

    async def answer(self, request: Request) -> Response:
        """GET /api/v1/query."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return PlainTextResponse("who are you?", 401)
        self.asked.append(request.query_params["query"])
        return PlainTextResponse(self.body, self.status)


@pytest.fixture(scope="module")
def server() -> Iterator[PrometheusFake]:
    """One server for the module."""
    fake = PrometheusFake()
    with serving(Starlette(routes=[Route("/prom/api/v1/query", fake.answer)])) as address:
        fake.url = f"http://{address}/prom/"
        yield fake


@pytest.fixture
def prometheus(server: PrometheusFake) -> PrometheusFake:
    """The server, as new."""
    server.body, server.status = "", 200
    server.asked.clear()
    return server


async def ask(estates: Estates, url: str, expect: dict[str, str], **parameters: str) -> Outcome:
    """The outcome of the check."""
    check = Query.model_validate({"query": 'up{job="trading"}', "expect": expect, **parameters})
    async with estates.make(prometheus={"url": url, "token": estates.secret(SecretStr(TOKEN))}) as estate:
        return await check.observe(estate)


@pytest.mark.parametrize(
    ("value", "good", "bad"),
    [
        ("0.0004", {"ratio": "< 0.1 %"}, {"ratio": "< 0.03 %"}),
        ("0.15", {"seconds": "< 200 ms"}, {"seconds": "< 100 ms"}),
        ("150", {"milliseconds": "< 0.2 s"}, {"milliseconds": "< 100 ms"}),
        ("0.05", {"percent": "< 0.1 %"}, {"percent": "< 0.01 %"}),
        ("2e9", {"bytes": "< 3 GB"}, {"bytes": "< 1 GiB"}),
    ],
)
async def test_a_number_is_judged_in_the_unit_it_is_expected_in(
    estates: Estates, prometheus: PrometheusFake, value: str, good: dict[str, str], bad: dict[str, str]
) -> None:
    """The name in the expectation says what the query gives."""
    prometheus.vector(value)
    assert (await ask(estates, prometheus.url, good)).verdict is Verdict.PASS
    assert (await ask(estates, prometheus.url, bad)).verdict is Verdict.FAIL
    assert prometheus.asked == ['up{job="trading"}'] * 2


@pytest.mark.parametrize(("take", "value"), [("max", "= 7"), ("min", "= 2"), ("sum", "= 9")])
async def test_of_several_series_one_number_is_taken(
    estates: Estates, prometheus: PrometheusFake, take: str, value: str
) -> None:
    """The worst by the book's word; every series is in the evidence."""
    prometheus.vector("2", "7")
    outcome = await ask(estates, prometheus.url, {"value": value, "series": "= 2"}, take=take)
    assert outcome.verdict is Verdict.PASS, outcome
    assert outcome.details == ('{pod="p0"} 2', '{pod="p1"} 7')


async def test_a_scalar_is_a_number_too(estates: Estates, prometheus: PrometheusFake) -> None:
    """`scalar(…)` and plain arithmetic give no series."""
    prometheus.body = '{"status": "success", "data": {"resultType": "scalar", "result": [1.5, "3"]}}'
    assert (await ask(estates, prometheus.url, {"value": "= 3"})).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "no series matches"),
        (["NaN"], "is NaN"),
        (["+Inf"], "is +Inf"),
        (["1", "2"], "2 series; say `take: max`"),
        (["many"], "is 'many'"),
    ],
)
async def test_what_is_no_number_is_unknown(
    estates: Estates, prometheus: PrometheusFake, values: list[str], said: str
) -> None:
    """No data is not zero, and one series out of two is not chosen by chance."""
    prometheus.vector(*values)
    outcome = await ask(estates, prometheus.url, {"value": "< 1000"})
    assert outcome.verdict is Verdict.UNKNOWN
    assert said in outcome.summary


async def test_one_series_without_a_number_spoils_the_worst(estates: Estates, prometheus: PrometheusFake) -> None:
    """The maximum of 1 and nobody-knows is not 1."""
    prometheus.vector("1", "NaN")
    assert (await ask(estates, prometheus.url, {"value": "< 5"}, take="max")).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, '{"status": "error", "errorType": "bad_data", "error": "parse error: unclosed paren"}', "unclosed paren"),
        (200, "<html>Grafana</html>", "is this address a Prometheus"),
        (200, '{"status": "success", "data": {"resultType": "matrix", "result": []}}', "an instant one?"),
        (502, "bad gateway", "status 502"),
    ],
)
async def test_an_answer_that_is_none_is_unknown(
    estates: Estates, prometheus: PrometheusFake, status: int, body: str, said: str
) -> None:
    """Prometheus' own words where it refuses, and what to look at where it is something else."""
    prometheus.status, prometheus.body = status, body
    outcome = await ask(estates, prometheus.url, {"value": "= 1"})
    assert outcome.verdict is Verdict.UNKNOWN
    assert said in outcome.summary
    assert TOKEN not in outcome.model_dump_json()


async def test_nobody_there_and_not_configured(estates: Estates, nobody: str) -> None:
    """A Prometheus that is down is unknown; none at all is skipped."""
    outcome = await ask(estates, f"http://{nobody}", {"value": "= 1"})
    assert outcome.verdict is Verdict.UNKNOWN
    assert "connection refused" in outcome.summary
    check = Query.model_validate({"query": "up", "expect": {"value": "= 1"}})
    async with estates.make() as estate:
        assert (await check.observe(estate)).verdict is Verdict.SKIPPED
