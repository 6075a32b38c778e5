"""A waiver whose end has come: what it accepted is not settled any more for a decision, nor for the first change."""

import asyncio
from datetime import datetime, timedelta

import pytest
from pydantic import JsonValue

from tests.flows.conftest import Setting
from tests.flows.stage import Stage
from tests.flows.staged_book import action, approval, check
from tminus import events as ev
from tminus import inbox
from tminus.clock import now
from tminus.digests import failure_digest
from tminus.outcome import Verdict

_A_MOMENT = timedelta(seconds=0.5)
ATTESTED: dict[str, JsonValue] = {
    "id": "sure",
    "title": "It is sure",
    "owner": "devops_lead",
    "attestation": {"role": "security_lead", "statement": "the keys were rotated", "deadline": "20h"},
}


def waive(stage: Stage, step: str, until: datetime | None = None) -> datetime:
    """Somebody accepts a step, by default for a moment; returns its end."""
    ends = until or now() + _A_MOMENT
    digest = failure_digest(stage.people.refresh().step(step))
    given = ev.Ordered(order="waive", person="devops", via="slack", reason="r", step=step, until=ends, digest=digest)
    inbox.order(stage.people, stage.frozen, given)
    return ends


async def over(ends: datetime) -> None:
    """It ends."""
    await asyncio.sleep(max((ends - now()).total_seconds(), 0.0) + 0.01)


async def asked_on_a_waiver(
    set_stage: Setting, *, observe_again: bool, deadline: str = "400h"
) -> tuple[Stage, datetime]:
    """A check fails, is waived for a moment, and people are asked for a go that rests on it."""
    go = approval("go", observe_again=observe_again, deadline=deadline)
    stage = set_stage({"T-4h": [check("a")], "T-0": [go, action("deploy")]})
    stage.world.answers["a"] = ["fail", "fail", "pass"]
    running = stage.begin("T-4h")
    await stage.held("a")
    ends = waive(stage, "a")
    await running
    stage.begin("T-0")
    await stage.until(lambda record: "go" in record.asks, "people are asked")
    return stage, ends


@pytest.mark.parametrize("observe_again", [True, False])
async def test_no_go_is_met_on_a_waiver_that_is_over(set_stage: Setting, observe_again: bool) -> None:
    """Both say yes after its end, and the step still fails: it is held, and a new waiver is asked about anew."""
    stage, ends = await asked_on_a_waiver(set_stage, observe_again=observe_again)
    await over(ends)
    for person in ("engineering", "devops"):
        stage.say(person)
    record = await stage.held("a")
    assert (stage.verdict("a"), record.asks["go"].ended, stage.thing("deploy").effects) == (Verdict.FAIL, None, 0)
    waive(stage, "a", now() + timedelta(days=1))
    await stage.until(lambda record: len([e for e in record.events if isinstance(e, ev.AskOpened)]) == 2, "asked anew")
    stage.say("devops")  # whose yes it concerned
    await asyncio.wait_for(stage.running[-1], 5)
    assert (stage.verdict("go"), stage.thing("deploy").effects) == (Verdict.PASS, 1)


async def test_the_hold_for_it_stops_no_deadline(set_stage: Setting) -> None:
    """Both said yes in time, and what it rests on is not mended by the deadline: a no-go, then and not later."""
    stage, ends = await asked_on_a_waiver(set_stage, observe_again=False, deadline="60h")
    await over(ends)
    for person in ("engineering", "devops"):
        stage.say(person)
    await stage.held("a")
    await asyncio.wait_for(stage.running[-1], 10)
    ended = stage.record.asks["go"].ended
    assert ended is not None
    assert (ended.result, stage.result, stage.thing("deploy").effects) == ("expired", "no-go", 0)
    assert "a had neither passed nor been waived" in ended.reason


async def test_a_no_during_the_hold_for_it_ends_the_launch(set_stage: Setting) -> None:
    """At once, and not when somebody lets it go on."""
    stage, ends = await asked_on_a_waiver(set_stage, observe_again=False)
    await over(ends)
    for person in ("engineering", "devops"):
        stage.say(person)
    await stage.held("a")
    stage.say("devops", "reject")
    await asyncio.wait_for(stage.running[-1], 5)
    assert (stage.record.asks["go"].ended is not None, stage.result) == (True, "no-go")


async def test_after_a_change_the_deadline_holds_what_nobody_mended(set_stage: Setting) -> None:
    """Nothing is taken back by itself: the question is over, and its step holds once the other is accepted."""
    stage = set_stage(
        {"T-4h": [check("a")], "T-0": [action("deploy")], "T+4h": [approval("keep", deadline="60h"), check("b")]}
    )
    stage.world.answers["a"] = ["fail", "fail", "fail"]
    running = stage.begin("T-4h")
    await stage.held("a")
    ends = waive(stage, "a", now() + 3 * _A_MOMENT)
    await running
    await stage.run("T-0")
    stage.begin("T+4h")
    await stage.until(lambda record: "keep" in record.asks, "people are asked")
    await over(ends)
    for person in ("engineering", "devops"):
        stage.say(person, ask="keep")
    await stage.held("a")
    await stage.until(lambda record: record.asks["keep"].ended, "it is over")
    assert (stage.verdict("keep"), stage.thing("deploy").effects, stage.result) == (Verdict.FAIL, 1, "")
    waive(stage, "a", now() + timedelta(days=1))
    await stage.held("keep")


async def test_what_passes_by_then_is_asked_about_as_a_pass(set_stage: Setting) -> None:
    """It is looked at again, nobody is held, and those whom it concerns are told that it passes now."""
    stage, ends = await asked_on_a_waiver(set_stage, observe_again=False)
    stage.world.answers["a"] = ["pass"]
    await over(ends)
    for person in ("engineering", "devops"):
        stage.say(person)
    await stage.until(lambda record: len([e for e in record.events if isinstance(e, ev.AskOpened)]) == 2, "asked anew")
    assert [one.partition(":")[0] for one in stage.events(ev.AskOpened)[1].changed] == ["a"]
    stage.say("devops")
    await asyncio.wait_for(stage.running[-1], 5)
    assert (stage.verdict("a"), stage.thing("deploy").effects) == (Verdict.PASS, 1)
    assert len(stage.events(ev.Held)) == 1


async def test_nothing_is_changed_on_a_waiver_that_is_over(set_stage: Setting) -> None:
    """It ended between the go and the first change; it is seen to fail, and held."""
    stage = set_stage({"T-4h": [check("a")], "T-0": [action("deploy")]})
    stage.world.answers["a"] = ["fail", "fail", "pass"]
    running = stage.begin("T-4h")
    await stage.held("a")
    ends = waive(stage, "a")
    await running
    await over(ends)
    stage.begin("T-0")
    await stage.until(lambda record: len(record.holds) == 2, "it is held again")
    assert stage.thing("deploy").effects == 0
    stage.order("retry", step="a")
    await asyncio.wait_for(stage.running[-1], 5)
    assert (stage.verdict("a"), stage.thing("deploy").effects) == (Verdict.PASS, 1)


async def test_what_cannot_be_observed_holds_with_its_failure_and_can_be_asked_again(set_stage: Setting) -> None:
    """A statement that nobody gave, waived for a moment: retried, it is asked for anew before anything is changed."""
    stage = set_stage({"T-4h": [ATTESTED], "T-0": [action("deploy")]})
    running = stage.begin("T-4h")
    await stage.held("sure")
    ends = waive(stage, "sure")
    await running
    await over(ends)
    stage.begin("T-0")
    record = await stage.until(lambda record: len(record.holds) == 2, "it is held again")
    hold = record.held
    assert isinstance(hold, ev.Held)
    assert "the waiver by devops ended at" in hold.why
    stage.order("retry", step="sure")
    await stage.until(lambda record: "sure-2" in record.asks, "it is asked anew")
    stage.say("security", "attest", ask="sure-2")
    await asyncio.wait_for(stage.running[-1], 5)
    assert (stage.verdict("sure"), stage.thing("deploy").effects) == (Verdict.PASS, 1)


async def test_once_a_change_began_what_was_accepted_for_it_stays(set_stage: Setting) -> None:
    """A later action goes on: what was changed is not held up by a waiver that was for changing it."""
    stage = set_stage({"T-4h": [check("a")], "T-0": [action("deploy"), action("switch")]})
    stage.world.answers["a"] = ["fail", "fail", "pass"]
    running = stage.begin("T-4h")
    await stage.held("a")
    waive(stage, "a")
    await running
    go_on = stage.thing("deploy").shut()
    stage.begin("T-0")
    await stage.until(lambda record: record.change_began, "the change begins")
    await over(now() + _A_MOMENT)
    go_on.set()
    await asyncio.wait_for(stage.running[-1], 5)
    assert (stage.thing("switch").effects, len(stage.events(ev.Held))) == (1, 1)
