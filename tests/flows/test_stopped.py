"""A run that somebody stopped in Prefect, found by whichever run takes over: held once, and only where it may be."""

import pytest
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Failed, Running, Suspended

from flows import stopped
from flows.conductor import Conductor
from flows.phase import conduct
from flows.stopped import hold_as_stopped, hold_of, hold_what_was_stopped
from flows.turns import Stopped
from tests.flows.fake_prefect import FakePrefect
from tests.flows.stage import Stage
from tminus import events as ev


@pytest.fixture
def prefect(monkeypatch: pytest.MonkeyPatch) -> FakePrefect:
    """Stands in for Prefect."""
    fake = FakePrefect()
    monkeypatch.setattr(stopped, "run_state", fake.run_state)
    return fake


async def began(stage: Stage, run: str) -> Conductor:
    """A conductor under this run, which has begun."""
    conductor = stage.conductor()
    conductor.run = run
    await conductor.write(ev.PhaseStarted(phase="T-15m", holder="somebody", token=conductor.token, run=run))
    return conductor


def successor(stage: Stage, run: str) -> Conductor:
    """Whoever takes over, and has not begun."""
    conductor = stage.conductor()
    conductor.run = run
    return conductor


@pytest.mark.parametrize("state", [Cancelled(), Cancelling(), Suspended()], ids=lambda one: str(one.name))
async def test_whoever_takes_over_holds(stage: Stage, prefect: FakePrefect, state: State[None]) -> None:
    """Once, by the name of the run that was stopped; whether a worker has ended it by then, or not."""
    await began(stage, "first")
    prefect.states["first"] = state
    for _ in range(2):
        await hold_what_was_stopped(successor(stage, "second"))
    (held,) = stage.events(ev.Held)
    assert held.why.startswith("T-15m was ")
    assert "in Prefect (run first)" in held.why
    stage.order("recycle")
    assert stage.record.held == held


async def test_the_watchdog_and_whoever_takes_over_hold_once(stage: Stage, prefect: FakePrefect) -> None:
    """Both find it in the same moment: what the one has not read yet keeps it from saying it again."""
    await began(stage, "first")
    prefect.states["first"] = Cancelled()
    conductor = successor(stage, "second")
    hold = hold_of(stage.people.refresh(), "T-15m", "cancelled", "first")
    assert hold is not None
    stage.people.write(hold)
    await hold_what_was_stopped(conductor)
    assert len(stage.events(ev.Held)) == 1


@pytest.mark.parametrize(
    "state", [Completed(), Crashed(), Failed(), Running(), None], ids=lambda one: one.name if one else "unknown"
)
async def test_a_run_that_was_lost_is_no_hold(stage: Stage, prefect: FakePrefect, state: State[None] | None) -> None:
    """Nobody meant it: the next one goes on."""
    await began(stage, "first")
    prefect.states["first"] = state
    await hold_what_was_stopped(successor(stage, "second"))
    assert stage.events(ev.Held) == []


async def test_its_own_run_and_what_has_none_stop_nothing(stage: Stage, prefect: FakePrefect) -> None:
    """A suspended run that was resumed goes on as itself; by hand nothing of Prefect is asked."""
    await began(stage, "first")
    prefect.states["first"] = Suspended()
    await hold_what_was_stopped(successor(stage, "first"))
    await hold_what_was_stopped(stage.conductor())
    assert stage.events(ev.Held) == []


async def test_what_is_stopped_again_is_held_again(stage: Stage, prefect: FakePrefect) -> None:
    """Resumed in Prefect it conducts again, and that it may be stopped once more is no news of before."""
    for _ in range(2):
        await hold_as_stopped(await began(stage, "first"), "T-15m", "suspended")
    assert len(stage.events(ev.Held)) == 2


async def test_the_way_back_is_held_by_nothing(stage: Stage, prefect: FakePrefect) -> None:
    """Nor is the end of a launch that people scrubbed."""
    conductor = await began(stage, "first")
    stage.order("scrub")
    await conductor.refresh()
    prefect.states["first"] = Cancelled()
    await hold_what_was_stopped(successor(stage, "second"))
    await hold_as_stopped(conductor, "T-15m", "cancelled")
    assert stage.events(ev.Held) == []


async def test_a_run_that_was_stopped_before_its_turn_holds_too(
    stage: Stage, prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waited for another conductor, and was suspended meanwhile: it begins nothing; on the way back it does."""
    conductor = successor(stage, "second")

    async def suspended() -> None:
        raise Stopped("suspended")

    monkeypatch.setattr(conductor.shown, "refuse_stopped", suspended)
    with pytest.raises(Stopped) as raised:
        await conduct(conductor, "T-0")
    await hold_as_stopped(conductor, "T-0", raised.value.how)
    assert [one.why.partition(";")[0] for one in stage.events(ev.Held)] == ["T-0 was suspended in Prefect (run second)"]
    assert stage.events(ev.PhaseStarted) == []
    stage.order("scrub")
    await conductor.refresh()
    await hold_what_was_stopped(conductor)
