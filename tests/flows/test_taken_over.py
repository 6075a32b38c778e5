"""A conductor that takes over from a lost one: what it may believe, what it must wait for, and what it asks again."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tasks.action import State
from tests.flows.conftest import Setting
from tests.flows.ledgers import intended, of
from tests.flows.stage import Stage
from tests.flows.staged_book import LAUNCH, action, approval, check
from tests.flows.world import Crash, in_doubt
from tminus import events as ev
from tminus.clock import now
from tminus.errors import CouldNotObserve
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


@dataclass
class Outside:
    """The places where heads are written down, as the test wants them."""

    wrote: list[tuple[int, str, str]] = field(default_factory=list)
    hangs: bool = False
    refuses: str = ""

    async def write(self, _estate: object, where: str, head: Head, phase: str) -> str:
        """Takes a head, hangs, or refuses."""
        if self.hangs:
            await asyncio.Event().wait()
        if where == self.refuses:
            raise CouldNotObserve(f"{where} refuses")
        self.wrote.append((head.seq, phase, where))
        return "s3://tminus/anchor" if where == "s3" else where


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    """In place of S3 and Slack."""
    made = Outside()
    monkeypatch.setattr("flows.anchoring.write_anchor", made.write)
    return made


ANCHORED = {
    "anchors": ["slack", "s3"],
    "buckets": {"anchors": {"bucket": "tminus", "endpoint": "http://127.0.0.1:9"}},
    "slack": {
        "api": "http://127.0.0.1:9/api/",
        "channel": "C1",
        "token": "env:TMINUS_TEST_TOKEN",
        "signing_secret": "env:TMINUS_TEST_SECRET",
    },
}


async def test_a_phase_whose_anchor_was_missed_is_anchored_by_the_next_conductor(
    set_stage: Setting, outside: Outside
) -> None:
    """Lost between a phase's end and its anchor: what was written until then is known outside all the same."""
    stage = set_stage({"T-4h": [check("a")], "T-0": [check("b")]}, **ANCHORED)
    stage.store.after = of(ev.PhaseEnded)
    with pytest.raises(Crash):
        await stage.run("T-4h")
    assert outside.wrote == []
    ended = stage.record.seq
    await stage.run("T-0")
    assert outside.wrote[0] == (ended, "t-minus-4h", "slack")
    assert [(phase, where) for _seq, phase, where in outside.wrote].count(("t-zero", "s3")) == 1


async def test_a_place_that_refused_is_tried_again_and_only_that(set_stage: Setting, outside: Outside) -> None:
    """That Slack has a head does not mean that S3 does."""
    stage = set_stage({"T-4h": [check("a")], "T-0": [check("b")]}, **ANCHORED)
    outside.refuses = "s3"
    await stage.run("T-4h")
    outside.refuses = ""
    await stage.run("T-0")
    early = [where for _seq, phase, where in outside.wrote if phase == "t-minus-4h"]
    assert early == ["slack", "s3"]


async def test_a_place_that_hangs_holds_up_no_way_back(
    set_stage: Setting, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A successor that must go back writes nothing down first; forwards the place is given up after a while."""
    monkeypatch.setattr("flows.anchoring._PATIENCE", 0.05)
    stage = set_stage({"T-4h": [check("a")], **BOOK}, **ANCHORED)
    outside.hangs = True
    await stage.run("T-4h")
    stage.store.after = intended("deploy")
    with pytest.raises(Crash):
        await stage.run("T-0")
    stage.order("rollback")
    monkeypatch.setattr("flows.anchoring._PATIENCE", 3600.0)
    stage.begin("T-0")
    await stage.until(lambda record: record.closed)
    assert stage.result == "rolled back"


async def test_a_try_that_was_seen_to_end_is_not_waited_for(set_stage: Setting) -> None:
    """A person looked and says retry: nobody is left who could still be doing it."""
    stage = set_stage(
        {"T-0": [action("deploy", timeout="30s"), check("serves", proves=True)], "T+4h": [check("after")]}
    )
    stage.thing("deploy").acting = [in_doubt()]
    running = stage.begin("T-0")
    await stage.held("deploy")
    stage.order("retry", step="deploy")
    await asyncio.wait_for(running, 5)
    assert stage.thing("deploy").effects == 1
