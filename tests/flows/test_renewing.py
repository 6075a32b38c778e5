"""What gets too old while a launch waits is done again before the first change, and never after it."""

import asyncio
from typing import ClassVar, Literal

import pytest
from pydantic import JsonValue

from tasks.action import Fence, State
from tests.flows import stage as stages
from tests.flows.conftest import Setting
from tests.flows.ledgers import ended, intended
from tests.flows.stage import Stage
from tests.flows.staged_book import action, check
from tests.flows.world import FAKES, Crash, FakeAction, refused
from tminus import events as ev
from tminus.outcome import Verdict


class Preparation(FakeAction, frozen=True):
    """Something without a way back that gets too old: its thing is absent again then."""

    fence: ClassVar[Fence] = Fence.IDEMPOTENCY_KEY

    kind: Literal["fake.preparation"] = "fake.preparation"  # type: ignore[assignment]  # another kind of the same thing

    @property
    def expires(self) -> bool:
        """It does."""
        return True


def preparation(name: str) -> dict[str, JsonValue]:
    """A step that prepares."""
    return {**action(name), "action": "fake.preparation"}


@pytest.fixture
def stage(set_stage: Setting, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A restore point, a change, another one, and the check that proves the way back."""
    monkeypatch.setattr(stages, "FAKES", {**FAKES, "fake.preparation": Preparation})
    made = set_stage({"T-0": [preparation("point"), action("deploy"), action("switch"), check("serves", proves=True)]})
    made.thing("point").has_undo = False
    return made


async def held_after(stage: Stage, step: str) -> "asyncio.Task[object]":
    """The phase runs, and a person holds it while `step` is being done."""
    opened = stage.thing(step).shut()
    running = stage.begin("T-0")
    await stage.until(lambda record: record.step(step).intended)
    stage.order("hold", reason="wait for the customer")
    opened.set()
    await stage.until(lambda record: record.step(step).outcome)
    return running


async def test_what_is_fresh_is_not_done_again(stage: Stage) -> None:
    """Without a wait there is one restore point, and nothing is written of a second look."""
    await stage.run("T-0")
    assert stage.world.did == ["point", "deploy", "switch"]
    assert len([one for one in stage.events(ev.StepEnded) if one.step == "point"]) == 1


async def test_what_got_too_old_during_a_hold_is_done_again_before_the_first_change(stage: Stage) -> None:
    """Resumed, the launch takes the restore point anew and only then changes anything."""
    running = await held_after(stage, "point")
    stage.thing("point").state = State.ABSENT
    stage.order("resume")
    await running
    assert stage.world.did == ["point", "point", "deploy", "switch"]
    assert [one.attempt for one in stage.events(ev.StepIntended) if one.step == "point"] == [1, 2]
    assert stage.record.closed is not None
    assert stage.record.closed.result == "launched"


async def test_nothing_is_done_again_once_a_change_began(stage: Stage) -> None:
    """The point would be one of a system that is changed already."""
    running = await held_after(stage, "deploy")
    stage.thing("point").state = State.ABSENT
    stage.order("resume")
    await running
    assert stage.world.did == ["point", "deploy", "switch"]


async def test_a_renewal_that_fails_holds_before_any_change(stage: Stage) -> None:
    """It is retried by a person's word like any step; nothing is changed meanwhile."""
    running = await held_after(stage, "point")
    stage.thing("point").state = State.ABSENT
    stage.thing("point").acting = [refused(), refused(), refused()]
    stage.order("resume")
    await stage.held("point")
    assert stage.world.did == ["point"]
    stage.order("retry", step="point")
    await running
    assert stage.world.did == ["point", "point", "deploy", "switch"]
    assert stage.verdict("point") is Verdict.PASS


async def test_what_is_waived_is_not_done_again(stage: Stage) -> None:
    """People accepted going without it."""
    running = await held_after(stage, "point")
    stage.thing("point").state = State.ABSENT
    stage.thing("point").acting = [refused(), refused(), refused()]
    stage.order("resume")
    await stage.held("point")
    stage.order("waive", step="point", reason="the nightly backup suffices")
    await running
    assert stage.world.did == ["point", "deploy", "switch"]


@pytest.mark.parametrize("crash", ["before the intent", "after the intent", "before the outcome"])
async def test_a_crash_during_the_renewal_renews_once(stage: Stage, crash: str) -> None:
    """Wherever the process ends, the next conductor has one fresh point before the change."""
    running = await held_after(stage, "point")
    stage.thing("point").state = State.ABSENT
    if crash == "after the intent":
        stage.store.after = intended("point")
    else:
        stage.store.before = intended("point") if crash == "before the intent" else ended("point")
    stage.order("resume")
    with pytest.raises(Crash):
        await running
    await stage.run("T-0")
    assert stage.world.did == ["point", "point", "deploy", "switch"]


@pytest.mark.parametrize("still", [State.ABSENT, State.DONE])
async def test_after_a_recycle_a_settled_preparation_is_looked_at_anew(stage: Stage, still: State) -> None:
    """A recycle voids it like any other evidence, and leaves no doubt of it; the estate says which cycle this is."""
    await held_after(stage, "point")
    stage.thing("point").state = still
    stage.order("recycle", reason="the weather")
    stage.order("resume", reason="the customer is there")
    await stage.until(lambda record: record.closed)
    assert stage.world.did == ["point"] * (2 if still is State.ABSENT else 1) + ["deploy", "switch"]
    assert {one.estate.cycle for one in stage.conductors} == {1}
    last = stage.record.step("point").history[-1].outcome.summary
    assert last == ("done: point" if still is State.ABSENT else "done: was so already: point")
