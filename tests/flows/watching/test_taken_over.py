"""A watch that loses its conductor, or its ledger, on the way."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from tests.flows.ledgers import Matches, ended, intended, of
from tests.flows.stage import Stage
from tests.flows.watching.scene import decided, traffic
from tests.flows.world import Crash
from tests.sampling import few
from tests.tasks.over_http.tiny_service import Tiny
from tminus import events as ev
from tminus.clock import now
from tminus.watched_time import WatchedTime


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


async def test_time_in_which_nobody_watched_does_not_count(stage: Stage, new: Tiny) -> None:
    """The watch would have been over when a new conductor comes: it is watched for what was left of it all the same."""
    async with traffic(new):
        running = stage.begin("T-0")
        record = await stage.until(lambda record: len(record.samples) >= 4)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert record.watch is not None
        await asyncio.sleep((record.watch.until - now()).total_seconds() + 0.2)
        await stage.run("T-0")
    record = stage.record
    assert record.watch is not None
    assert record.watch_decided is not None
    blind = max(later.at - one.at for one, later in pairwise(record.samples))
    assert blind > timedelta(seconds=0.6)
    assert decided(stage) == "good"
    time = WatchedTime(record.watch.at, record.watch.until, timedelta(seconds=0.5))  # ten intervals of 50 ms
    time.feed(record.samples)
    assert time.until >= record.watch.until + blind - timedelta(seconds=0.5)
    assert record.samples[-2].at < time.until <= record.watch_decided.decided_on


@pytest.mark.parametrize("moment", few(["before the verdict", "after the verdict"], "after the verdict"))
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


def silent_from(stage: Stage, silence: str, when: Matches) -> None:
    """Once this event is written, the ledger refuses every word, or whoever asks waits for ever."""

    def seen(event: ev.Event) -> bool:
        if when(event):
            stage.store.down = silence == "down"
            if silence == "hanging":
                stage.store.answer.clear()
        return False

    stage.store.after = seen


@pytest.mark.parametrize("silence", few(["down", "hanging"], "hanging"))
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
