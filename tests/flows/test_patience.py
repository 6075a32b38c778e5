"""How long people are waited for, and what is asked where a phase comes late."""

import asyncio
from datetime import timedelta

import pytest

from tests.flows.conftest import Setting
from tests.flows.staged_book import action, approval, check
from tminus import events as ev
from tminus.clock import now
from tminus.outcome import Verdict

CHECKS = {"T-4h": [check("a"), check("b"), check("nice", severity="advisory")]}


@pytest.mark.parametrize("found", ["fail", "unknown", "absent"])
async def test_nobody_answers_so_it_is_no_go_and_the_environment_is_free(set_stage: Setting, found: str) -> None:
    """Failed, could not be looked at, or not configured: past the phase's latest it ends, and nothing was changed."""
    stage = set_stage({**CHECKS, "T-0": [action("deploy")]}, late_by="4h", t0=timedelta(milliseconds=200))
    stage.world.answers["b"] = [found]
    state = await asyncio.wait_for(stage.run("T-4h"), 5)
    closed = stage.record.closed
    assert closed is not None
    assert closed.result == "no-go"
    assert "NO-GO" in closed.sentence
    assert state.is_failed()
    assert closed.at >= stage.frozen.created.t0 - timedelta(milliseconds=10)
    assert stage.free()
    assert stage.thing("deploy").begun == 0


async def test_after_the_end_nothing_begins(set_stage: Setting) -> None:
    """A later phase's run finds the launch closed, and changes nothing."""
    stage = set_stage({**CHECKS, "T-0": [action("deploy")]}, late_by="0s")
    stage.world.answers["a"] = ["fail"]
    stage.order("hold")
    await stage.run("T-4h")
    before = len(stage.record.events)
    await stage.run("T-0")
    assert len(stage.record.events) == before
    assert stage.thing("deploy").begun == 0


async def test_a_crash_while_it_is_held_is_held_by_the_next_conductor_until_the_same_time(set_stage: Setting) -> None:
    """A new conductor does not give a blocked step more time than the book does, and looks at nothing by itself."""
    stage = set_stage({**CHECKS, "T-0": [action("deploy")]}, late_by="4h", hour="200ms", t0=timedelta(milliseconds=800))
    stage.world.answers["a"] = ["fail"]
    running = stage.begin("T-4h")
    await stage.held("a")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await asyncio.wait_for(stage.run("T-4h"), 5)
    closed = stage.record.closed
    assert closed is not None
    assert closed.result == "no-go"
    end_of_launch = stage.frozen.created.t0 + timedelta(milliseconds=800)
    assert closed.at < end_of_launch
    assert stage.world.looked["a"] == 1


async def test_a_check_that_fails_before_the_go_is_held_until_the_go_s_own_latest(set_stage: Setting) -> None:
    """Observed again at T-15m, a step of T-4h that fails can still be mended, though T-4h's own latest is long over."""
    book = {"T-4h": [check("a")], "T-15m": [approval("go", observe_again=True)], "T-0": [action("deploy")]}
    stage = set_stage(book, late_by="2h", hour="2s", t0=timedelta(milliseconds=1500))
    stage.world.answers["a"] = ["pass", "fail", "pass"]
    stage.order("hold")
    running = stage.begin("T-15m")
    await asyncio.sleep(0.05)
    stage.order("resume")
    record = await stage.until(
        lambda record: record.closed or any(isinstance(h, ev.Held) and h.step for h in record.holds)
    )
    assert record.closed is None, record.closed
    stage.order("retry", step="a")
    await stage.approve()
    await running
    assert stage.verdict("go") is Verdict.PASS


@pytest.mark.parametrize("found", ["fail", "unknown"])
async def test_after_a_change_t_plus_4h_holds_and_does_not_roll_back(set_stage: Setting, found: str) -> None:
    """Hours after the switch a failing check wakes people; it is theirs to decide."""
    stage = set_stage({"T-0": [action("deploy"), check("serves", proves=True)], "T+4h": [check("after")]})
    stage.world.answers["after"] = [found]
    running = stage.begin("T+4h")
    record = await stage.held("after")
    assert record.rollback is None
    assert stage.thing("deploy").undos == 0
    stage.order("waive", step="after")
    await running
    assert stage.record.closed is not None
    assert stage.record.closed.result == "launched"


async def test_a_hold_after_a_change_that_nobody_answers_ends_held_not_no_go(set_stage: Setting) -> None:
    """The sentence says that the new version serves, and what was not taken back."""
    stage = set_stage({"T-0": [action("deploy"), check("a")], "T+4h": [check("after")]}, late_by="2h")
    stage.world.answers["a"] = ["unknown"]
    await asyncio.wait_for(stage.run("T-0"), 5)
    closed = stage.record.closed
    assert closed is not None
    assert closed.result == "held"
    assert "deploy" in closed.sentence
    assert stage.free()


async def test_a_late_phase_holds_and_asks(set_stage: Setting) -> None:
    """T-0 is two hours late: nothing is deployed until somebody says so."""
    stage = set_stage(
        {"T-0": [action("deploy")], "T+4h": [check("after")]}, late_by="1h", t0=-timedelta(milliseconds=100)
    )
    running = stage.begin("T-0")
    record = await stage.held()
    assert isinstance(record.held, ev.Held)
    assert "late" in record.held.why
    assert stage.thing("deploy").begun == 0
    stage.order("resume")
    await running
    assert stage.thing("deploy").effects == 1


async def test_a_late_phase_that_nobody_resumes_is_no_go(set_stage: Setting) -> None:
    """The launch's end comes, and nothing was changed."""
    stage = set_stage(
        {"T-0": [action("deploy")], "T+4h": [check("after")]}, late_by="1h", t0=-timedelta(milliseconds=100)
    )
    await asyncio.wait_for(stage.run("T-0"), 5)
    assert stage.record.closed is not None
    assert stage.record.closed.result == "no-go"
    assert stage.thing("deploy").begun == 0


async def test_a_question_that_expires_late_still_gives_people_time(set_stage: Setting) -> None:
    """It outlives what its phase allows; whoever was silent can still be asked again, before it is a no-go."""
    brief = {
        "id": "brief",
        "title": "Brief",
        "owner": "devops_lead",
        "acknowledgement": {"says": "brief", "roles": {"devops_lead": 1}, "deadline": "3h"},
    }
    book = {"T-4h": [brief], "T-0": [action("deploy")]}
    stage = set_stage(book, late_by="2h", hour="400ms", t0=timedelta(seconds=1.6))
    running = stage.begin("T-4h")
    record = await stage.held("brief")
    assert record.closed is None
    stage.order("retry", step="brief")
    await stage.until(lambda record: "brief-2" in record.asks)
    stage.say("devops", "acknowledge", ask="brief-2")
    await running
    assert stage.verdict("brief") is Verdict.PASS


async def test_a_hold_after_the_launch_s_usual_end_is_not_over_at_once(set_stage: Setting) -> None:
    """Somebody holds long after T+4h was due: the launch waits for them as long as its last phase lets it."""
    stage = set_stage({"T-0": [action("deploy")], "T+4h": [check("after")]}, late_by="4h", hour="100ms")
    await stage.run("T-0")
    await asyncio.sleep(1.0)
    stage.order("hold")
    running = stage.begin("T+4h")
    await asyncio.sleep(0.1)
    assert stage.result == ""
    stage.order("resume")
    await asyncio.wait_for(running, 5)
    assert stage.result == "launched"


async def test_a_hold_in_the_last_moment_gives_its_person_time(set_stage: Setting) -> None:
    """A blocked step's patience is nearly over when somebody says hold: it is theirs that counts then."""
    stage = set_stage({**CHECKS, "T-0": [action("deploy")]}, late_by="4h", hour="200ms", t0=timedelta(milliseconds=800))
    stage.world.answers["a"] = ["fail", "pass"]
    running = stage.begin("T-4h")
    record = await stage.held("a")
    assert record.held is not None
    await asyncio.sleep((record.held.at + timedelta(milliseconds=600) - now()).total_seconds())
    stage.order("hold")
    await asyncio.sleep(0.4)
    assert stage.result == ""
    stage.order("resume")
    await asyncio.wait_for(running, 5)
    assert stage.verdict("a") is Verdict.PASS
