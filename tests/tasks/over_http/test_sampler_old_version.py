"""How the old version fares beside the new one, as a sample of the watch tells it."""

import pytest

from tasks.estate import Estate
from tasks.old_version import old_version
from tasks.sampler import BURST, Sampler
from tests.tasks.over_http.conftest import World
from tests.tasks.over_http.sampling_watch import begun, watching
from tests.tasks.over_http.tiny_service import Tiny
from tminus.watch_tests import OldVersion, WatchTests


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
