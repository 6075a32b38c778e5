"""What people are asked says what it rests on, and what stands in their way is only let go of by a word about it."""

import asyncio
from datetime import timedelta

from tests.flows.conftest import Setting
from tests.flows.staged_book import approval, check
from tminus import events as ev
from tminus.clock import now
from tminus.outcome import Verdict


async def test_a_question_names_what_was_waived(set_stage: Setting) -> None:
    """By whom, until when and why: a go is not given to a number of steps."""
    stage = set_stage({"T-4h": [check("a"), check("b")], "T-15m": [approval("go")]})
    stage.world.answers["a"] = ["fail"]
    running = stage.begin("T-4h")
    await stage.held("a")
    stage.order("waive", step="a", reason="not reachable")
    await running
    running = stage.begin("T-15m")
    record = await stage.until(lambda record: "go" in record.asks)
    until = f"{now() + timedelta(days=1):%Y-%m-%d}"
    said = f"The go: 2 of 2 blocking steps pass or are waived. Waived: a (by Devops until {until}: not reachable)."
    assert record.asks["go"].opened.text == said
    stage.order("scrub")
    await running


async def test_a_persons_hold_outlives_that_of_tminus(set_stage: Setting) -> None:
    """Held by both, a retry of the step that failed begins nothing until the person's hold is let go of too."""
    stage = set_stage({"T-4h": [check("a")]})
    stage.world.answers["a"] = ["fail", "pass"]
    running = stage.begin("T-4h")
    await stage.held("a")
    stage.order("hold", "security", reason="looking")
    stage.order("retry", step="a")
    await asyncio.sleep(0.2)  # ten looks of the conductor
    assert (stage.world.looked["a"], running.done()) == (1, False)
    stage.order("resume")
    await running
    assert (stage.world.looked["a"], stage.verdict("a")) == (2, Verdict.PASS)


async def test_an_order_that_nobody_signed_moves_no_conductor(set_stage: Setting) -> None:
    """Written straight into the ledger under somebody's name, it scrubs nothing; the real one does."""
    stage = set_stage({"T-4h": [approval("go")]})
    running = stage.begin("T-4h")
    await stage.until(lambda record: "go" in record.asks)
    stage.people.write(ev.Ordered(order="scrub", person="devops", via="command line", reason="r"))
    for person in ("engineering", "devops"):
        digest = stage.record.asks["go"].opened.decision_digest
        given = ev.Answered(ask="go", person=person, answer="approve", digest=digest, via="command line")
        stage.people.write(given)
    await stage.approve()
    await running
    assert stage.record.closed is not None
    assert stage.record.closed.result == "launched"
    assert len(stage.record.asks["go"].answers) == 2
