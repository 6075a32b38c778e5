"""An action takes effect once, whatever crashes, and is never repeated while anybody could doubt that it did."""

import asyncio
from collections.abc import Callable

import pytest

from tasks.action import State
from tests.flows.conftest import Setting
from tests.flows.ledgers import BreakableStore, ended, intended, of
from tests.flows.stage import Stage
from tests.flows.staged_book import action, check
from tests.flows.world import Crash, in_doubt, refused
from tminus import events as ev
from tminus.outcome import Verdict

ONE = {"T-0": [action("deploy", timeout="300 ms"), check("serves", proves=True)]}


@pytest.fixture
def stage(set_stage: Setting) -> Stage:
    """A book with one action, and a check that proves it."""
    return set_stage(ONE)


def before_the_intent(store: BreakableStore) -> None:
    """The process ends just before the intent is written."""
    store.before = intended("deploy")


def after_the_intent(store: BreakableStore) -> None:
    """… just after it."""
    store.after = intended("deploy")


def before_the_outcome(store: BreakableStore) -> None:
    """… after the effect, before the outcome is written."""
    store.before = ended("deploy")


def after_the_outcome(store: BreakableStore) -> None:
    """… right after it was."""
    store.after = ended("deploy")


@pytest.mark.parametrize("crash", [before_the_intent, after_the_intent, before_the_outcome, after_the_outcome])
async def test_a_crash_around_a_write_never_doubles_the_effect(
    stage: Stage, crash: Callable[[BreakableStore], None]
) -> None:
    """Wherever the process ends, the next conductor brings the launch to its end with one effect."""
    crash(stage.store)
    with pytest.raises(Crash):
        await stage.run("T-0")
    await stage.run("T-0")
    assert stage.thing("deploy").effects == 1
    assert stage.verdict("deploy") is Verdict.PASS
    assert stage.record.closed is not None
    assert stage.record.closed.result == "launched"


async def test_a_crash_right_after_the_effect_is_asked_about_and_not_acted_on_again(stage: Stage) -> None:
    """DONE after a crash passes: the action is not begun a second time."""
    stage.thing("deploy").acting = ["crash after"]
    with pytest.raises(Crash):
        await stage.run("T-0")
    await stage.run("T-0")
    assert (stage.thing("deploy").begun, stage.thing("deploy").effects) == (1, 1)
    assert "took effect before the conductor was lost" in stage.record.step("deploy").history[-1].outcome.summary


async def test_absent_after_a_crash_acts_again_and_keeps_the_first_way_back(stage: Stage) -> None:
    """The undo is the one that was planned before the first attempt."""
    stage.thing("deploy").acting = [Crash()]
    with pytest.raises(Crash):
        await stage.run("T-0")
    await stage.run("T-0")
    intents = stage.events(ev.StepIntended)
    assert [one.undo for one in intents] == [{"plan": "1"}, None]
    state = stage.record.step("deploy")
    assert state.undo is not None
    assert state.undo.undo == {"plan": "1"}
    assert (stage.thing("deploy").effects, stage.thing("deploy").planned) == (1, 1)


async def test_in_progress_after_a_crash_is_waited_for(stage: Stage) -> None:
    """An orphan that is still at work is left to finish, and nothing is begun beside it."""
    thing = stage.thing("deploy")
    thing.acting = [Crash()]
    with pytest.raises(Crash):
        await stage.run("T-0")
    thing.looks = [State.IN_PROGRESS] * 5
    thing.state = State.DONE
    await stage.run("T-0")
    assert thing.begun == 1
    assert not thing.looks
    assert stage.verdict("deploy") is Verdict.PASS


async def test_unknown_after_a_crash_waits_the_deadline_out_then_holds(stage: Stage) -> None:
    """What cannot be told goes to a person once its deadline has passed; it is neither repeated nor rolled back."""
    thing = stage.thing("deploy")
    thing.acting = [Crash()]
    with pytest.raises(Crash):
        await stage.run("T-0")
    thing.state = State.UNKNOWN
    running = stage.begin("T-0")
    record = await stage.held("deploy")
    state = record.step("deploy")
    assert state.intended is not None
    assert state.ended is not None
    assert state.ended >= state.intended.deadline
    assert state.outcome is not None
    assert state.outcome.verdict is Verdict.UNKNOWN
    assert "took effect" not in state.outcome.summary
    assert record.rollback is None
    thing.state = State.DONE
    stage.order("retry", step="deploy")
    await running
    assert (thing.begun, stage.verdict("deploy")) == (1, Verdict.PASS)


async def test_what_was_refused_before_any_effect_is_tried_again_a_few_times(stage: Stage) -> None:
    """Refused twice, then taken: one effect, one intent."""
    stage.thing("deploy").acting = [refused(), refused()]
    await stage.run("T-0")
    assert (stage.thing("deploy").begun, stage.thing("deploy").effects) == (3, 1)
    assert len(stage.events(ev.StepIntended)) == 1


async def test_refusals_are_bounded(stage: Stage) -> None:
    """After three refusals the step has failed, and at T-0 the launch goes back."""
    stage.thing("deploy").acting = [refused() for _ in range(9)]
    await stage.run("T-0")
    assert stage.thing("deploy").begun == 3
    assert stage.verdict("deploy") is Verdict.FAIL
    assert stage.record.closed is not None
    assert stage.record.closed.result == "rolled back"


async def test_what_is_in_doubt_is_never_tried_again_by_itself(stage: Stage) -> None:
    """It holds, and not even another conductor begins it; a person's retry asks first."""
    thing = stage.thing("deploy")
    thing.acting = [in_doubt()]
    running = stage.begin("T-0")
    await stage.held("deploy")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    second = stage.begin("T-0")
    await stage.until(lambda record: len([e for e in record.events if e.type == "phase.started"]) == 2)
    await asyncio.sleep(0.1)
    assert thing.begun == 1
    thing.state = State.DONE
    stage.order("retry", step="deploy")
    await second
    assert (thing.begun, thing.effects) == (1, 0)
    assert stage.verdict("deploy") is Verdict.PASS


async def test_a_crash_between_a_doubtful_outcome_and_its_hold_does_not_act_again(stage: Stage) -> None:
    """The next conductor finds the outcome, and holds for it."""
    stage.thing("deploy").acting = [in_doubt()]
    stage.store.after = ended("deploy")
    with pytest.raises(Crash):
        await stage.run("T-0")
    second = stage.begin("T-0")
    await stage.held("deploy")
    assert stage.thing("deploy").begun == 1
    stage.order("rollback")
    await second


async def test_a_crash_later_does_not_repeat_an_advisory_action_that_is_in_doubt(set_stage: Setting) -> None:
    """An advisory action holds nothing up, and is all the same not begun again by the next conductor."""
    stage = set_stage({"T-0": [action("tidy", severity="advisory"), action("deploy"), check("serves", proves=True)]})
    stage.thing("tidy").acting = [in_doubt()]
    stage.store.before = intended("deploy")
    with pytest.raises(Crash):
        await stage.run("T-0")
    await stage.run("T-0")
    assert stage.thing("tidy").begun == 1
    assert stage.thing("deploy").effects == 1


async def test_too_slow_may_have_begun_so_it_holds(stage: Stage) -> None:
    """An action that does not end within its timeout is in doubt: not failed, not repeated."""
    stage.thing("deploy").acting = [30.0]
    running = stage.begin("T-0")
    record = await stage.held("deploy")
    outcome = record.step("deploy").outcome
    assert outcome is not None
    assert outcome.verdict is Verdict.UNKNOWN
    assert "0.3 s" in outcome.summary
    stage.order("rollback")
    await running
    assert stage.thing("deploy").begun == 1


async def test_what_is_so_already_is_not_done_and_has_no_way_back(stage: Stage) -> None:
    """DONE at first look: no intent, no undo, nothing that a rollback would take away."""
    stage.thing("deploy").state = State.DONE
    await stage.run("T-0")
    assert stage.thing("deploy").begun == 0
    assert not stage.events(ev.StepIntended)
    assert not stage.record.change_began


async def test_a_look_that_never_ends_is_one_that_could_not_be_taken(stage: Stage) -> None:
    """A state that hangs does not hang the launch: after the step's timeout it is unknown, and holds."""
    thing = stage.thing("deploy")
    thing.hangs = True
    running = stage.begin("T-0")
    record = await stage.held("deploy")
    assert thing.begun == 0
    outcome = record.step("deploy").outcome
    assert outcome is not None
    assert outcome.verdict is Verdict.UNKNOWN
    thing.hangs = False
    stage.order("retry", step="deploy")
    await running
    assert thing.effects == 1


async def test_a_settled_step_is_never_run_again(stage: Stage) -> None:
    """A second conductor of the same phase changes nothing, looks at nothing, and writes nothing about a step."""
    stage.store.before = of(ev.PhaseEnded)
    with pytest.raises(Crash):
        await stage.run("T-0")
    steps = [event for event in stage.record.events if event.type.startswith("step.")]
    await stage.run("T-0")
    assert [event for event in stage.record.events if event.type.startswith("step.")] == steps
    assert (stage.thing("deploy").begun, stage.world.looked["serves"]) == (1, 1)
