"""The watchdog: a launch that lost its conductor gets one, once; what people stopped in Prefect stays stopped."""

from datetime import timedelta

import pytest
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Crashed, Pending, Running, Scheduled

from flows import watchdog
from flows.watchdog import Watchdog
from tests.flows.conftest import Setting
from tests.flows.fake_prefect import FakePrefect, lost
from tests.flows.ledgers import of
from tests.flows.stage import Stage
from tests.flows.staged_book import ENVIRONMENT, LAUNCH, check
from tests.flows.world import Crash
from tminus import events as ev
from tminus.clock import now


async def test_a_launch_with_a_conductor_is_left_alone(stage: Stage, prefect: FakePrefect) -> None:
    """Its lease is held by a process that lives."""
    stage.conductor()
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == []


async def test_a_run_that_is_still_to_come_is_waited_for(stage: Stage, prefect: FakePrefect) -> None:
    """It was asked for, it is due, and a worker takes a moment."""
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == []
    assert prefect.asked == []


@pytest.mark.parametrize("state", [Crashed(), Completed(), Running(), Pending(), None])
async def test_a_lost_conductor_is_followed_by_another(
    stage: Stage, prefect: FakePrefect, state: State[None] | None
) -> None:
    """Whatever Prefect believes of the run that is gone: one new run, for the phase that is not over."""
    await lost(stage)
    prefect.states["run-1"] = state
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == [LAUNCH]
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == []
    assert prefect.asked == ["T-4h"]


async def test_a_cancelled_run_is_held_once_and_not_restarted_until_resumed(stage: Stage, prefect: FakePrefect) -> None:
    """Somebody stopped it on purpose: on-call is told once, and only people start it again."""
    await lost(stage)
    prefect.states["run-1"] = Cancelled()
    for _ in range(3):
        assert await Watchdog(stage.store, ENVIRONMENT).look_once() == []
    assert len(stage.events(ev.Held)) == 1
    assert "cancelled in Prefect" in stage.events(ev.Held)[0].why
    stage.order("resume")
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == [LAUNCH]
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == []
    assert prefect.asked == ["T-4h"]


async def test_a_suspended_run_is_held_too(stage: Stage, prefect: FakePrefect) -> None:
    """Suspend in the UI means hold."""
    await lost(stage)
    suspended: State[None] = Scheduled(scheduled_time=now())
    suspended.name = "Suspended"
    prefect.states["run-1"] = suspended
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == []
    assert "suspended in Prefect" in stage.events(ev.Held)[0].why


async def test_a_scrub_of_a_cancelled_run_ends_the_launch(stage: Stage, prefect: FakePrefect) -> None:
    """Held by the cancel, scrubbed by a person: a run is started that closes it, and only one."""
    await lost(stage)
    prefect.states["run-1"] = Cancelled()
    await Watchdog(stage.store, ENVIRONMENT).look_once()
    stage.order("scrub")
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == [LAUNCH]
    await stage.run("T-4h")
    assert stage.record.closed is not None
    assert stage.record.closed.result == "scrubbed"
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == []


async def test_a_scrub_between_two_phases_is_carried_out_by_one_run(stage: Stage, prefect: FakePrefect) -> None:
    """Nobody conducts, and the next phase is hours away."""
    await stage.run("T-4h")
    stage.store.give_lease_back(LAUNCH, stage.conductors[-1].token)
    prefect.states["run-1"] = Completed()
    stage.order("scrub")
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == [LAUNCH]
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == []
    await stage.run(prefect.asked[0])
    assert stage.record.closed is not None
    assert stage.record.closed.result == "scrubbed"


async def test_between_two_phases_nobody_is_missing(stage: Stage, prefect: FakePrefect) -> None:
    """The first phase is over, and the next one's time has not come."""
    await stage.run("T-4h")
    stage.store.give_lease_back(LAUNCH, stage.conductors[-1].token)
    prefect.states["run-1"] = Completed()
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == []


async def test_a_rollback_is_taken_up_even_where_somebody_cancelled_the_run(stage: Stage, prefect: FakePrefect) -> None:
    """The way back is not held by a cancel."""
    stage.store.after = of(ev.StepIntended)
    with pytest.raises(Crash):
        await stage.run("T-0")
    stage.store.give_lease_back(LAUNCH, stage.conductors[-1].token)
    prefect.states["run-2"] = Cancelled()
    stage.order("rollback")
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == [LAUNCH]
    assert prefect.asked == ["T-0"]


async def test_an_end_that_was_not_written_is_written(set_stage: Setting, prefect: FakePrefect) -> None:
    """Every phase is over, and the conductor was lost before the end: somebody is sent to write it."""
    stage = set_stage({"T-4h": [check("a")]})
    await prefect.schedule(stage.people, stage.frozen, stage.frozen.runbook.phases[0], now())
    prefect.asked.clear()
    stage.store.before = of(ev.LaunchClosed)
    with pytest.raises(Crash):
        await stage.run("T-4h")
    stage.store.give_lease_back(LAUNCH, stage.conductors[-1].token)
    prefect.states["run-1"] = Crashed()
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == [LAUNCH]
    await stage.run("T-4h")
    assert stage.record.closed is not None
    assert stage.free()


async def test_a_phase_that_was_never_scheduled_gets_its_run(
    set_stage: Setting, prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever created the launch was lost before Prefect was asked for its runs."""
    monkeypatch.setattr(watchdog, "_GRACE", timedelta(0))
    stage = set_stage({"T-4h": [check("a")], "T-0": [check("b")]})
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == [LAUNCH]
    assert prefect.asked == ["T-4h", "T-0"]


async def test_a_phase_begun_by_hand_before_it_was_scheduled_does_not_break_the_watchdog(
    set_stage: Setting, prefect: FakePrefect
) -> None:
    """It has no run on record: it gets one."""
    stage = set_stage({"T-4h": [check("a")], "T-0": [check("b")]})
    await lost(stage)
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == [LAUNCH]
    assert prefect.asked == ["T-4h"]


async def test_a_scrub_before_the_first_phase_is_carried_out_at_once(set_stage: Setting, prefect: FakePrefect) -> None:
    """Its run lies hours ahead; the environment is not held until then."""
    stage = set_stage({"T-4h": [check("a")]}, hour="1h", t0=timedelta(hours=9))
    (one,) = stage.frozen.runbook.phases
    await prefect.schedule(stage.people, stage.frozen, one, stage.frozen.created.t0 + one.offset)
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == []
    stage.order("scrub")
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == [LAUNCH]
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == []
    await stage.run("T-4h")
    assert stage.record.closed is not None
    assert stage.record.closed.result == "scrubbed"


async def test_a_closed_launch_is_left_alone(stage: Stage, prefect: FakePrefect) -> None:
    """Nobody conducts what is over."""
    stage.order("scrub")
    await stage.run("T-4h")
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == []


async def test_another_environments_launch_is_left_to_its_own_watchdog(stage: Stage, prefect: FakePrefect) -> None:
    """They share a ledger, and each has a Prefect of its own: here nothing is asked for, nor asked of Prefect."""
    await lost(stage)
    prefect.states["run-1"] = Crashed()
    elsewhere = Watchdog(stage.store, "staging")
    assert [await elsewhere.look_once() for _ in range(2)] == [[], []]
    assert (prefect.asked, elsewhere.failures) == ([], 0)
    assert await Watchdog(stage.store, ENVIRONMENT).look_once() == [LAUNCH]
