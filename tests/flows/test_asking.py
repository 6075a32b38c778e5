"""The go/no-go: asked once, judged from the ledger, bound to what it was about."""

import asyncio

import pytest

from tests.flows.conftest import Setting
from tests.flows.ledgers import ended, of
from tests.flows.stage import Stage
from tests.flows.staged_book import LAUNCH, approval, check
from tests.flows.world import Crash
from tminus import events as ev
from tminus.asking import standing
from tminus.errors import Refused
from tminus.ledger.store import Entry, Letter
from tminus.outcome import Verdict

GATE = {"T-4h": [check("a"), check("b")], "T-15m": [approval("go", observe_again=True, veto=["product_manager"])]}


@pytest.fixture
async def stage(set_stage: Setting) -> Stage:
    """Two checks that passed, and a go/no-go that rests on them."""
    stage = set_stage(GATE)
    await stage.run("T-4h")
    return stage


def opened(stage: Stage) -> list[ev.AskOpened]:
    """Every time that people were asked."""
    return stage.events(ev.AskOpened)


async def test_met_as_soon_as_every_role_said_yes(stage: Stage) -> None:
    """Each blocking check is observed again before people are asked; who filled which seat is the outcome."""
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    assert (stage.world.looked["a"], stage.world.looked["b"]) == (2, 2)
    stage.say("engineering")
    await asyncio.sleep(0.05)
    assert not running.done()
    stage.say("devops")
    await running
    outcome = stage.record.step("go").outcome
    assert outcome is not None
    assert outcome.verdict is Verdict.PASS
    assert "Engineering as engineering lead" in outcome.summary
    assert len(opened(stage)) == 1


@pytest.mark.parametrize("who", ["devops", "product"])
async def test_one_no_is_a_no_go_at_once(stage: Stage, who: str) -> None:
    """From somebody who was asked, or who has a veto; it does not wait for the others."""
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    stage.say(who, "reject")
    await asyncio.wait_for(running, 5)
    closed = stage.record.closed
    assert closed is not None
    assert closed.result == "no-go"
    assert who.capitalize() in closed.sentence
    assert stage.free()


async def test_silence_is_a_no_go_that_names_who_was_awaited(set_stage: Setting) -> None:
    """At the deadline, on the countdown's clock."""
    stage = set_stage({"T-15m": [approval("go", deadline="4h")]})
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    stage.say("engineering")
    await asyncio.wait_for(running, 5)
    closed = stage.record.closed
    assert closed is not None
    assert closed.result == "no-go"
    assert "Devops" in closed.sentence
    assert "next could be" not in closed.sentence


async def test_a_changed_fact_asks_again_whom_it_concerns(stage: Stage) -> None:
    """Told what changed, under the same deadline; the devops lead owns the step, so the others' answers stay."""
    stage.world.answers["a"] = ["fail"]
    running = stage.begin("T-15m")
    await stage.held("a")
    stage.order("waive", step="a", reason="known")
    await stage.until(lambda record: "go" in record.asks)
    stage.say("engineering")
    stage.say("devops")
    stage.people.write(
        ev.Ordered(
            order="waive", person="security", via="slack", step="b", reason="also", until=opened(stage)[0].deadline
        )
    )
    await stage.until(lambda record: len([e for e in record.events if isinstance(e, ev.AskOpened)]) == 2)
    first, second = opened(stage)
    assert first.decision_digest != second.decision_digest
    assert first.deadline == second.deadline
    assert [one.person for one in standing(stage.record.asks["go"], stage.frozen.people)] == ["engineering"]
    assert [one.partition(":")[0] for one in second.changed] == ["b"]
    await asyncio.sleep(0.05)
    assert not running.done()
    stage.say("devops")
    await running
    assert stage.verdict("go") is Verdict.PASS


async def test_evidence_that_changed_without_changing_a_verdict_voids_nothing(stage: Stage) -> None:
    """A number that moved inside its limits, or a note in the ledger, is not asked about again."""
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    stage.say("engineering")
    stage.people.write(ev.HeadAnchored(seq=1, hash="0" * 64, where="s3"))
    stage.say("devops")
    await running
    assert len(opened(stage)) == 1


async def test_an_answer_to_the_old_question_is_refused(stage: Stage) -> None:
    """Its digest is not what is asked now."""
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    stale = ev.Answered(ask="go", person="devops", answer="approve", digest="sha256:old", via="slack")
    from tminus import inbox

    with pytest.raises(Refused, match="changed since"):
        inbox.answer(stage.people, stage.frozen, stale)
    await stage.approve()
    await running


async def test_a_decision_pending_over_a_crash_is_not_asked_again(stage: Stage) -> None:
    """The next conductor waits for the same answers; one given in between counts."""
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    stage.say("engineering")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    stage.say("devops")
    await asyncio.wait_for(stage.run("T-15m"), 5)
    assert stage.verdict("go") is Verdict.PASS
    assert len(opened(stage)) == 1


@pytest.mark.parametrize("answer", ["approve", "reject"])
async def test_a_decision_that_was_written_before_a_crash_stands(stage: Stage, answer: ev.Answer) -> None:
    """Between the decision's end and the step's outcome the process is lost: nobody is asked again."""
    stage.store.after = of(ev.AskEnded)
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    for person in ("engineering", "devops") if answer == "approve" else ("devops",):
        stage.say(person, answer)
    with pytest.raises(Crash):
        await running
    await asyncio.wait_for(stage.run("T-15m"), 5)
    closed = stage.record.closed
    assert closed is not None
    assert closed.result == ("launched" if answer == "approve" else "no-go")
    assert len(opened(stage)) == 1


async def test_a_no_whose_end_was_not_written_is_still_a_no_go(stage: Stage) -> None:
    """Lost between the step's outcome and the launch's end: the next conductor ends it, and holds nothing."""
    stage.store.after = ended("go")
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    stage.say("devops", "reject")
    with pytest.raises(Crash):
        await running
    await asyncio.wait_for(stage.run("T-15m"), 5)
    closed = stage.record.closed
    assert closed is not None
    assert closed.result == "no-go"


async def test_who_started_the_launch_does_not_approve_it(set_stage: Setting) -> None:
    """Nobody approves their own."""
    stage = set_stage({"T-15m": [approval("go")]})
    running = stage.begin("T-15m")
    await stage.until(lambda record: "go" in record.asks)
    with pytest.raises(Refused, match="their own"):
        stage.say("starter")
    assert not running.done()


async def test_a_briefing_that_nobody_read_holds_and_can_be_asked_again(set_stage: Setting) -> None:
    """An acknowledgement that expires is no no-go: it holds, and a retry asks a new question."""
    brief = {
        "id": "brief",
        "title": "The brief",
        "owner": "devops_lead",
        "acknowledgement": {"says": "brief", "roles": {"devops_lead": 1}, "deadline": "2h"},
    }
    stage = set_stage({"T-4h": [brief, check("a")]})
    running = stage.begin("T-4h")
    await stage.held("brief")
    stage.order("retry", step="brief")
    await stage.until(lambda record: "brief-2" in record.asks)
    stage.say("devops", "acknowledge", ask="brief-2")
    await running
    assert stage.verdict("brief") is Verdict.PASS
    assert stage.record.step("brief").attempt == 2


async def test_an_attestation_is_one_person_s_word_with_a_role(set_stage: Setting) -> None:
    """Somebody with the role states it; nobody else can."""
    attest = {
        "id": "sure",
        "title": "Sure",
        "owner": "devops_lead",
        "attestation": {"role": "security_lead", "statement": "the keys were rotated", "deadline": "400h"},
    }
    stage = set_stage({"T-4h": [attest]})
    running = stage.begin("T-4h")
    await stage.until(lambda record: "sure" in record.asks)
    with pytest.raises(Refused):
        stage.say("devops", "attest", ask="sure")
    stage.say("security", "attest", ask="sure")
    await running
    assert stage.verdict("sure") is Verdict.PASS


async def test_without_a_paging_path_somebody_states_that_they_watch(set_stage: Setting) -> None:
    """No PagerDuty took a message of this launch: an on-duty person's word is asked for."""
    path = {
        "id": "paging",
        "title": "Paging",
        "owner": "devops_lead",
        "paging": {"role": "devops_lead", "deadline": "400h"},
    }
    stage = set_stage({"T-4h": [path]})
    running = stage.begin("T-4h")
    await stage.until(lambda record: "paging" in record.asks)
    stage.say("devops", "attest", ask="paging")
    await running
    assert stage.verdict("paging") is Verdict.PASS


async def test_what_was_asked_in_pagerdutys_stead_ends_where_it_took_a_message_after_all(
    set_stage: Setting,
) -> None:
    """A conductor asked and is gone; for the next one the step passes, and nobody is waited for any more."""
    path = {
        "id": "paging",
        "title": "Paging",
        "owner": "devops_lead",
        "paging": {"role": "devops_lead", "deadline": "400h"},
    }
    section = {"events": "https://127.0.0.1:1", "routing_key": "env:NO_ROUTING_KEY"}
    stage = set_stage({"T-4h": [path]}, pagerduty=section)
    running = stage.begin("T-4h")
    await stage.until(lambda record: "paging" in record.asks)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    page = Letter("pagerduty", "page", "{}")
    stage.store.append(Entry(LAUNCH, ev.write(ev.HeadAnchored(seq=1, hash="0" * 64, where="s3")), letters=[page]))
    stage.store.run("UPDATE outbox SET state = 'sent', receipt = 'taken'", {})
    await stage.run("T-4h")
    record = stage.record
    assert stage.verdict("paging") is Verdict.PASS
    assert record.open_asks() == []
    ended = record.asks["paging"].ended
    assert ended is not None
    assert (ended.result, ended.reason) == ("withdrawn", "PagerDuty took a message of this launch")
    with pytest.raises(Refused):
        stage.say("devops", "attest", ask="paging")


async def test_a_release_that_nobody_signed_off_is_held(set_stage: Setting) -> None:
    """The readiness sign-off is made days ahead; without it the launch says how to get it."""
    sign_off = {
        "id": "ready",
        "title": "Ready",
        "owner": "devops_lead",
        "sign_off": {"roles": {"devops_lead": 1}, "valid_for": "7d"},
    }
    stage = set_stage({"T-4h": [sign_off]})
    running = stage.begin("T-4h")
    await stage.held("ready")
    outcome = stage.record.step("ready").outcome
    assert outcome is not None
    assert "tminus sign-off" in outcome.summary
    stage.order("scrub")
    await running
