"""What changes nothing for customers and ends by itself is no change, and is never in the way of the way back."""

import asyncio
import re
from datetime import timedelta
from typing import ClassVar, Literal

import pytest
from pydantic import JsonValue

from flows import blocking, rolling_back
from flows.dry_run import dry_run
from tasks.action import Fence, State
from tests.flows import stage as stages
from tests.flows.conftest import Setting
from tests.flows.ledgers import of
from tests.flows.stage import Stage
from tests.flows.staged_book import action, approval, check
from tests.flows.test_renewing import Preparation, preparation
from tests.flows.world import FAKES, Crash, FakeAction, in_doubt
from tminus import events as ev
from tminus.clock import now
from tminus.outcome import Verdict


class Quiet(FakeAction, frozen=True):
    """Stands for a maintenance window."""

    fence: ClassVar[Fence] = Fence.IDEMPOTENCY_KEY
    harmless_if_left: ClassVar[bool] = True

    kind: Literal["fake.quiet"] = "fake.quiet"  # type: ignore[assignment]  # another kind of the same thing


def quiet(name: str = "quiet") -> dict[str, JsonValue]:
    """A step that opens one."""
    return {**action(name), "action": "fake.quiet"}


@pytest.fixture
def set_quiet(set_stage: Setting, monkeypatch: pytest.MonkeyPatch) -> Setting:
    """Launches whose books may know it."""
    kinds = {**FAKES, "fake.quiet": Quiet, "fake.preparation": Preparation}
    monkeypatch.setattr(stages, "FAKES", kinds)
    return set_stage


@pytest.fixture
def stage(set_quiet: Setting) -> Stage:
    """One that is opened after the switch, so that it would be taken back first."""
    return set_quiet({"T-0": [action("deploy"), action("switch"), quiet(), check("serves", proves=True)]})


def left(stage: Stage) -> list[str]:
    """What somebody is to look at because it was left."""
    return [one.what for one in stage.record.follow_ups if one.source == "quiet"]


async def test_it_is_taken_back_after_the_proof(stage: Stage) -> None:
    """The switch first, then the proof, and only then what harms nobody."""
    stage.world.answers["serves"] = ["fail"]
    await stage.run("T-0")
    assert stage.world.did[-3:] == ["undo switch", "undo deploy", "undo quiet"]
    kinds = [type(event) for event in stage.record.events if isinstance(event, ev.RollbackEnded | ev.UndoEnded)]
    assert kinds == [ev.UndoEnded, ev.UndoEnded, ev.RollbackEnded, ev.UndoEnded]
    assert stage.result == "rolled back"
    assert left(stage) == []


async def test_an_outage_of_whoever_knows_it_stops_no_way_back(stage: Stage) -> None:
    """The switch is taken back and proven; that the window stays open is a follow-up with an owner."""
    stage.world.answers["serves"] = ["fail"]
    stage.thing("quiet").undoing = [in_doubt()]
    stage.thing("quiet").undone_looks = [State.UNKNOWN]
    await asyncio.wait_for(stage.run("T-0"), 5)
    assert stage.world.did[-2:] == ["undo switch", "undo deploy"]
    assert stage.result == "rolled back"
    assert stage.record.rolled_back is not None
    assert stage.record.rolled_back.proven
    assert stage.record.holds == []
    assert left(stage) == ["quiet could not be taken back, and ends by itself: the connection was lost in mid-command"]
    assert stage.record.closed is not None
    assert "quiet" not in stage.record.closed.sentence


async def test_it_takes_no_longer_than_it_is_given(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An undo that hangs is left after that, however long the step may take."""
    monkeypatch.setattr(rolling_back, "_HARMLESS", 0.1)
    stage.world.answers["serves"] = ["fail"]
    stage.thing("quiet").undoing = [4.0]
    await asyncio.wait_for(stage.run("T-0"), 3)
    assert stage.result == "rolled back"
    assert left(stage) == ["quiet could not be taken back, and ends by itself: no end within 0.1 s"]


async def test_where_the_way_back_is_not_proven_it_is_taken_back_all_the_same(stage: Stage) -> None:
    """And whatever comes of it says nothing of the way back."""
    stage.world.answers["serves"] = ["fail"]
    stage.thing("switch").undoing = [in_doubt()]
    running = stage.begin("T-0")
    record = await stage.held()
    assert record.rolled_back is not None
    assert record.rolled_back.said.startswith("switch could not be taken back")
    assert stage.thing("quiet").undos == 1
    stage.order("rollback")
    await running
    assert stage.thing("quiet").undos == 1
    assert stage.result == "rolled back"


async def test_a_crash_before_it_was_taken_back_leaves_it_to_the_next_conductor(stage: Stage) -> None:
    """Which finds the way back proven, and does nothing else."""
    stage.world.answers["serves"] = ["fail"]
    stage.store.after = of(ev.RollbackEnded)
    with pytest.raises(Crash):
        await stage.run("T-0")
    assert stage.thing("quiet").undos == 0
    await stage.run("T-0")
    assert stage.world.did[-1] == "undo quiet"
    assert stage.result == "rolled back"


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("end", ["no-go", "scrubbed"])
async def test_a_launch_that_ends_before_a_change_ends_it_too(set_quiet: Setting, end: str, down: bool) -> None:
    """Without a way back, since nothing was changed; where it cannot be ended, that is a follow-up."""
    stage = set_quiet({"T-4h": [quiet()], "T-15m": [approval("go")], "T-0": [action("deploy")]})
    await stage.run("T-4h")
    if down:
        stage.thing("quiet").undoing = [in_doubt()]
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    if end == "no-go":
        stage.say("engineering", "reject")
    else:
        stage.order("scrub")
    await running
    assert stage.result == end
    assert stage.record.rollback is None
    assert stage.thing("quiet").undos == (0 if down else 1)
    assert len(left(stage)) == (1 if down else 0)
    assert stage.record.closed is not None
    assert "nothing was changed" in stage.record.closed.sentence


async def test_a_phase_that_is_late_still_asks(set_quiet: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open window does not make the launch go on a day late without a word; and silence is a no-go."""
    stage = set_quiet({"T-4h": [quiet()], "T-0": [action("deploy")]})
    await stage.run("T-4h")
    monkeypatch.setattr(blocking, "now", lambda: now() + timedelta(days=1))
    await stage.run("T-0")
    assert stage.result == "no-go"
    assert stage.record.closed is not None
    said = stage.record.closed.sentence
    assert re.search(r"T-0 is late by \d+h .* of the countdown, more than the \d+h allowed; nothing was changed", said)
    assert stage.world.did == ["quiet", "undo quiet"]


async def test_what_got_too_old_is_done_again_behind_it(set_quiet: Setting) -> None:
    """A restore point is renewed right before the first change, and not before an open window."""
    stage = set_quiet({"T-0": [preparation("point"), quiet(), action("deploy"), check("serves", proves=True)]})
    stage.thing("point").has_undo = False
    opened = stage.thing("quiet").shut()
    running = stage.begin("T-0")
    await stage.until(lambda record: record.step("quiet").intended)
    stage.order("hold", reason="wait for the customer")
    opened.set()
    await stage.until(lambda record: record.step("quiet").outcome)
    stage.thing("point").state = State.ABSENT
    stage.order("resume")
    await running
    assert stage.world.did == ["point", "quiet", "point", "deploy"]


@pytest.mark.parametrize("over", [False, True])
async def test_a_recycle_is_not_refused_for_it(set_quiet: Setting, over: bool) -> None:
    """Still open it is found; over by then it is opened anew, and the way back is that of the new one."""
    stage = set_quiet({"T-4h": [quiet()], "T-15m": [approval("go")], "T-0": [action("deploy")]})
    await stage.run("T-4h")
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    if over:
        stage.thing("quiet").state = State.ABSENT
    stage.order("recycle")
    await stage.until(lambda record: record.recycles and record.open_asks())
    stage.say("engineering", "reject")
    await running
    undone = stage.record.step("quiet").undone
    assert undone is not None
    assert undone.verdict is Verdict.PASS
    assert stage.world.did == ["quiet", *(["quiet"] if over else []), "undo quiet"]
    assert stage.thing("quiet").undone_with == ["2" if over else "1"]


async def test_on_paper_what_follows_it_still_counts(set_quiet: Setting) -> None:
    """`launch --dry-run`: what needs no change that a launch makes can be seen to fail before it."""
    stage = set_quiet({"T-4h": [quiet(), check("a")], "T-0": [action("deploy")]})
    stage.world.answers["a"] = ["fail"]
    told = {step.id: verdict async for step, verdict, _words in dry_run(stage.frozen)}
    assert told["a"] is Verdict.FAIL
