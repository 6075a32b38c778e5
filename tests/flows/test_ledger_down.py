"""Undo never waits for the ledger: where it does not answer, or hangs, it is done all the same and told later, once."""

import asyncio
import errno
from collections import Counter
from collections.abc import Callable

import pytest

from tests.flows.conftest import Setting
from tests.flows.ledgers import ended, intended, of
from tests.flows.stage import Stage, forward_after_rollback
from tests.flows.staged_book import LAUNCH, action, check
from tests.flows.world import Crash
from tminus import events as ev
from tminus.errors import LedgerUnreachable
from tminus.ledger.entries import Entry
from tminus.ledger.sqlite import SqliteStore

BOOK = {"T-0": [action("deploy"), action("switch"), check("serves", proves=True)], "T+4h": [check("after")]}
BACK = ["deploy", "switch", "undo switch", "undo deploy"]


def goes_down(stage: Stage) -> None:
    """It refuses every word."""
    stage.store.down = True


def hangs(stage: Stage) -> None:
    """Whoever asks waits for ever."""
    stage.store.answer.clear()


def refuses(stage: Stage) -> None:
    """It answers, and what it says is no."""
    stage.store.refusing = True


def comes_back(stage: Stage) -> None:
    """It answers again."""
    stage.store.down = stage.store.refusing = False
    stage.store.answer.set()


SILENCES = pytest.mark.parametrize("falls_silent", [goes_down, hangs, refuses])


@pytest.fixture
def stage(set_stage: Setting) -> Stage:
    """Two changes, and a check that proves both directions; the new version does not serve."""
    stage = set_stage(BOOK)
    stage.world.answers["serves"] = ["fail"]
    return stage


def silent_after(stage: Stage, falls_silent: Callable[[Stage], None], when: Callable[[ev.Event], bool]) -> None:
    """From this event on the ledger says nothing."""

    def seen(event: ev.Event) -> bool:
        if when(event):
            stage.store.after = None
            falls_silent(stage)
        return False

    stage.store.after = seen


async def until_done(stage: Stage, did: list[str]) -> None:
    """Waits for the world, not for the ledger, to be so."""
    async with asyncio.timeout(5):
        while stage.world.did != did:
            await asyncio.sleep(0.01)


def told_once(stage: Stage) -> None:
    """The chain holds the whole way back, each event once and in order."""
    kinds = Counter(
        (event.type, getattr(event, "step", ""))
        for event in stage.record.events
        if isinstance(event, ev.UndoIntended | ev.UndoEnded | ev.RollbackBegan | ev.RollbackEnded)
    )
    assert kinds == {
        ("rollback.began", ""): 1,
        ("undo.intended", "switch"): 1,
        ("undo.ended", "switch"): 1,
        ("undo.intended", "deploy"): 1,
        ("undo.ended", "deploy"): 1,
        ("rollback.ended", ""): 1,
    }
    order = [event.type for event in stage.record.events if event.type.startswith(("rollback.", "undo."))]
    assert (order[0], order[-1]) == ("rollback.began", "rollback.ended")
    assert not forward_after_rollback(stage.record)
    assert stage.record.closed is not None
    assert stage.record.closed.result == "rolled back"


@SILENCES
async def test_the_way_back_is_gone_while_the_ledger_is_silent_and_told_when_it_is_back(
    stage: Stage, falls_silent: Callable[[Stage], None]
) -> None:
    """The same conductor merges what it did, closes the launch, and frees the environment."""
    silent_after(stage, falls_silent, ended("serves"))
    running = stage.begin("T-0")
    await until_done(stage, BACK)
    assert not running.done()
    comes_back(stage)
    await asyncio.wait_for(running, 5)
    told_once(stage)
    assert len(stage.events(ev.JournalMerged)) == 1
    assert stage.free()


@SILENCES
async def test_what_a_lost_conductor_journaled_is_merged_once_by_the_next(
    stage: Stage, falls_silent: Callable[[Stage], None]
) -> None:
    """Whatever it had done stays done: nothing is undone twice, and a third conductor merges nothing."""
    silent_after(stage, falls_silent, ended("serves"))
    running = stage.begin("T-0")
    await until_done(stage, BACK)
    await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    comes_back(stage)
    await stage.run("T-0", "T-0")
    told_once(stage)
    assert stage.world.did == BACK
    assert len(stage.events(ev.JournalMerged)) == 1


async def test_a_hanging_ledger_is_waited_for_once_and_not_at_every_step(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five events of the way back cost one wait: bad traffic does not go on for each of them."""
    monkeypatch.setattr("flows.conductor.UNDO_WAITS", 1.0)
    silent_after(stage, hangs, ended("serves"))
    stage.begin("T-0")
    began = asyncio.get_running_loop().time()
    await until_done(stage, BACK)
    assert asyncio.get_running_loop().time() - began < 3.0  # five waits take five seconds


async def test_a_ledger_that_hangs_for_long_takes_no_thread_from_the_undo(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the ledger was asked in vain, whoever needs a thread still gets one."""
    monkeypatch.setattr("flows.conductor.UNDO_WAITS", 0.001)
    conductor = stage.conductor()
    stage.store.answer.clear()
    for _ in range(100):
        await conductor.refresh_if_answered()
        await conductor.write_or_journal(ev.FollowUp(what="something", owner="devops_lead", source="a test"))
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "undone"), 2) == "undone"
    stage.store.answer.set()


async def test_an_event_whose_answer_was_lost_is_not_told_twice(stage: Stage) -> None:
    """It was written, and nobody said so: it is journaled too, and recognised when the journal is merged."""
    stage.store.lost = of(ev.RollbackBegan)
    await stage.run("T-0")
    told_once(stage)


async def test_a_ledger_that_comes_back_in_the_middle_is_told_from_the_beginning(stage: Stage) -> None:
    """A crash after that leaves a chain that says that the way back began: the next conductor goes on backwards."""
    silent_after(stage, goes_down, ended("serves"))
    stage.thing("switch").open = None
    stage.thing("switch").undone = lambda: comes_back(stage)
    stage.thing("deploy").undoing = [Crash()]
    with pytest.raises(Crash):
        await stage.run("T-0")
    assert stage.record.rollback is not None
    stage.folder.joinpath("state", "journal").rename(stage.folder / "another-machine")
    await stage.run("T+4h")
    assert stage.world.did == BACK
    assert not forward_after_rollback(stage.record)


async def test_no_forward_step_begins_without_the_ledger(stage: Stage) -> None:
    """An intent that cannot be written down is no intent: the action is not begun."""
    silent_after(stage, goes_down, of(ev.PhaseStarted))
    with pytest.raises(LedgerUnreachable):
        await stage.run("T-0")
    assert stage.thing("deploy").begun == 0
    comes_back(stage)
    await stage.run("T-0")
    assert stage.thing("deploy").effects == 1


async def test_an_outcome_that_could_not_be_written_is_asked_for_and_not_done_again(stage: Stage) -> None:
    """The ledger goes down between the effect and its outcome: the next conductor finds it done."""
    silent_after(stage, goes_down, lambda event: isinstance(event, ev.StepIntended) and event.step == "deploy")
    with pytest.raises(LedgerUnreachable):
        await stage.run("T-0")
    assert stage.thing("deploy").effects == 1
    comes_back(stage)
    stage.world.answers["serves"] = ["pass"]
    await stage.run("T-0")
    assert stage.thing("deploy").effects == 1


@SILENCES
async def test_an_undo_that_fails_while_the_ledger_is_silent_is_left_to_people(
    stage: Stage, falls_silent: Callable[[Stage], None]
) -> None:
    """The conductor stays until the ledger is back, and hears people then."""
    silent_after(stage, falls_silent, ended("serves"))
    stage.thing("switch").undoing = ["no effect"]
    running = stage.begin("T-0")
    await asyncio.sleep(0.5)
    assert not running.done()
    assert stage.world.did == ["deploy", "switch"]
    comes_back(stage)
    await stage.held()
    stage.order("rollback")
    await asyncio.wait_for(running, 5)
    assert stage.world.did == BACK
    assert not forward_after_rollback(stage.record)


@SILENCES
async def test_a_full_disk_beside_a_silent_ledger_stops_no_undo(
    stage: Stage, falls_silent: Callable[[Stage], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where not even the journal takes a line, the running conductor knows what it did, and tells it later."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    silent_after(stage, falls_silent, ended("serves"))
    monkeypatch.setattr("tminus.journal.Journal.keep_unwritten", full)
    running = stage.begin("T-0")
    await until_done(stage, BACK)
    comes_back(stage)
    await asyncio.wait_for(running, 5)
    assert stage.record.closed is not None
    assert stage.record.closed.result == "rolled back"


async def test_an_event_that_this_version_cannot_read_stops_no_undo(stage: Stage) -> None:
    """A newer command line wrote something into the chain: forwards it is not gone on, backwards it is."""

    def newer(event: ev.Event) -> bool:
        if isinstance(event, ev.StepEnded) and event.step == "serves":
            stage.store.after = None
            SqliteStore.append(stage.store, Entry(LAUNCH, '{"type":"from.the.future"}'))
        return False

    stage.store.after = newer
    running = stage.begin("T-0")
    await until_done(stage, BACK)
    running.cancel()


async def test_checks_after_a_change_are_looked_at_without_the_ledger_and_told_once(set_stage: Setting) -> None:
    """Three at once, on the way to the watch: the ledger is down from the change on, and back when one fails."""
    three = [check("a"), check("b"), check("c"), check("serves", proves=True)]
    stage = set_stage({"T-0": [action("switch"), *three], "T+4h": [check("after")]})
    stage.world.answers["serves"] = ["fail"]
    silent_after(stage, goes_down, intended("switch"))
    running = stage.begin("T-0")
    await until_done(stage, ["switch", "undo switch"])
    comes_back(stage)
    await asyncio.wait_for(running, 5)
    outcomes = Counter(event.step for event in stage.events(ev.StepEnded))
    assert outcomes == {"switch": 1, "a": 1, "b": 1, "c": 1, "serves": 1}
    assert stage.record.closed is not None
    assert stage.record.closed.result == "rolled back"


async def test_a_single_word_that_was_lost_is_told_before_people_are_asked(set_stage: Setting) -> None:
    """One write fails after a change; the ledger is back at once, and a retry is not refused for what it lacks."""
    stage = set_stage({"T-0": [action("switch"), check("serves"), check("next")], "T+4h": [check("after")]})
    stage.world.answers["serves"] = ["unknown", "pass"]

    def once(event: ev.Event) -> bool:
        if ended("serves")(event):
            stage.store.before = None
            raise LedgerUnreachable("the connection was dropped")
        return False

    stage.store.before = once
    running = stage.begin("T-0")
    await stage.held("serves")
    stage.order("retry", step="serves")
    await asyncio.wait_for(running, 5)
    assert stage.world.looked["serves"] == 2
    assert len(stage.events(ev.JournalMerged)) == 1
