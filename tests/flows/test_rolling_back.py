"""The way back: by itself at T-0 and only there, in reverse, proven, at most once, and never forwards again."""

import asyncio
from collections.abc import Callable

import pytest

from tasks.action import State
from tests.flows.conftest import Setting
from tests.flows.ledgers import Matches, ended, of
from tests.flows.stage import Stage, forward_after_rollback
from tests.flows.staged_book import action, approval, check
from tests.flows.world import Crash, in_doubt
from tminus import events as ev

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


async def test_a_failing_check_after_a_change_goes_back_in_reverse_and_proves_it(stage: Stage) -> None:
    """Each undo has its intent and its outcome in the ledger; the old version's own checks are the proof."""
    stage.world.answers["serves"] = ["fail"]
    state = await stage.run("T-0")
    back_and_proven(stage)
    undone = [
        (event.type, event.step) for event in stage.record.events if isinstance(event, ev.UndoIntended | ev.UndoEnded)
    ]
    assert undone == [
        ("undo.intended", "switch"),
        ("undo.ended", "switch"),
        ("undo.intended", "deploy"),
        ("undo.ended", "deploy"),
    ]
    assert stage.world.looked["old-serves"] == 1
    assert stage.record.rollback is not None
    assert stage.record.rollback.by == "tminus"
    assert "serves" in stage.record.rollback.why
    assert state.is_failed()


async def test_unknown_after_a_change_holds_and_does_not_go_back(stage: Stage) -> None:
    """Missing data is neither good nor bad: people decide."""
    stage.world.answers["serves"] = ["unknown"]
    running = stage.begin("T-0")
    record = await stage.held("serves")
    assert record.rollback is None
    assert stage.thing("switch").undos == 0
    stage.order("rollback", reason="not worth the risk")
    await running
    back_and_proven(stage)
    assert stage.record.rollback is not None
    assert (stage.record.rollback.by, stage.record.rollback.why) == ("devops", "not worth the risk")


async def test_an_advisory_failure_after_a_change_is_no_reason_to_go_back(set_stage: Setting) -> None:
    """Only what blocks turns a launch back."""
    stage = set_stage({"T-0": [action("deploy"), check("nice", severity="advisory"), check("serves", proves=True)]})
    stage.world.answers["nice"] = ["fail"]
    await stage.run("T-0")
    assert stage.record.closed is not None
    assert stage.record.closed.result == "launched"


async def test_a_failure_before_anything_was_changed_holds(set_stage: Setting) -> None:
    """A restore point that fails is no change: there is nothing to go back from."""
    stage = set_stage({"T-0": [action("restore-point"), action("deploy"), check("serves", proves=True)]})
    stage.thing("restore-point").has_undo = False
    stage.thing("restore-point").looks = [State.ABSENT, State.ABSENT]
    running = stage.begin("T-0")
    record = await stage.held("restore-point")
    assert record.rollback is None
    stage.order("scrub")
    await running
    assert stage.record.closed is not None
    assert stage.record.closed.result == "scrubbed"
    assert stage.thing("deploy").begun == 0


async def test_a_way_back_that_cannot_be_proven_is_not_called_proven(stage: Stage) -> None:
    """The old version does not pass its own checks: held, and paged, with what does not pass."""
    stage.world.answers = {"serves": ["fail"], "old-serves": ["fail"]}
    running = stage.begin("T-0")
    record = await stage.held()
    assert record.rolled_back is not None
    assert not record.rolled_back.proven
    assert "serves" in record.rolled_back.said
    stage.world.answers["old-serves"] = ["pass"]
    stage.order("rollback")
    await running
    back_and_proven(stage)


async def test_the_old_version_gets_a_moment_to_serve_again(stage: Stage) -> None:
    """A proof that fails at first and then holds is a proof."""
    stage.world.answers = {"serves": ["fail"], "old-serves": ["fail", "unknown", "pass"]}
    await stage.run("T-0")
    back_and_proven(stage)


def undo_intended(step: str) -> Matches:
    """An undo is about to begin."""
    return lambda event: isinstance(event, ev.UndoIntended) and event.step == step


def undo_ended(step: str) -> Matches:
    """An undo came to an end."""
    return lambda event: isinstance(event, ev.UndoEnded) and event.step == step


CRASHES: dict[str, Callable[[Stage], None]] = {
    "after the failure": lambda stage: setattr(stage.store, "after", ended("serves")),
    "before it began": lambda stage: setattr(stage.store, "before", of(ev.RollbackBegan)),
    "after it began": lambda stage: setattr(stage.store, "after", of(ev.RollbackBegan)),
    "after the first intent": lambda stage: setattr(stage.store, "after", undo_intended("switch")),
    "in the first undo": lambda stage: setattr(stage.thing("switch"), "undoing", [Crash()]),
    "after the first undo": lambda stage: setattr(stage.thing("switch"), "undoing", ["crash after"]),
    "before its outcome": lambda stage: setattr(stage.store, "before", undo_ended("switch")),
    "between the two": lambda stage: setattr(stage.store, "before", undo_intended("deploy")),
    "in the second undo": lambda stage: setattr(stage.thing("deploy"), "undoing", [Crash()]),
    "before the proof's end": lambda stage: setattr(stage.store, "before", of(ev.RollbackEnded)),
    "after the proof's end": lambda stage: setattr(stage.store, "after", of(ev.RollbackEnded)),
    "before the end": lambda stage: setattr(stage.store, "before", of(ev.LaunchClosed)),
}


@pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES.keys())
async def test_a_crash_anywhere_on_the_way_back_continues_back(stage: Stage, crash: Callable[[Stage], None]) -> None:
    """The next conductor undoes what is left, each thing once, with the first plan, and begins nothing forward.

    It does so although the checks would pass by now: a launch that turned does not turn again.
    """
    stage.world.answers["serves"] = ["fail", "pass"]
    crash(stage)
    with pytest.raises(Crash):
        await stage.run("T-0")
    await stage.run("T+4h")
    back_and_proven(stage)
    assert [stage.thing(one).undone_with for one in ("deploy", "switch")] == [["1"], ["1"]]
    assert stage.world.looked["after"] == 0


async def test_a_crash_in_an_action_whose_launch_is_then_scrubbed_goes_back(stage: Stage) -> None:
    """Nobody knows whether it took effect: it is taken back all the same, and nothing else is begun."""
    stage.thing("deploy").acting = ["crash after"]
    with pytest.raises(Crash):
        await stage.run("T-0")
    stage.order("scrub")
    await stage.run("T-0")
    assert stage.world.did == ["deploy", "undo deploy"]
    assert stage.thing("switch").begun == 0
    assert stage.record.closed is not None
    assert stage.record.closed.result == "rolled back"
    assert not forward_after_rollback(stage.record)


async def test_what_had_no_effect_is_not_undone(stage: Stage) -> None:
    """An action that was intended and never took effect is found undone already."""
    stage.thing("switch").acting = [in_doubt()]
    running = stage.begin("T-0")
    await stage.held("switch")
    stage.order("rollback")
    await running
    assert stage.world.did == ["deploy", "undo deploy"]
    assert stage.thing("switch").undos == 0
    assert stage.record.rolled_back is not None
    assert stage.record.rolled_back.proven


async def test_a_book_without_a_proof_cannot_call_its_way_back_proven(set_stage: Setting) -> None:
    """No check can tell whether the old version serves: held, and said."""
    stage = set_stage({"T-0": [action("deploy"), check("serves")]}, late_by="4h")
    stage.world.answers["serves"] = ["fail"]
    await asyncio.wait_for(stage.run("T-0"), 5)
    assert stage.record.rolled_back is not None
    assert not stage.record.rolled_back.proven
    assert stage.thing("deploy").undos == 1


async def test_a_no_after_the_change_is_a_reason_to_go_back(set_stage: Setting) -> None:
    """An approval after the switch that is rejected does not end as a no-go, as if nothing had been changed."""
    stage = set_stage({"T-0": [action("deploy"), check("serves", proves=True), approval("stay")]})
    running = stage.begin("T-0")
    await stage.until(lambda record: "stay" in record.asks)
    stage.say("engineering", "reject", ask="stay")
    await running
    assert stage.world.did == ["deploy", "undo deploy"]
    assert stage.record.closed is not None
    assert stage.record.closed.result == "rolled back"
    assert stage.record.rollback is not None
    assert stage.record.rollback.by == "engineering"


async def test_silence_after_the_change_holds(set_stage: Setting) -> None:
    """Nobody answered in time: that is neither good nor bad, so it is no reason to go back, and no no-go."""
    book = {
        "T-0": [action("deploy"), check("serves", proves=True), approval("stay", deadline="2h")],
        "T+4h": [check("after")],
    }
    stage = set_stage(book)
    running = stage.begin("T-0")
    record = await stage.held("stay")
    assert record.rollback is None
    assert record.closed is None
    stage.order("retry", step="stay")
    await stage.until(lambda record: "stay-2" in record.asks)
    stage.order("rollback")
    await running
    assert stage.thing("deploy").undos == 1


async def test_the_environment_is_kept_while_the_way_back_is_not_proven(stage: Stage) -> None:
    """No second launch starts into a half-undone estate."""
    stage.thing("switch").undoing = [in_doubt()]
    stage.world.answers["serves"] = ["fail"]
    running = stage.begin("T-0")
    await stage.held()
    assert not stage.free()
    stage.order("rollback")
    await running
    assert stage.free()


async def test_a_late_successor_goes_back_and_does_not_ask_whether_it_is_late(set_stage: Setting) -> None:
    """A rollback that was ordered is done, however late the phase is by then."""
    stage = set_stage(BOOK, late_by="20h")
    stage.store.after = ended("deploy")
    with pytest.raises(Crash):
        await stage.run("T-0")
    stage.order("rollback")
    await asyncio.sleep(1.1)
    await stage.run("T-0")
    assert stage.world.did == ["deploy", "undo deploy"]
