"""Ending a launch, and beginning it again: only before a change, and never half."""

import asyncio

import pytest

from tasks.action import State
from tests.flows.conftest import Setting
from tests.flows.ledgers import of
from tests.flows.stage import Stage, forward_after_rollback
from tests.flows.staged_book import action, approval, check
from tests.flows.world import Crash
from tminus import events as ev
from tminus.errors import Refused
from tminus.outcome import Verdict


async def test_a_scrub_before_a_change_ends_with_nothing_to_undo(stage: Stage) -> None:
    """At the gate: closed as scrubbed, by whom and why, and the environment is free."""
    await stage.to("T-15m")
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    stage.order("scrub", reason="the market is closed today")
    state = await running
    assert stage.result == "scrubbed"
    assert state.message is not None
    assert "the market is closed today" in state.message
    assert stage.free()
    assert stage.record.rollback is None


async def test_a_scrub_while_it_is_held_ends_it(stage: Stage) -> None:
    """Nobody has to resume in order to stop."""
    stage.order("hold")
    running = stage.begin("T-4h")
    await asyncio.sleep(0.05)
    stage.order("scrub")
    await asyncio.wait_for(running, 5)
    assert stage.result == "scrubbed"


async def test_a_scrub_between_two_phases_ends_it_at_once(stage: Stage) -> None:
    """Nobody conducts: the run that is started for it closes the launch, though its phase is over."""
    await stage.to("T-15m")
    stage.order("scrub")
    await stage.run("T-4h")
    assert stage.result == "scrubbed"


async def test_a_scrub_during_the_first_action_finishes_it_and_takes_it_back(stage: Stage) -> None:
    """After the first change a scrub is a rollback."""
    await stage.to("T-0")
    gate = stage.thing("deploy").shut()
    running = stage.begin("T-0")
    await stage.until(lambda record: record.step("deploy").intended)
    stage.order("scrub")
    gate.set()
    await running
    assert stage.world.did == ["deploy", "undo deploy"]
    assert stage.result == "rolled back"
    assert not forward_after_rollback(stage.record)


async def test_a_scrub_during_a_restore_point_ends_without_a_change(set_stage: Setting) -> None:
    """An action that has no way back is no change: scrubbed, and nothing is undone."""
    stage = set_stage({"T-0": [action("restore-point"), action("deploy"), check("serves", proves=True)]})
    thing = stage.thing("restore-point")
    thing.has_undo, gate = False, thing.shut()
    running = stage.begin("T-0")
    await stage.until(lambda record: record.step("restore-point").intended)
    stage.order("scrub")
    gate.set()
    await running
    assert stage.result == "scrubbed"
    assert stage.world.did == ["restore-point"]


async def test_a_recycle_observes_everything_again_and_asks_anew(stage: Stage) -> None:
    """At the gate, with one yes given: the countdown begins again at T-4h, and that yes counts no more."""
    await stage.to("T-15m")
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    stage.say("engineering")
    looked = stage.world.looked["a"]
    stage.order("recycle", reason="the weather")
    await stage.until(lambda record: len([e for e in record.events if isinstance(e, ev.AskOpened)]) == 2)
    assert stage.world.looked["a"] > looked
    assert stage.record.asks["go"].counting() == []
    await stage.approve()
    await running
    assert stage.verdict("go") is Verdict.PASS
    assert {"T-4h", "T-15m"} <= stage.record.phases_ended.keys()


async def test_a_recycle_in_the_last_steps_of_a_phase_is_not_lost(set_stage: Setting) -> None:
    """Ordered while the last check of T-4h runs, it is honoured: nothing voided is taken for settled."""
    stage = set_stage({"T-4h": [check("a"), approval("ok"), check("slow")], "T-15m": [check("b")]})
    stage.world.slow["slow"] = 0.1
    running = stage.begin("T-4h")
    await stage.approve("ok")
    await stage.until(lambda record: record.step("slow").attempt)
    stage.order("recycle")
    await stage.approve("ok")
    await running
    assert stage.world.looked["a"] == 2
    await stage.run("T-15m")
    assert stage.record.step("a").settled
    assert stage.result == "launched"


async def test_a_recycle_just_as_a_phase_ends_is_gone_through_by_the_next_conductor(set_stage: Setting) -> None:
    """The phase's end was written after the recycle: it does not make voided steps settled."""
    stage = set_stage({"T-4h": [check("a")], "T-15m": [check("b")]})
    once: list[bool] = []

    def meanwhile(event: ev.Event) -> bool:
        if isinstance(event, ev.PhaseEnded) and not once:
            once.append(True)
            stage.order("recycle")
        return False

    stage.store.before = meanwhile
    await stage.run("T-4h", "T-15m")
    assert stage.world.looked["a"] == 2
    assert stage.result == "launched"


async def test_a_recycle_once_a_change_began_is_refused(stage: Stage) -> None:
    """The countdown cannot be taken back; and where it slips through, it changes nothing."""
    await stage.to("T-0")
    stage.store.after = of(ev.StepIntended)
    with pytest.raises(Crash):
        await stage.run("T-0")
    with pytest.raises(Refused, match="change has begun"):
        stage.order("recycle")
    stage.people.write(ev.Ordered(order="recycle", person="devops", via="slack"))
    await stage.run("T-0")
    assert stage.record.recycles == 0
    assert stage.world.did == ["deploy", "switch"]


async def test_a_recycle_lets_a_failed_action_be_tried_again(set_stage: Setting) -> None:
    """Before any change, everything is gone through again; an action is asked first, as ever."""
    stage = set_stage({"T-4h": [action("backup"), check("a")], "T-0": [check("b")]})
    thing = stage.thing("backup")
    thing.has_undo = False
    thing.looks = [State.ABSENT, State.ABSENT]  # before, and after: it had no effect
    running = stage.begin("T-4h")
    await stage.held("backup")
    stage.order("recycle")
    await asyncio.wait_for(running, 5)
    assert stage.verdict("backup") is Verdict.PASS
