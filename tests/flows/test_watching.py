"""The watch over a new version, on two tiny services that count what they answered."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.flows.conftest import Setting
from tests.flows.ledgers import Matches, ended, intended, of
from tests.flows.stage import Stage, action, check, forward_after_rollback, watch
from tests.flows.world import Crash
from tests.tasks.over_http.tiny_service import Tiny, serving
from tminus import events as ev
from tminus.outcome import Verdict


@pytest.fixture(scope="module")
def two_services() -> Iterator[tuple[Tiny, Tiny]]:
    """The new version and the old one, for all tests here."""
    new, old = Tiny(), Tiny()
    with ExitStack() as stack:
        for one in (new, old):
            one.address = stack.enter_context(serving(one.app()))
        yield new, old


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples are written down soon, and the last bad answer is not waited for long."""
    monkeypatch.setattr("flows.watching._BATCH", timedelta(milliseconds=100))
    monkeypatch.setattr("tasks.checks.watch._QUIET", 0.2)
    monkeypatch.setattr("flows.rolling_back._AFTERMATH", 0.5)


@pytest.fixture
def services(two_services: tuple[Tiny, Tiny]) -> tuple[Tiny, Tiny]:
    """Both as new; the old one has answered well for a while."""
    new, old = two_services
    new.heal()
    old.heal()
    old.count(500)
    return new, old


@pytest.fixture
def new(services: tuple[Tiny, Tiny]) -> Tiny:
    """The new version."""
    return services[0]


@pytest.fixture
def old(services: tuple[Tiny, Tiny]) -> Tiny:
    """The old version."""
    return services[1]


def section(folder: Path, new: Tiny, old: Tiny) -> dict[str, JsonValue]:
    """The `services` of an environment whose nginx passes everything to the new version."""
    config = folder / "nginx.conf"
    config.write_text(f"events {{}}\nhttp {{ upstream trading {{ server {new.address}; }} }}\n", "utf-8")
    words: JsonValue = {"argv": ["true"]}
    return {
        "trading": {
            "front": f"http://{new.address}",
            "nginx": {
                "config": str(config),
                "upstream": "trading",
                "include": str(config),
                "reload": words,
                "pools": {"blue": [old.address], "green": [new.address]},
            },
            "roll_out": {"run": words, "probe": words, "undo": words},
            "control": "/ready",
        }
    }


@pytest.fixture
def stage(set_stage: Setting, tmp_path: Path, services: tuple[Tiny, Tiny]) -> Stage:
    """The watch lasts 1.5 s."""
    return set_stage(book("30h"), services=section(tmp_path, *services))


@pytest.fixture
def long(set_stage: Setting, tmp_path: Path, services: tuple[Tiny, Tiny]) -> Stage:
    """The watch lasts 10 s, so that a verdict is its own and not its end's, also on a busy machine."""
    return set_stage(book("200h"), services=section(tmp_path, *services))


def book(lasts: str) -> dict[str, list[dict[str, JsonValue]]]:
    """One change, the watch over it, and a check that proves the way back."""
    return {
        "T-0": [action("switch"), watch("watch", **{"for": lasts}), check("serves", proves=True)],
        "T+4h": [check("after")],
    }


@asynccontextmanager
async def traffic(new: Tiny, status: int = 200, seconds: float = 0.01) -> AsyncIterator[None]:
    """Customers, 500 requests a second."""

    async def flow() -> None:
        while True:
            new.count(5, status=status, seconds=seconds)
            await asyncio.sleep(0.01)

    flowing = asyncio.create_task(flow())
    try:
        yield
    finally:
        flowing.cancel()
        with suppress(asyncio.CancelledError):
            await flowing


def decided(stage: Stage) -> str:
    """The watch's verdict."""
    found = stage.record.watch_decided
    return found.verdict if found else ""


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
    assert "failed requests" in record.watch_decided.why
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
    assert len(stage.events(ev.WatchBegan)) == 2


async def test_an_unreadable_load_balancer_is_no_data(stage: Stage, new: Tiny) -> None:
    """Where it is not known what serves, nothing is judged."""
    (stage.folder / "nginx.conf").unlink()
    running = stage.begin("T-0")
    await stage.held("watch")
    assert decided(stage) == "no data"
    stage.order("rollback")
    await running


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


async def test_a_new_conductor_replays_the_samples_and_goes_on(stage: Stage, new: Tiny) -> None:
    """One watch, one baseline, one end; what was counted before the crash counts."""
    async with traffic(new):
        running = stage.begin("T-0")
        await stage.until(lambda record: len(record.samples) >= 4)
        before = len(stage.record.samples)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await stage.run("T-0")
    record = stage.record
    assert len(stage.events(ev.WatchBegan)) == 1
    assert len(record.samples) > before
    assert record.watch_decided is not None
    assert f"of {sum(one.requests for one in record.samples)} requests" in record.watch_decided.why
    assert decided(stage) == "good"
    assert stage.thing("switch").effects == 1


@pytest.mark.parametrize("moment", ["before the verdict", "after the verdict"])
async def test_a_crash_at_the_verdict_does_not_give_a_bad_release_a_second_watch(
    stage: Stage, new: Tiny, moment: str
) -> None:
    """Whatever was written down of a breach is enough: the next conductor goes back."""
    if moment == "before the verdict":
        stage.store.before = of(ev.WatchDecided)
    else:
        stage.store.after = of(ev.WatchDecided)
    async with traffic(new, status=500):
        with pytest.raises(Crash):
            await stage.run("T-0")
        if moment == "after the verdict":
            new.heal()  # even if it looks well by now
        await stage.run("T-0")
    assert stage.world.did == ["switch", "undo switch"]
    assert len(stage.events(ev.WatchBegan)) == 1
    assert len(stage.events(ev.WatchDecided)) == 1


async def test_an_outcome_and_its_verdict_are_one_write(stage: Stage, new: Tiny) -> None:
    """No crash can part them."""
    stage.store.before = ended("watch")
    async with traffic(new):
        with pytest.raises(Crash):
            await stage.run("T-0")
        assert decided(stage) == ""
        await stage.run("T-0")
    assert decided(stage) == "good"


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


def silent_from(stage: Stage, silence: str, when: Matches) -> None:
    """Once this event is written, the ledger refuses every word, or whoever asks waits for ever."""

    def seen(event: ev.Event) -> bool:
        if when(event):
            stage.store.down = silence == "down"
            if silence == "hanging":
                stage.store.answer.clear()
        return False

    stage.store.after = seen


@pytest.mark.parametrize("silence", ["down", "hanging"])
@pytest.mark.parametrize("since", [intended("switch"), of(ev.WatchBegan)], ids=["before the switch", "in the watch"])
async def test_a_silent_ledger_does_not_stop_the_watch(long: Stage, new: Tiny, silence: str, since: Matches) -> None:
    """A new version that took the traffic is watched, and a breach goes back; all of it is told when it is back."""
    silent_from(long, silence, since)
    async with traffic(new):
        running = long.begin("T-0")
        async with asyncio.timeout(5):
            while long.world.did != ["switch"]:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
    async with traffic(new, status=500), asyncio.timeout(8):
        while long.world.did != ["switch", "undo switch"]:
            await asyncio.sleep(0.01)
    long.store.after = None
    long.store.down = False
    long.store.answer.set()
    await asyncio.wait_for(running, 5)
    record = long.record
    assert decided(long) == "breach"
    assert len(long.events(ev.WatchDecided)) == 1
    assert len({one.at for one in record.samples}) == len(record.samples)
    assert record.closed is not None
    assert record.closed.result == "rolled back"
