"""What a sample of the watch counts, and when it says that it could not."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tasks.checks.watch import ReleaseWatch
from tasks.estate import Estate
from tasks.old_version import old_version
from tasks.sampler import BURST, Sampler
from tests.tasks.over_http.conftest import World
from tests.tasks.over_http.tiny_service import Tiny, fresh_meters, serving
from tminus.watch_tests import OldVersion, WatchTests

# As in the shipped book, but for the time that an instance has to answer, which a busy machine may need.
SPEC = {"service": "trading", "for": "2h", "every": "5s", "expect": {"error_rate": "< 0.1 %", "p95": "< 200 ms"}}


def watching(**more: object) -> ReleaseWatch:
    """The watch, with some of its parameters changed."""
    return ReleaseWatch.model_validate({**SPEC, **more})


@pytest.fixture(scope="module")
def old_service() -> Iterator[Tiny]:
    """The instance that serves nobody."""
    old = Tiny()
    with serving(old.app()) as old.address:
        yield old


@pytest.fixture
def old(old_service: Tiny) -> Tiny:
    """It has answered well for a while."""
    old_service.heal()
    old_service.count(500)
    return old_service


@pytest_asyncio.fixture
async def estate(world: World, old: Tiny) -> AsyncIterator[Estate]:
    """Three instances serve, and one is idle."""
    async with world.estate(idle=[old.address], control="/ready") as estate:
        yield estate


async def begun(estate: Estate, spec: ReleaseWatch | None = None) -> Sampler:
    """A sampler that has seen everything once."""
    spec = spec or watching()
    sampler = Sampler(estate, spec, spec.limits(), await old_version(estate, spec))
    await sampler.sample()
    return sampler


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


async def test_the_old_version_is_probed(estate: Estate, old: Tiny) -> None:
    """Failed is what it answers with 5xx; a path that is not there is an answer all the same."""
    sampler = await begun(estate)
    sample = await sampler.sample()
    assert (sample.probes, sample.probes_failed) == (6, 0)
    old.broken["/ready"] = 404
    assert (await sampler.sample()).probes_failed == 0
    old.broken["/ready"] = 500
    assert (await sampler.burst()).probes_failed == BURST


async def test_probes_slower_than_before_are_counted(estate: Estate, old: Tiny) -> None:
    """Within the absolute limit, and slower than the old version's p95 and than any probe before."""
    sampler = await begun(estate)
    old.delay = 0.1
    sample = await sampler.sample()
    assert (sample.probes_slow, sample.probes_slower_than_before) == (0, 6)
    old.delay = 0.25
    sample = await sampler.sample()
    assert (sample.probes_slow, sample.probes_slower_than_before) == (6, 6)


async def test_the_way_to_the_old_version_is_not_held_against_it(estate: Estate, old: Tiny) -> None:
    """Probes always took longer than the old version's own p95 of 10 ms: that they still do excuses no release."""
    old.delay = 0.1
    spec = watching()
    before = await old_version(estate, spec)
    assert before.slower_than == 0.01
    assert before.probe_slowest > 0.1
    sampler = Sampler(estate, spec, spec.limits(), before)
    old.delay = 0.02
    assert (await sampler.sample()).probes_slower_than_before == 0


async def test_a_load_balancer_that_cannot_be_read_does_not_hide_the_old_version(
    world: World, estate: Estate, old: Tiny
) -> None:
    """Those that were idle at the last look are asked; where none are known, nobody is, and nothing raises."""
    sampler = await begun(estate)
    old.broken["/ready"] = 500
    (world.folder / "nginx.conf").unlink()
    burst = await sampler.burst()
    assert (burst.probes, burst.probes_failed) == (BURST, BURST)
    assert (await sampler.sample()).missing
    fresh = Sampler(estate, watching(), watching().limits(), OldVersion())
    assert (await fresh.burst()).probes == 0


async def test_an_empty_idle_pool_is_said(world: World) -> None:
    """Nobody to ask, nothing to compare with: both stand after the verdict."""
    spec = watching()
    async with world.estate(idle=[world.instances[0].address], control="/ready") as estate:
        old = await old_version(estate, spec)
        sampler, tests = await begun(estate, spec), WatchTests(spec.limits(), old)
        tests.feed([await sampler.sample(), await sampler.burst()])
    assert old == OldVersion()
    assert "the old version could not be asked" in tests.caveats
    assert "not compared with the old version" in tests.caveats


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


@pytest.mark.long
async def test_an_old_version_that_hangs_holds_up_no_verdict(
    estate: Estate, old: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was asked and did not answer has failed; the burst does not wait for fifty of them in turn."""
    monkeypatch.setattr("tasks.sampler._BURST_WITHIN", 0.1)
    sampler = await begun(estate)
    old.delay = 30
    burst = await sampler.burst()
    assert 0 < burst.probes_failed == burst.probes < BURST
    assert burst.probes_slow == burst.probes


@pytest.mark.long
async def test_a_healthy_version_that_takes_its_time_has_not_failed(
    estate: Estate, old: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The burst is cut off within a round: who was asked a moment ago, and could still answer, is left out."""
    monkeypatch.setattr("tasks.sampler._BURST_WITHIN", 0.1)
    sampler = await begun(estate)
    old.delay = 0.15
    burst = await sampler.burst()
    assert 4 <= burst.probes < BURST
    assert burst.probes_failed == 0
