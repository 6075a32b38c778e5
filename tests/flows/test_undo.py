"""One undo: what does not work, has no effect, or never ends stops the way back and is left to people."""

import asyncio

import pytest

from tasks.action import State
from tests.flows.conftest import Setting
from tests.flows.ledgers import of
from tests.flows.stage import Stage, forward_after_rollback
from tests.flows.staged_book import action, check
from tests.flows.world import Crash, in_doubt
from tminus import events as ev
from tminus.outcome import Verdict

BOOK = {
    "T-0": [action("deploy", timeout="200 ms"), action("switch", timeout="200 ms"), check("serves", proves=True)],
    "T+4h": [check("after")],
}


@pytest.fixture
def stage(set_stage: Setting) -> Stage:
    """Two changes, and a check that proves both directions."""
    return set_stage(BOOK)


def back_and_proven(stage: Stage) -> None:
    """Both changes were taken back once, the later one first, and the launch says so."""
    assert stage.world.did[-2:] == ["undo switch", "undo deploy"]
    assert [stage.thing(one).undos for one in ("deploy", "switch")] == [1, 1]
    assert stage.record.closed is not None
    assert stage.record.closed.result == "rolled back"
    assert stage.record.rolled_back is not None
    assert stage.record.rolled_back.proven
    assert not forward_after_rollback(stage.record)
    assert len(stage.events(ev.RollbackBegan)) == 1
    assert stage.free()


async def test_an_undo_that_fails_stops_there_and_hands_over(stage: Stage) -> None:
    """What was done later is not taken back over what could not be; it says so, and stays held until the end."""
    stage.thing("switch").undoing = [in_doubt() for _ in range(9)]
    stage.world.answers["serves"] = ["fail"]
    running = stage.begin("T-0")
    record = await stage.held()
    assert record.rolled_back is not None
    assert not record.rolled_back.proven
    assert "switch" in record.rolled_back.said
    assert stage.thing("deploy").undos == 0
    await asyncio.sleep(0.1)
    assert len(stage.thing("switch").undoing) == 8
    assert not running.done()
    stage.thing("switch").undoing = []
    stage.order("rollback", reason="the platform is mended")
    await asyncio.wait_for(running, 5)
    back_and_proven(stage)


async def test_after_an_undo_that_failed_another_conductor_waits_for_people_too(stage: Stage) -> None:
    """A successor does not try by itself what made things worse; people's next order does, and continues."""
    stage.thing("switch").undoing = [in_doubt() for _ in range(9)]
    stage.world.answers["serves"] = ["fail"]
    stage.store.before = of(ev.Held)
    with pytest.raises(Crash):
        await stage.run("T-0")
    running = stage.begin("T-0")
    await stage.held()
    assert len(stage.thing("switch").undoing) == 8
    stage.thing("switch").undoing = []
    stage.order("rollback")
    await asyncio.wait_for(running, 5)
    back_and_proven(stage)


async def test_an_undo_that_failed_and_nobody_mends_ends_held(set_stage: Setting) -> None:
    """At the launch's end it is closed, and says what was not taken back."""
    stage = set_stage(BOOK, late_by="4h")
    stage.thing("switch").undoing = [in_doubt() for _ in range(9)]
    stage.world.answers["serves"] = ["fail"]
    await asyncio.wait_for(stage.run("T-0"), 5)
    assert stage.record.closed is not None
    assert stage.record.closed.result == "held"
    assert stage.free()


async def test_an_undo_without_effect_is_not_believed(stage: Stage) -> None:
    """It is looked at afterwards: the command's word alone proves nothing."""
    stage.thing("switch").undoing = ["no effect"]
    stage.world.answers["serves"] = ["fail"]
    running = stage.begin("T-0")
    record = await stage.held()
    undone = record.step("switch").undone
    assert undone is not None
    assert undone.verdict is not Verdict.PASS
    stage.order("rollback")
    await running
    back_and_proven(stage)


async def test_an_undo_that_never_ends_hands_over_after_its_timeout(stage: Stage) -> None:
    """It is in doubt, and nothing goes on over it."""
    stage.thing("switch").undoing = [30.0]
    stage.world.answers["serves"] = ["fail"]
    running = stage.begin("T-0")
    record = await stage.held()
    undone = record.step("switch").undone
    assert undone is not None
    assert undone.verdict is Verdict.UNKNOWN
    stage.order("rollback")
    await running
    back_and_proven(stage)


async def test_an_undo_that_is_still_under_way_is_waited_for(stage: Stage) -> None:
    """The platform took the command and works on it: that is no failure."""
    thing = stage.thing("switch")
    thing.undone_looks = [State.ABSENT, State.IN_PROGRESS, State.UNKNOWN]
    stage.world.answers["serves"] = ["fail"]
    await stage.run("T-0")
    back_and_proven(stage)
    assert not thing.undone_looks


async def test_a_look_at_what_was_undone_that_never_ends_hands_over(stage: Stage) -> None:
    """Neither the look before an undo nor the one after it can hang the way back."""
    stage.world.answers["serves"] = ["fail"]
    stage.store.after = lambda event: hang(stage) if isinstance(event, ev.RollbackBegan) else False
    running = stage.begin("T-0")
    record = await stage.held()
    assert record.rolled_back is not None
    assert not record.rolled_back.proven
    stage.thing("switch").hangs = False
    stage.order("rollback")
    await running
    back_and_proven(stage)


def hang(stage: Stage) -> bool:
    """From here on the switch cannot be looked at."""
    stage.thing("switch").hangs = True
    return False


async def test_a_person_can_take_it_from_there(stage: Stage) -> None:
    """Resume, after a way back that is not proven, ends the launch as rolled back, and not as proven."""
    stage.world.answers = {"serves": ["fail"], "old-serves": ["fail"]}
    running = stage.begin("T-0")
    await stage.held()
    stage.order("resume")
    await running
    assert stage.record.closed is not None
    assert stage.record.closed.result == "rolled back"
    assert "NOT PROVEN" in stage.record.closed.sentence
