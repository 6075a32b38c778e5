"""What a sample of the watch counts, and when it says that it could not."""

import pytest

from tasks.estate import Estate
from tasks.old_version import old_version
from tasks.sampler import Sampler
from tests.tasks.over_http.conftest import World
from tests.tasks.over_http.sampling_watch import begun, watching
from tests.tasks.over_http.tiny_service import Tiny, fresh_meters
from tminus.watch_tests import WatchTests

# As in the shipped book, but for the time that an instance has to answer, which a busy machine may need.


@pytest.mark.long
async def test_an_instance_that_misses_every_second_sample_hides_nothing(world: World, estate: Estate) -> None:
    """Every request to c fails, and c is read half of the time: the release breaches all the same."""
    a, b, c = world.instances
    spec = watching()
    old = await old_version(estate, spec)
    sampler, tests = Sampler(estate, spec, spec.limits(), old), WatchTests(spec.limits(), old)
    await sampler.sample()
    for number in range(41):
        for instance in (a, b):
            instance.count(10)
        c.count(10, status=500)
        c.broken = {} if number % 2 else {"/metrics": 503}
        sample = await sampler.sample()
        assert sample.missing == (number % 2 == 0)
        verdict = tests.feed([sample])
    assert (tests.requests, tests.failed) == (30 * 41 - 10, 10 * 40)  # c's last ten are not read yet
    assert verdict.breaches
    assert not verdict.old_is_bad


async def test_an_instance_that_crashes_again_and_again_is_counted_each_time(world: World, estate: Estate) -> None:
    """Its counters begin at zero whenever it can be read: what they show is new."""
    sampler = await begun(estate)
    c = world.instances[2]
    failed = 0
    for number in range(8):
        c.broken = {} if number % 2 else {"/metrics": 503}
        if number % 2:
            c.meters = fresh_meters()
            c.count(9 - number, status=500)  # 8, 6, 4, 2: each time fewer than before
        failed += (await sampler.sample()).failed
    assert failed == 20


async def test_an_instance_first_read_late_is_counted_from_there(world: World, estate: Estate) -> None:
    """What it counted before anybody watched is none of the watch's."""
    c = world.instances[2]
    c.count(1000, status=500)
    c.broken["/metrics"] = 503
    sampler = await begun(estate)
    c.broken.clear()
    assert (await sampler.sample()).requests == 0
    c.count(3)
    assert (await sampler.sample()).requests == 3


async def test_an_instance_started_during_the_watch_is_counted_from_its_start(world: World, estate: Estate) -> None:
    """It was not there when the watch began, so all that it counts is new."""
    c = world.instances[2]
    c.broken["/metrics"] = 503
    sampler = await begun(estate)
    c.broken.clear()
    c.text["/metrics"] = f'http_requests_total{{status="500"}} 7\n{histogram(0.2)}process_start_time_seconds 9e9\n'
    assert (await sampler.sample()).failed == 7


def histogram(*bounds: float, count: int = 7) -> str:
    """A histogram of so many quick requests."""
    lines = [f'http_request_duration_seconds_bucket{{le="{bound}"}} {count}\n' for bound in (0.01, *bounds, "+Inf")]
    return "".join(lines)


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        (f'http_requests_total{{code="500"}} 1000\n{histogram(0.2)}', "has no label 'status' (its labels: code)"),
        (f'http_requests_total{{status="bad"}} 1000\n{histogram(0.2)}', "status='bad', which is no HTTP status"),
        ('http_requests_total{status="200"} 1000\n', "exports no histogram http_request_duration_seconds"),
        (
            f'http_requests_total{{status="200"}} 1000\n{histogram(0.1, 0.5)}',
            "no bucket of http_request_duration_seconds ends at the p95 limit, 200 ms",
        ),
        (
            f'http_requests_total{{status="200"}} 1000\n{histogram(0.1)}',
            "choose a limit among 10, 100 ms, or add a bucket",
        ),
        ('hits_total{status="200"} 1000\n# TYPE hits_total counter\n', "exports no http_requests_total"),
    ],
)
async def test_what_is_not_measured_is_missing_and_not_zero(
    world: World, estate: Estate, metrics: str, said: str
) -> None:
    """No label, no status, no histogram, no bucket at the limit, no counter: each says what to do."""
    for instance in world.instances:
        instance.text["/metrics"] = metrics
    sampler = await begun(estate)
    sample = await sampler.sample()
    assert sample.missing
    assert said in sample.why_missing
    assert sample.why_missing.startswith(", ".join(one.address for one in world.instances) + ": ")


async def test_failures_count_where_durations_are_not_measured(world: World, estate: Estate) -> None:
    """Without a bucket at the limit there is no verdict, but what fails is seen to fail."""
    c = world.instances[2]
    c.text["/metrics"] = f'http_requests_total{{status="500"}} 7\n{histogram(0.1)}'
    sampler = await begun(estate)
    c.text["/metrics"] = f'http_requests_total{{status="500"}} 9\n{histogram(0.1, count=9)}'
    sample = await sampler.sample()
    assert (sample.missing, sample.failed) == (True, 2)


async def test_no_errors_yet_and_no_request_yet_are_measured(world: World, estate: Estate) -> None:
    """Only 200s; a counter declared without series; one that its client declares from the first request on only."""
    a, b, c = world.instances
    a.text["/metrics"] = f'http_requests_total{{status="200"}} 7\n{histogram(0.015, 0.2)}'
    b.text["/metrics"] = "# TYPE http_requests_total counter\n"
    c.text["/metrics"] = "# TYPE go_goroutines gauge\ngo_goroutines 7\n"
    sampler = await begun(estate)
    a.text["/metrics"] = f'http_requests_total{{status="200"}} 9\n{histogram(0.015, 0.2, count=9)}'
    sample = await sampler.sample()
    assert not sample.missing, sample.why_missing
    assert (sample.requests, sample.failed, sample.slow) == (2, 0, 0)


async def test_metrics_by_other_names(world: World, estate: Estate, old: Tiny) -> None:
    """The watch takes the same names as the scrape, for both versions."""

    def text(good: int, bad: int) -> str:
        counters = f'hits{{code="200",pod="a"}} {good}\nhits{{code="500",pod="a"}} {bad}\nhits{{pod="b"}} 900\n'
        buckets = histogram(0.2, count=good + bad).replace("http_request_duration_seconds", "took")
        return counters + buckets.replace("{le", '{pod="a",le')

    for instance in (*world.instances, old):
        instance.text["/metrics"] = text(40, 10)
    spec = watching(requests="hits", duration="took", status="code", labels={"pod": "a"})
    before = await old_version(estate, spec)
    assert (before.requests, before.failed, before.slower_than) == (50, 10, 0.01)
    sampler = await begun(estate, spec)
    for instance in world.instances:
        instance.text["/metrics"] = text(41, 12)
    sample = await sampler.sample()
    assert not sample.missing, sample.why_missing
    assert (sample.requests, sample.failed) == (9, 6)


async def test_versions_with_other_buckets_are_compared_at_one_that_both_have(
    world: World, estate: Estate, old: Tiny
) -> None:
    """The old p95 lay up to 15 ms; the new version knows no 15 ms, and 200 ms is the next that both know."""
    old.count(200, seconds=0.012)
    assert (await old_version(estate, watching())).slower_than == 0.015
    for instance in world.instances:
        instance.text["/metrics"] = f'http_requests_total{{status="200"}} 7\n{histogram(0.2)}'
    assert (await old_version(estate, watching())).slower_than == 0.2
    assert not (await (await begun(estate)).sample()).missing


async def test_the_last_bad_answer_is_seen_although_an_instance_is_gone(
    world: World, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are looked at until nothing goes wrong any more."""
    monkeypatch.setattr("tasks.sampler._FINE", 0.4)
    monkeypatch.setattr("tasks.sampler._QUIET", 0.3)
    sampler = await begun(estate)
    world.instances[2].broken["/metrics"] = 503
    world.instances[0].count(1, status=500)
    assert await sampler.last_bad() is not None
    for instance in world.instances:
        instance.broken["/metrics"] = 503
    assert await sampler.last_bad() is None
