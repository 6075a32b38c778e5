"""A conductor that takes over from a lost one: what it may believe, what it must wait for, and what it asks again."""

import asyncio
import json
from datetime import timedelta

import pytest

from tasks.action import State
from tests.flows.conftest import Setting
from tests.flows.ledgers import intended, of
from tests.flows.stage import LAUNCH, Stage, action, approval, check
from tests.flows.world import Crash
from tminus import events as ev
from tminus.clock import now
from tminus.lease import myself
from tminus.ledger.chain import Head
from tminus.outcome import Verdict

BOOK = {"T-0": [action("deploy", timeout="400 ms"), check("serves", proves=True)], "T+4h": [check("after")]}


async def lost_before_acting(stage: Stage) -> None:
    """The intent to deploy is written, and its conductor is gone."""
    stage.store.after = intended("deploy")
    with pytest.raises(Crash):
        await stage.run("T-0")


async def test_an_action_without_a_fence_waits_for_whoever_may_still_live(set_stage: Setting) -> None:
    """The one before may only be paused on another machine: not seeing the effect proves nothing until the deadline."""
    stage = set_stage(BOOK)
    await lost_before_acting(stage)
    deadline = stage.events(ev.StepIntended)[0].deadline
    await stage.run("T-0")
    assert stage.thing("deploy").effects == 1
    assert stage.events(ev.StepIntended)[1].at >= deadline


async def test_an_action_whose_conductor_is_dead_is_not_waited_for(
    set_stage: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was a process of this machine, and no such process lives: the deadline need not pass."""
    stage = set_stage(BOOK)
    dead = json.loads(myself()) | {"since": "1"}
    monkeypatch.setattr("tminus.lease.myself", lambda: json.dumps(dead))
    await lost_before_acting(stage)
    deadline = stage.events(ev.StepIntended)[0].deadline
    await stage.run("T-0")
    assert stage.events(ev.StepIntended)[1].at < deadline


async def test_a_conductor_that_was_stopped_before_it_acted_does_not_act(
    set_stage: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than its lease between intent and act: another may have acted since."""
    stage = set_stage(BOOK)
    monkeypatch.setattr("flows.acting.now", lambda: now() + timedelta(minutes=1))
    with pytest.raises(Exception, match="was stopped before it acted"):
        await stage.run("T-0")
    assert stage.thing("deploy").begun == 0


async def test_a_rollback_ordered_while_an_action_is_waited_for_is_gone(set_stage: Setting) -> None:
    """Whoever waits for an orphan still hears people; the orphan is left to finish before it is taken back."""
    stage = set_stage({"T-0": [action("deploy"), check("serves", proves=True)]})
    await lost_before_acting(stage)
    thing = stage.thing("deploy")
    thing.looks = [State.IN_PROGRESS] * 1000
    running = stage.begin("T-0")
    await asyncio.sleep(0.1)
    stage.order("rollback")
    thing.undone_looks = [State.IN_PROGRESS] * 20
    thing.state = State.DONE
    await asyncio.wait_for(running, 5)
    assert (thing.begun, thing.undos, thing.undone_looks) == (0, 1, [])
    assert stage.record.closed is not None
    assert stage.record.closed.result == "rolled back"


async def test_a_t_0_that_is_taken_up_late_asks_before_it_changes_anything(set_stage: Setting) -> None:
    """It was begun in time, and its conductor was lost before the first change: hours later the go is old."""
    stage = set_stage(BOOK, late_by="8h", t0=timedelta(0))
    stage.store.before = intended("deploy")
    with pytest.raises(Crash):
        await stage.run("T-0")
    await asyncio.sleep(0.5)
    running = stage.begin("T-0")
    record = await stage.held()
    assert isinstance(record.held, ev.Held)
    assert record.held.why.startswith("T-0 is late")
    assert stage.thing("deploy").begun == 0
    stage.order("resume")
    await running
    assert stage.thing("deploy").effects == 1


async def test_a_t_0_that_had_begun_to_change_things_goes_on_without_asking(set_stage: Setting) -> None:
    """Half a change is worse than a late one, and the watch must not wait for people."""
    stage = set_stage(BOOK, late_by="8h", t0=timedelta(0))
    await lost_before_acting(stage)
    await asyncio.sleep(0.5)
    await stage.run("T-0")
    assert stage.thing("deploy").effects == 1
    assert stage.record.holds == []


async def test_the_way_back_is_known_on_every_machine_that_conducted(set_stage: Setting) -> None:
    """A successor on another host copies it, so that it too can roll back without the ledger."""
    stage = set_stage({"T-0": [action("deploy"), action("switch"), check("serves")], "T+4h": [check("after")]})
    stage.store.before = of(ev.PhaseEnded)
    with pytest.raises(Crash):
        await stage.run("T-0")
    (stage.folder / "state" / "journal").rename(stage.folder / "the-other-host")
    conductor = stage.conductor()
    assert [(one.step, one.undo) for one in conductor.journal.intents()] == [
        ("switch", {"plan": "1"}),
        ("deploy", {"plan": "1"}),
    ]


async def test_what_a_conductor_that_was_overtaken_thought_no_longer_counts(set_stage: Setting) -> None:
    """It was cut off from the ledger, another one went on; what it journaled is told, and changes nothing."""
    stage = set_stage({"T-0": [action("deploy"), check("serves", proves=True)], "T+4h": [check("after")]})
    cut_off = stage.conductor()
    await stage.run("T-0")
    outcome = stage.record.step("serves").history[0].outcome.model_copy(update={"verdict": Verdict.FAIL})
    stale = ev.StepEnded(step="serves", attempt=1, outcome=outcome)
    cut_off.journal.keep_unwritten([stale], cut_off.token)
    await stage.run("T+4h")
    assert stage.verdict("serves") is Verdict.PASS
    assert stage.events(ev.JournalMerged)[0].lines == (ev.write(stale),)
    assert stage.record.closed is not None
    assert stage.record.closed.result == "launched"


async def test_a_waiver_that_ran_out_is_no_ground_for_a_go(set_stage: Setting) -> None:
    """Before the go the step is looked at again, and holds until somebody accepts it anew."""
    stage = set_stage({"T-4h": [check("a")], "T-15m": [approval("go", observe_again=True)]})
    stage.world.answers["a"] = ["fail"]
    running = stage.begin("T-4h")
    await stage.held("a")
    given = {"person": "devops", "via": "slack", "reason": "known"}
    stage.people.write(ev.Ordered(order="waive", step="a", until=now() + timedelta(milliseconds=50), **given))
    await running
    await asyncio.sleep(0.1)
    running = stage.begin("T-15m")
    record = await stage.held("a")
    assert "go" not in record.asks
    stage.order("waive", step="a")
    await stage.approve()
    await running
    assert stage.verdict("go") is Verdict.PASS
    assert stage.record.created is not None
    assert stage.record.created.launch == LAUNCH


async def test_a_phase_whose_anchor_was_missed_is_anchored_by_the_next_conductor(
    set_stage: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost between a phase's end and its anchor: what was written until then is known outside all the same."""
    wrote: list[tuple[int, str]] = []

    async def write(_estate: object, where: str, head: Head, phase: str) -> str:
        wrote.append((head.seq, phase))
        return where

    monkeypatch.setattr("flows.closing.write_anchor", write)
    buckets = {"anchors": {"bucket": "tminus", "endpoint": "http://127.0.0.1:9"}}
    stage = set_stage({"T-4h": [check("a")], "T-0": [check("b")]}, anchors=["s3"], buckets=buckets)
    stage.store.after = of(ev.PhaseEnded)
    with pytest.raises(Crash):
        await stage.run("T-4h")
    assert wrote == []
    ended = stage.record.seq
    await stage.run("T-0")
    assert wrote[0] == (ended, "t-minus-4h")
    assert [phase for _seq, phase in wrote].count("t-zero") == 1
