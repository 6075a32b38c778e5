"""A question that nobody answers goes further by itself, once a stage, under whichever conductor."""

import asyncio

import pytest

from flows import asking, open_question
from flows.conductor import Conductor
from tests.flows.conftest import Setting
from tests.flows.stage import Stage
from tests.flows.staged_book import approval, check
from tminus import events as ev
from tminus.runbook import Step


@pytest.fixture
async def stage(set_stage: Setting) -> Stage:
    """A go/no-go with six tenths of a second."""
    return set_stage({"T-4h": [check("a")], "T-15m": [approval("go", deadline="12h")]})


def how(stage: Stage) -> list[str]:
    """How far it went, in order."""
    return [one.how for one in stage.events(ev.Reminded)]


async def test_silence_is_reminded_paged_and_then_a_no_go(stage: Stage) -> None:
    """Each stage once, at its time on the countdown's own clock, and the no-go after all of them."""
    await asyncio.wait_for(stage.begin("T-15m"), 10)
    assert how(stage) == ["remind", "page", "deputies"]
    (opened,), all_of_them = stage.events(ev.AskOpened), stage.events(ev.Reminded)
    whole = opened.deadline - opened.at
    for one, sixths in zip(all_of_them, (2, 4, 5), strict=True):
        assert one.at - opened.at >= whole * sixths / 6
        assert one.at < opened.deadline
    assert set(all_of_them[0].people) == {"engineering", "devops"}
    assert stage.result == "no-go"


async def test_answered_in_time_nobody_is_disturbed(stage: Stage) -> None:
    """Nor is anybody after the end."""
    running = stage.begin("T-15m")
    await stage.approve()
    await running
    assert how(stage) == []


async def test_whoever_answered_is_left_alone_and_the_other_is_reminded(stage: Stage) -> None:
    """Only who could still fill a seat."""
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    stage.say("engineering")
    await stage.until(lambda record: record.asks["go"].reminders)
    stage.say("devops")
    await running
    (reminder, *_) = stage.events(ev.Reminded)
    assert (reminder.seats, reminder.people) == (("devops_lead",), ("devops",))


async def test_a_new_conductor_repeats_nothing(stage: Stage) -> None:
    """What was reminded stands in the ledger, so the next one goes on from there."""
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks and record.asks["go"].reminders)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await asyncio.wait_for(stage.begin("T-15m"), 10)
    assert how(stage) == ["remind", "page", "deputies"]
    assert len(stage.events(ev.AskOpened)) == 1


async def test_a_hold_stops_neither_the_stages_nor_the_end(set_stage: Setting) -> None:
    """Also where the conductor was lost, and the next one finds it held before it could look at the question."""
    stage = set_stage({"T-4h": [check("a")], "T-15m": [approval("go", deadline="60h")]})
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    stage.order("hold")
    await asyncio.wait_for(stage.begin("T-15m"), 10)
    ended = stage.record.asks["go"].ended
    assert ended is not None
    assert (ended.result, stage.result, stage.record.held is not None) == ("expired", "no-go", True)
    assert how(stage)


async def test_a_stage_to_which_it_does_not_go_keeps_nobody_busy(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time that has passed is no reason to look a hundred times a second."""
    left = asking._left
    turns: list[float] = []

    def counted(conductor: Conductor, step: Step) -> float:
        turns.append(left(conductor, step))
        return turns[-1]

    monkeypatch.setattr(asking, "_left", counted)
    monkeypatch.setattr(open_question, "next_reminder", lambda *_: None)
    await asyncio.wait_for(stage.begin("T-15m"), 10)
    assert how(stage) == []
    assert len(turns) < 15
