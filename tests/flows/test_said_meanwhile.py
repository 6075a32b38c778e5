"""What people say just as tminus is about to write something counts: nothing is written on what is no longer so."""

import asyncio
from collections.abc import Callable

import pytest

from tests.flows.conftest import Setting
from tests.flows.ledgers import Matches, ended, intended, of
from tests.flows.stage import Stage, forward_after_rollback
from tests.flows.staged_book import action, approval, check
from tminus import events as ev
from tminus.outcome import Verdict

BOOK = {
    "T-15m": [check("before"), approval("go", "engineering_lead", "devops_lead")],
    "T-0": [action("deploy"), action("switch"), check("serves", proves=True)],
    "T+4h": [check("after")],
}


@pytest.fixture
def stage(set_stage: Setting) -> Stage:
    """A go/no-go, two changes, and a phase after them."""
    return set_stage(BOOK)


def just_before(stage: Stage, when: Matches, does: Callable[[], None]) -> None:
    """Somebody says something right before this event would be written; once."""

    def seen(event: ev.Event) -> bool:
        if when(event):
            stage.store.before = None
            does()
        return False

    stage.store.before = seen


async def test_a_no_before_the_yes_is_written_stops_the_launch(stage: Stage) -> None:
    """Both said yes; one takes it back before the end of the question is written: nothing is deployed."""
    running = stage.begin("T-15m")
    just_before(stage, of(ev.AskEnded), lambda: stage.say("engineering", "reject"))
    await stage.approve()
    await running
    assert stage.result == "no-go"
    assert [one.result for one in stage.events(ev.AskEnded)] == ["rejected"]
    assert stage.world.did == []


async def test_a_recycle_before_the_yes_is_written_asks_anew(stage: Stage) -> None:
    """A go never stands for evidence that is looked at after it."""
    running = stage.begin("T-15m")
    just_before(stage, of(ev.AskEnded), lambda: stage.order("recycle"))
    await stage.approve()
    await stage.until(lambda record: len([one for one in record.events if isinstance(one, ev.AskOpened)]) == 2)
    assert not running.done()
    assert stage.world.looked["before"] == 2
    await stage.approve()
    await running
    assert stage.verdict("go") is Verdict.PASS


@pytest.mark.parametrize("order", ["rollback", "scrub"])
async def test_a_way_back_ordered_before_an_action_keeps_it_from_acting(stage: Stage, order: ev.Order) -> None:
    """The switch had been looked at and was about to be done; it is not, and the roll-out is taken back."""
    await stage.to("T-0")
    just_before(stage, intended("switch"), lambda: stage.order(order))
    await stage.run("T-0")
    assert stage.world.did == ["deploy", "undo deploy"]
    assert stage.result == "rolled back"
    assert not forward_after_rollback(stage.record)


async def test_a_scrub_before_the_first_action_leaves_nothing_changed(stage: Stage) -> None:
    """Whoever scrubbed was told that nothing was changed; that stays true."""
    await stage.to("T-0")
    just_before(stage, intended("deploy"), lambda: stage.order("scrub"))
    await stage.run("T-0")
    assert stage.world.did == []
    assert stage.result == "scrubbed"


async def test_a_hold_before_an_action_holds_it(stage: Stage) -> None:
    """It acts once, after somebody resumed."""
    await stage.to("T-0")
    just_before(stage, intended("switch"), lambda: stage.order("hold"))
    running = stage.begin("T-0")
    await stage.until(lambda record: record.held)
    await asyncio.sleep(0.1)
    assert stage.world.did == ["deploy"]
    stage.order("resume")
    await running
    assert stage.world.did == ["deploy", "switch"]


@pytest.mark.parametrize("order", ["rollback", "scrub"])
@pytest.mark.parametrize("when", [of(ev.PhaseEnded), of(ev.LaunchClosed)], ids=["phase's end", "launch's end"])
async def test_a_way_back_ordered_at_the_very_end_is_gone(stage: Stage, order: ev.Order, when: Matches) -> None:
    """Until the end is written it is not over: no launch is called launched over a recorded rollback."""
    await stage.to("T+4h")
    just_before(stage, when, lambda: stage.order(order))
    await stage.run("T+4h")
    assert stage.result == "rolled back"
    assert stage.world.did == ["deploy", "switch", "undo switch", "undo deploy"]
    assert stage.free()


async def test_a_hold_at_the_very_end_holds_the_end(stage: Stage) -> None:
    """Somebody wants to look before it is called launched."""
    await stage.to("T+4h")
    just_before(stage, of(ev.LaunchClosed), lambda: stage.order("hold"))
    running = stage.begin("T+4h")
    await stage.until(lambda record: record.held)
    await asyncio.sleep(0.1)
    assert stage.result == ""
    stage.order("resume")
    await running
    assert stage.result == "launched"


async def test_a_rollback_by_hand_that_comes_out_of_the_journal_is_not_closed_as_launched(stage: Stage) -> None:
    """Somebody rolled back on this machine while the ledger was away; the last phase finds it when it merges."""
    await stage.to("T+4h")

    def by_hand() -> None:
        away = stage.conductors[-1]
        away.journal.keep_unwritten([ev.RollbackBegan(why="by hand", by="devops")], away.token)

    just_before(stage, ended("after"), by_hand)
    await stage.run("T+4h")
    assert stage.result == "rolled back"
    assert stage.world.did[-2:] == ["undo switch", "undo deploy"]
