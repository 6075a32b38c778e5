"""People's orders at every kind of moment: what each does, and what it leaves alone."""

import asyncio
from datetime import timedelta

import pytest

from tests.flows.conftest import Setting
from tests.flows.ledgers import of
from tests.flows.stage import Stage, forward_after_rollback
from tests.flows.staged_book import action, approval, check
from tests.flows.world import Crash
from tminus import events as ev
from tminus.errors import Refused
from tminus.record import Record


async def test_the_usual_launch(stage: Stage) -> None:
    """Four phases, four conductors, and it is launched."""
    for phase in ("T-4h", "T-15m", "T-0", "T+4h"):
        running = stage.begin(phase)
        if phase == "T-15m":
            await stage.approve()
        await running
    assert stage.result == "launched"
    assert stage.world.did == ["deploy", "switch"]
    assert stage.free()


async def test_a_hold_before_t_0_begins_nothing_until_it_is_resumed(stage: Stage) -> None:
    """No check, no question, no action; the reason is shown."""
    stage.order("hold", reason="the office is on fire")
    running = stage.begin("T-4h")
    await asyncio.sleep(0.15)
    assert stage.world.looked.total() == 0
    stage.order("resume", person="security")
    await running
    assert stage.world.looked["a"] == 1
    assert any("the office is on fire" in one.why for one in stage.record.holds if isinstance(one, ev.Held)) or any(
        one.reason == "the office is on fire" for one in stage.record.holds if isinstance(one, ev.Ordered)
    )


async def test_a_hold_that_nobody_lifts_ends_as_no_go(set_stage: Setting) -> None:
    """At the launch's end, with nothing changed."""
    stage = set_stage({"T-4h": [check("a")], "T-0": [action("deploy")]}, late_by="2h")
    stage.order("hold")
    await asyncio.wait_for(stage.run("T-4h"), 5)
    assert stage.result == "no-go"
    assert stage.free()


async def test_a_hold_during_an_action_lets_it_finish_and_begins_no_other(stage: Stage) -> None:
    """It finishes, then it holds."""
    await stage.to("T-0")
    gate = stage.thing("deploy").shut()
    running = stage.begin("T-0")
    await stage.until(lambda record: record.step("deploy").intended)
    stage.order("hold")
    gate.set()
    await stage.until(lambda record: record.step("deploy").settled)
    await asyncio.sleep(0.1)
    assert stage.world.did == ["deploy"]
    stage.order("resume")
    await running
    assert stage.world.did == ["deploy", "switch"]


async def test_during_a_hold_after_a_change_a_rollback_still_goes_back(stage: Stage) -> None:
    """Held does not mean stuck."""
    await stage.to("T-0")
    gate = stage.thing("deploy").shut()
    running = stage.begin("T-0")
    await stage.until(lambda record: record.step("deploy").intended)
    stage.order("hold")
    gate.set()
    await stage.until(lambda record: record.step("deploy").settled)
    stage.order("rollback")
    await running
    assert stage.world.did == ["deploy", "undo deploy"]
    assert stage.result == "rolled back"


async def test_a_hold_during_the_gate_counts_answers_and_begins_nothing(stage: Stage) -> None:
    """The go is given while it is held; the deploy waits for the resume."""
    await stage.to("T-15m")
    running = stage.begin("T-0")
    await stage.until(lambda record: "go" in record.asks)
    stage.order("hold", person="security")
    await stage.approve()
    await stage.until(lambda record: record.step("go").settled)
    await asyncio.sleep(0.1)
    assert stage.thing("deploy").begun == 0
    stage.order("resume", person="security")
    await running
    assert stage.world.did == ["deploy", "switch"]


async def test_rollback_before_a_change_is_refused(stage: Stage) -> None:
    """There is nothing to take back; scrub is the word."""
    with pytest.raises(Refused, match="scrub"):
        stage.order("rollback")


async def test_a_rollback_hours_later_takes_everything_back(stage: Stage) -> None:
    """Between T-0 and T+4h nobody conducts; whoever takes it up rolls back, though T-0 is over."""
    await stage.to("T+4h")
    stage.order("rollback", reason="a customer called")
    await stage.run("T-0")
    assert stage.world.did[-2:] == ["undo switch", "undo deploy"]
    assert stage.result == "rolled back"
    assert not forward_after_rollback(stage.record)


async def test_a_rollback_in_the_last_step_is_not_overtaken_by_the_end(set_stage: Setting) -> None:
    """Ordered while the last step runs, it is done: the launch is not closed as launched over it."""
    stage = set_stage({"T-0": [action("deploy"), check("serves", proves=True)], "T+4h": [check("after")]})
    stage.world.slow["after"] = 0.1
    running = stage.begin("T+4h")
    await stage.until(lambda record: record.step("after").attempt)
    stage.order("rollback")
    await running
    assert stage.world.did == ["deploy", "undo deploy"]
    assert stage.result == "rolled back"


async def test_hold_and_scrub_during_a_rollback_are_refused_and_do_not_stop_it(stage: Stage) -> None:
    """A hold is ignored, and said; a scrub is what happens already."""
    await stage.to("T-0")
    stage.world.answers["serves"] = ["fail"]
    stage.thing("switch").undoing = [0.2]
    running = stage.begin("T-0")
    await stage.until(lambda record: record.rollback)
    refused: tuple[ev.Order, ...] = ("hold", "scrub", "rollback")
    for order in refused:
        with pytest.raises(Refused):
            stage.order(order)
    await running
    assert stage.result == "rolled back"


async def test_an_approval_during_a_rollback_is_refused(set_stage: Setting) -> None:
    """Nothing is decided forwards any more: the question was withdrawn, or is refused."""
    book = {"T-0": [action("deploy"), check("serves", proves=True), approval("stay")], "T+4h": [check("after")]}
    stage = set_stage(book)
    running = stage.begin("T-0")
    await stage.until(lambda record: "stay" in record.asks)
    stage.thing("deploy").undoing = [0.3]
    stage.order("rollback")
    await stage.until(lambda record: record.rollback)
    with pytest.raises(Refused):
        stage.say("engineering", ask="stay")
    await running
    assert stage.result == "rolled back"


async def test_a_crash_just_before_the_end_is_closed_by_the_next_conductor(stage: Stage) -> None:
    """Every phase is over and nobody wrote the end: whoever comes does, and does nothing else."""
    await stage.to("T+4h")
    stage.store.before = of(ev.LaunchClosed)
    with pytest.raises(Crash):
        await stage.run("T+4h")
    looked = stage.world.looked.copy()
    await stage.run("T+4h")
    assert stage.result == "launched"
    assert stage.world.looked == looked
    assert stage.free()


async def test_a_closed_launch_stays_as_it_is(stage: Stage) -> None:
    """Another run of any phase writes nothing, and says how it ended."""
    stage.order("scrub")
    await stage.run("T-4h")
    before = len(stage.record.events)
    state = await stage.run("T-4h")
    await stage.run("T-0")
    assert len(stage.record.events) == before
    assert state.is_failed()


async def test_orders_of_strangers_and_after_the_end_are_refused(stage: Stage) -> None:
    """Nothing they say moves the launch."""
    with pytest.raises(Refused):
        stage.order("hold", person="nobody")
    stage.order("scrub")
    await stage.run("T-4h")
    with pytest.raises(Refused, match="over"):
        stage.order("hold")


async def test_a_conductor_that_lost_its_lease_writes_nothing_more(stage: Stage) -> None:
    """Two conductors: the first one stops at its next word, and the launch ends once."""
    from flows.turns import Lost

    await stage.to("T-0")
    gate = stage.thing("deploy").shut()
    first = stage.begin("T-0")
    await stage.until(lambda record: record.step("deploy").intended)
    second = stage.begin("T-0")
    gate.set()
    with pytest.raises(Lost):
        await first
    await second
    assert stage.thing("deploy").effects == 1

    def tokens(record: Record) -> list[int]:
        return [event.token for event in record.events if isinstance(event, ev.PhaseStarted)]

    assert tokens(stage.record) == sorted(tokens(stage.record))


async def test_every_hold_becomes_a_follow_up_with_an_owner(stage: Stage) -> None:
    """Who held, and why, is looked into afterwards."""
    stage.order("hold", reason="the office is on fire")
    running = stage.begin("T-4h")
    await asyncio.sleep(0.05)
    stage.order("resume")
    await running
    stage.order("scrub")
    await stage.run("T-4h")
    assert [one.source for one in stage.record.follow_ups] == ["hold"]
    assert all(one.owner for one in stage.record.follow_ups)


async def test_a_late_go_ends_when_the_launch_does(set_stage: Setting) -> None:
    """An approval's own deadline is what ends it, not the phase's."""
    stage = set_stage({"T-15m": [approval("go", deadline="4h")], "T-0": [check("a")]}, t0=timedelta(0))
    await asyncio.wait_for(stage.run("T-15m"), 5)
    assert stage.result == "no-go"
    assert stage.record.asks["go"].ended is not None
    assert stage.record.asks["go"].ended.result == "expired"
