"""Metrics scraped from instances: what passes, what fails, and what nobody knows."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from tasks.checks.metrics import Scrape
from tasks.samples import scrape
from tests.tasks.over_http.conftest import World
from tests.tasks.over_http.tiny_service import fresh_meters
from tminus.outcome import Outcome, Verdict

EXPECT = {"error_rate": "< 0.1 %", "p95": "< 200 ms"}
WITH = {"service": "trading", "over": "250ms", "within": "2s"}


async def scraped(
    world: World, meanwhile: Callable[[], None] = lambda: None, expect: dict[str, str] | None = None, **more: object
) -> Outcome:
    """The outcome of the check, with something happening between the two looks."""
    check = Scrape.model_validate({**WITH, "expect": expect or EXPECT, **more})
    for instance in world.instances:
        instance.answered.clear()
    async with world.estate() as estate:
        observing = asyncio.create_task(check.observe(estate))
        while not observing.done() and not all("/metrics" in one.answered for one in world.instances):
            await asyncio.sleep(0.005)
        meanwhile()
        return await observing


def found(outcome: Outcome) -> dict[str, float]:
    """Measurement → value."""
    return {one.name: float(one.quantity.value) for one in outcome.found if one.quantity}


async def test_good_traffic_passes_whatever_came_before(world: World) -> None:
    """Only what is counted between the two looks is judged: an outage of yesterday is none of now."""
    world.instances[0].count(500, status=500, seconds=2.0)

    def traffic() -> None:
        for instance in world.instances:
            instance.count(100, seconds=0.012)

    outcome = await scraped(
        world, traffic, {**EXPECT, "requests": "= 300", "instances": "= 3", "rate": "> 1 requests/s"}
    )
    assert outcome.verdict is Verdict.PASS, outcome
    assert found(outcome)["error_rate"] == 0
    assert 10 < found(outcome)["p95"] < 15
    assert f"{world.instances[0].address}: 100 requests, 0 of them 5xx, p95 between 10 ms and 15 ms" in outcome.details


async def test_one_bad_instance_of_three_fails(world: World) -> None:
    """Errors of one instance count among the requests of all."""

    def traffic() -> None:
        for instance in world.instances:
            instance.count(100)
        world.instances[1].count(20, status=503)

    outcome = await scraped(world, traffic)
    assert outcome.verdict is Verdict.FAIL
    assert found(outcome)["error_rate"] == pytest.approx(20 / 320 * 100)
    assert outcome.summary.startswith("error_rate 6.25 %")


async def test_slow_requests_fail(world: World) -> None:
    """One in ten takes 300 ms: the 95th percentile lies in that bucket."""

    def traffic() -> None:
        world.instances[0].count(90)
        world.instances[0].count(10, seconds=0.3)

    outcome = await scraped(world, traffic)
    assert outcome.verdict is Verdict.FAIL
    assert found(outcome)["p95"] == pytest.approx(375)  # half way from 250 ms to 500 ms
    assert found(outcome)["p50"] < 15


async def test_no_requests_are_unknown_and_not_0_percent(world: World) -> None:
    """Nothing happened, so nothing was shown."""
    outcome = await scraped(world)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "3 instances counted 0 requests within 0.25s" in outcome.summary
    few = await scraped(world, lambda: world.instances[0].count(9), minimum=10)
    assert few.verdict is Verdict.UNKNOWN
    assert "9 requests" in few.summary


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"broken": {"/metrics": 503}}, "status 503"),
        ({"text": {"/metrics": "<html>hello</html>"}}, "exports no http_requests_total"),
        ({"text": {"/metrics": "http_requests_total many"}}, "is not in Prometheus' text format"),
        ({"text": {"/metrics": 'http_requests_total{code="500"} 9'}}, "http_requests_total has no label 'status'"),
    ],
)
async def test_an_instance_without_metrics_is_unknown(world: World, spoil: dict[str, object], said: str) -> None:
    """Two good instances say nothing about the third."""
    for name, value in spoil.items():
        setattr(world.instances[2], name, value)
    outcome = await scraped(world, lambda: world.instances[0].count(100))
    assert outcome.verdict is Verdict.UNKNOWN
    assert f"no metrics from 1 of 3 instances: {world.instances[2].address}: {said}" in outcome.summary


async def test_an_instance_that_goes_away_in_between_is_unknown(world: World) -> None:
    """The second look wants everyone too."""

    def traffic() -> None:
        world.instances[0].count(100)
        world.instances[2].broken["/metrics"] = 500

    assert (await scraped(world, traffic)).verdict is Verdict.UNKNOWN


async def test_an_instance_that_is_not_there_is_unknown(world: World, nobody: str) -> None:
    """Connection refused is no metric."""
    check = Scrape.model_validate({**WITH, "expect": EXPECT})
    async with world.estate(also=[nobody]) as estate:
        outcome = await check.observe(estate)
    assert outcome.verdict is Verdict.UNKNOWN
    assert f"no metrics from 1 of 4 instances: {nobody}: connection refused" in outcome.summary


async def test_an_instance_that_restarted_counts_from_zero(world: World) -> None:
    """Its counters fell: what they show now is new, and the evidence says so."""
    world.instances[0].count(1000, seconds=0.3)

    def restart() -> None:
        world.instances[0].meters = fresh_meters()
        world.instances[0].count(50)

    outcome = await scraped(world, restart, {**EXPECT, "requests": "= 50"})
    assert outcome.verdict is Verdict.PASS, outcome
    assert outcome.details[0].endswith("restarted meanwhile")


async def test_since_the_start_everything_counts(world: World) -> None:
    """At the end of the launch all that the processes ever answered is judged, in one look."""
    world.instances[0].count(999)
    world.instances[1].count(1, status=500)
    outcome = await scraped(world, expect={"error_rate": "<= 0.1 %", "rate": "> 0 requests/s"}, since="start")
    assert outcome.verdict is Verdict.PASS, outcome
    assert found(outcome)["requests"] == 1000
    assert world.instances[0].answered["/metrics"] == 1
    world.instances[2].count(1, status=502)
    assert (await scraped(world, since="start")).verdict is Verdict.FAIL


async def test_a_quantile_beyond_the_last_bucket_shows_no_pass(world: World) -> None:
    """The histogram ends at 2.5 s: slower than 200 ms is certain, faster than 60 s is not."""
    world.instances[0].count(10, seconds=30.0)
    assert (await scraped(world, since="start")).verdict is Verdict.FAIL
    outcome = await scraped(world, expect={"p95": "< 60 s"}, since="start")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "p95 is above the last finite bucket" in outcome.summary


async def test_metrics_by_other_names(world: World) -> None:
    """What a counter is called is the service's business; without a histogram, p95 is not measured."""
    world.instances[0].text["/metrics"] = 'hits_total{code="200",pod="a"} 99\nhits_total{code="500",pod="b"} 9\n'
    for instance in world.instances[1:]:
        instance.text["/metrics"] = "# TYPE hits_total counter\n"
    names = {"requests": "hits_total", "status": "code", "labels": {"pod": "a"}}
    only_errors = await scraped(world, expect={"error_rate": "= 0 %"}, since="start", **names)
    assert only_errors.verdict is Verdict.PASS, only_errors
    outcome = await scraped(world, since="start", **names)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "not measured: p95" in outcome.summary


async def test_a_scrape_never_raises_and_waits_for_nobody(world: World, nobody: str) -> None:
    """The watch's way in: those that answered in time by address, the others missing with the reason."""
    world.instances[0].count(3)
    world.instances[1].delay = 1.0
    addresses = [*(instance.address for instance in world.instances), nobody]
    async with httpx.AsyncClient(trust_env=False) as client:
        seen = await scrape(client, addresses, "/metrics", 0.3)
    assert set(seen) == {world.instances[0].address, world.instances[2].address}
    assert seen[world.instances[0].address].requests == 3
    assert dict(seen.missing) == {world.instances[1].address: "no answer within 0.3s", nobody: "connection refused"}
