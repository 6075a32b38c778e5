"""The watch's verdicts, and what follows from them."""

import asyncio

import pytest

from tests.flows.stage import Stage, forward_after_rollback
from tests.flows.watching.scene import decided, traffic
from tests.tasks.over_http.tiny_service import Tiny
from tminus import events as ev
from tminus.outcome import Verdict


async def test_a_good_release_is_watched_to_the_end_and_passes(stage: Stage, new: Tiny) -> None:
    """Every sample is in the ledger, and the verdict counts the requests."""
    async with traffic(new):
        await stage.run("T-0")
    assert decided(stage) == "good"
    assert stage.verdict("watch") is Verdict.PASS
    record = stage.record
    assert record.watch_decided is not None
    assert record.watch is not None
    assert record.watch_decided.decided_on >= record.watch.until
    assert f"0 of {sum(one.requests for one in record.samples)} requests failed" in record.watch_decided.why


async def test_a_bad_release_goes_back_before_the_watch_is_over(stage: Stage, new: Tiny) -> None:
    """Why, since when, and by which sample stand in the ledger; the way back begins right after."""
    async with traffic(new, status=500):
        await stage.run("T-0")
    record = stage.record
    assert decided(stage) == "breach"
    assert stage.world.did == ["switch", "undo switch"]
    assert record.watch_decided is not None
    assert record.watch_decided.onset is not None
    assert "requests failed" in record.watch_decided.why
    assert record.rollback is not None
    assert record.rollback.why == record.watch_decided.why
    assert record.closed is not None
    assert record.closed.result == "rolled back"
    assert not forward_after_rollback(record)
    assert any(one.source == "watch" for one in record.follow_ups)


async def test_both_versions_bad_holds_and_does_not_go_back(stage: Stage, new: Tiny, old: Tiny) -> None:
    """The cause lies outside the release: going back would help nobody."""
    old.broken["/ready"] = 500
    async with traffic(new, status=500):
        running = stage.begin("T-0")
        record = await stage.held("watch")
        assert decided(stage) == "outside cause"
        assert record.rollback is None
        stage.order("waive", step="watch", reason="the exchange is down")
        await running
    assert stage.world.did == ["switch"]


async def test_no_metrics_holds_and_does_not_go_back(stage: Stage, new: Tiny) -> None:
    """Missing data is neither good nor bad."""
    new.broken["/metrics"] = 503
    running = stage.begin("T-0")
    record = await stage.held("watch")
    assert decided(stage) == "no data"
    assert "could not be taken" in (record.step("watch").outcome or record.holds[-1]).model_dump_json()
    assert record.rollback is None
    new.heal()
    async with traffic(new):
        stage.order("retry", step="watch")
        await running
    assert decided(stage) == "good"
    first, second = stage.events(ev.WatchBegan)
    assert second.baseline == first.baseline


async def test_traffic_switched_back_by_hand_is_no_good_news(stage: Stage, new: Tiny, old: Tiny) -> None:
    """On-call pointed nginx at the old pool: what answers well now is not the version that is watched."""
    async with traffic(new), traffic(old):
        running = stage.begin("T-0")
        await stage.until(lambda record: record.watch)
        config = stage.folder / "nginx.conf"
        config.write_text(config.read_text("utf-8").replace(str(new.address), str(old.address)), "utf-8")
        record = await stage.held("watch")
        assert decided(stage) == "no data"
        assert record.watch_decided is not None
        assert "pool blue, no longer to green" in record.watch_decided.why
        stage.order("rollback")
        await running
    assert stage.world.did == ["switch", "undo switch"]


async def test_errors_that_nobody_can_tell_are_no_good_news(stage: Stage, new: Tiny) -> None:
    """A counter without the status label would show 0 % for ever: it is no data, and says what to do."""
    new.text["/metrics"] = 'http_requests_total{code="500"} 1000\n'
    running = stage.begin("T-0")
    record = await stage.held("watch")
    assert decided(stage) == "no data"
    assert record.watch_decided is not None
    assert "http_requests_total has no label 'status'" in record.watch_decided.why
    stage.order("rollback")
    await running


async def test_a_breach_that_nobody_else_could_be_asked_about_stands(
    long: Stage, new: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No idle instance is known when the burst comes: it goes back, and the verdict says so."""
    service = long.frozen.environment.services["trading"]
    pools = {"blue": (new.address,), "green": (new.address,)}
    nginx = service.nginx.model_copy(update={"pools": pools})
    services = {"trading": service.model_copy(update={"nginx": nginx})}
    monkeypatch.setitem(long.frozen.environment.__dict__, "services", services)
    async with traffic(new, status=500):
        await long.run("T-0")
    assert decided(long) == "breach"
    assert long.world.did == ["switch", "undo switch"]
    found = long.record.watch_decided
    assert found is not None
    assert "the old version could not be asked" in found.why


async def test_an_unreadable_load_balancer_is_no_data(stage: Stage, new: Tiny) -> None:
    """Where it is not known what serves, nothing is judged."""
    (stage.folder / "nginx.conf").unlink()
    running = stage.begin("T-0")
    await stage.held("watch")
    assert decided(stage) == "no data"
    stage.order("rollback")
    await running


@pytest.mark.long
async def test_too_few_requests_are_no_verdict(stage: Stage, new: Tiny) -> None:
    """A quiet night proves nothing, however well it went."""
    running = stage.begin("T-0")
    await asyncio.sleep(0.2)
    new.count(10)
    await stage.held("watch")
    assert decided(stage) == "no data"
    record = stage.record
    assert record.watch_decided is not None
    assert "fewer than the 50" in record.watch_decided.why
    stage.order("rollback")
    await running


async def test_a_hold_does_not_stop_the_watch_and_a_breach_still_goes_back(stage: Stage, new: Tiny) -> None:
    """Held means that nothing new begins; the old version comes back all the same."""
    async with traffic(new):
        running = stage.begin("T-0")
        await stage.until(lambda record: record.watch)
        stage.order("hold", reason="let me look")
        await asyncio.sleep(0.1)
    async with traffic(new, status=500):
        await running
    assert decided(stage) == "breach"
    assert stage.world.did == ["switch", "undo switch"]


@pytest.mark.parametrize("order", ["rollback", "scrub"])
async def test_an_order_during_the_watch_turns_back_at_the_next_sample(
    stage: Stage, new: Tiny, order: ev.Order
) -> None:
    """Both take the change back, and what was sampled until then is kept."""
    async with traffic(new):
        running = stage.begin("T-0")
        await stage.until(lambda record: record.watch)
        await asyncio.sleep(0.2)
        stage.order(order, reason="a customer called")
        await running
    record = stage.record
    assert stage.world.did == ["switch", "undo switch"]
    assert record.watch_decided is None
    assert record.samples
    assert record.rollback is not None
    assert (record.rollback.by, record.rollback.why) == ("devops", "a customer called")
