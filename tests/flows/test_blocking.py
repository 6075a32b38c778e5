"""What does not pass stops the launch, says why, and waits for people until its time is up; nothing slips past."""

import asyncio

import pytest

from tests.flows.conftest import Setting
from tests.flows.ledgers import ended
from tests.flows.stage import Stage
from tests.flows.staged_book import LAUNCH, check
from tests.flows.world import Crash
from tminus import events as ev
from tminus.errors import Refused
from tminus.outcome import Verdict

CHECKS = {"T-4h": [check("a"), check("b"), check("nice", severity="advisory")]}


@pytest.fixture
def stage(set_stage: Setting) -> Stage:
    """A book of three checks, one of them advisory."""
    return set_stage(CHECKS)


async def test_a_blocking_failure_holds_and_says_what_to_do(stage: Stage) -> None:
    """The hold names the step, what was found and expected, whose it is, and the commands."""
    stage.world.answers["a"] = ["fail"]
    running = stage.begin("T-4h")
    record = await stage.held("a")
    assert isinstance(record.held, ev.Held)
    for word in ("a fail", "good", "devops_lead", f"tminus retry {LAUNCH} a", f"tminus waive {LAUNCH} a"):
        assert word in record.held.why
    assert not running.done()
    stage.order("scrub")
    await running


async def test_a_retry_after_mending_passes(stage: Stage) -> None:
    """Only what failed is looked at again."""
    stage.world.answers["a"] = ["fail", "pass"]
    running = stage.begin("T-4h")
    await stage.held("a")
    stage.order("retry", step="a")
    await running
    assert stage.record.closed is not None
    assert stage.record.closed.result == "launched"
    assert (stage.world.looked["a"], stage.world.looked["b"]) == (2, 1)
    assert stage.record.held is None


async def test_a_retry_that_fails_again_holds_again(stage: Stage) -> None:
    """Each try is one hold, and the second is not let go by the word about the first."""
    stage.world.answers["a"] = ["fail"]
    running = stage.begin("T-4h")
    await stage.until(lambda record: len(record.holds) == 1)
    stage.order("retry", step="a")
    await stage.until(lambda record: len(record.holds) == 2)
    stage.order("retry", step="a")
    await stage.until(lambda record: len(record.holds) == 3)
    stage.order("waive", step="a", reason="known, and harmless")
    await running
    assert stage.verdict("a") is Verdict.WAIVED


async def test_resume_tries_what_held_again(stage: Stage) -> None:
    """To resume means to look again, not to look away."""
    stage.world.answers["a"] = ["fail", "pass"]
    running = stage.begin("T-4h")
    await stage.held("a")
    stage.order("resume")
    await running
    assert (stage.world.looked["a"], stage.verdict("a")) == (2, Verdict.PASS)


async def test_a_waiver_passes_with_its_reason_and_becomes_a_follow_up(stage: Stage) -> None:
    """Who accepted what until when, and why, stands in the record; nothing is looked at again."""
    stage.world.answers["a"] = ["fail"]
    running = stage.begin("T-4h")
    await stage.held("a")
    stage.order("waive", step="a", reason="known, and harmless")
    await running
    outcome = stage.record.step("a").outcome
    assert outcome is not None
    assert outcome.verdict is Verdict.WAIVED
    assert "known, and harmless" in outcome.summary
    assert stage.world.looked["a"] == 1
    assert any("waived by devops" in one.what for one in stage.record.follow_ups)


async def test_an_advisory_failure_goes_on_and_becomes_a_follow_up(stage: Stage) -> None:
    """It holds nothing, and somebody owns it afterwards."""
    stage.world.answers["nice"] = ["fail"]
    await stage.run("T-4h")
    assert stage.record.closed is not None
    assert stage.record.closed.result == "launched"
    assert not stage.record.holds
    assert [(one.owner, one.source) for one in stage.record.follow_ups] == [("devops_lead", "nice")]


async def test_could_not_look_is_tried_again_as_often_as_the_step_says_and_written_once(set_stage: Setting) -> None:
    """`retries: 2` means three looks; only the last one's outcome is evidence."""
    stage = set_stage({"T-4h": [check("a", retries=2)]})
    stage.world.answers["a"] = ["unknown"]
    running = stage.begin("T-4h")
    record = await stage.held("a")
    assert stage.world.looked["a"] == 3
    assert len(record.step("a").history) == 1
    stage.order("scrub")
    await running


async def test_could_not_look_and_then_could(set_stage: Setting) -> None:
    """A pass on the second look is a pass, written once."""
    stage = set_stage({"T-4h": [check("a", retries=2)]})
    stage.world.answers["a"] = ["unknown", "pass"]
    await stage.run("T-4h")
    assert [one.outcome.verdict for one in stage.record.step("a").history] == [Verdict.PASS]


@pytest.mark.parametrize(("says", "looks"), [({}, 1), ({"retry_failed": True}, 3)])
async def test_a_failure_is_looked_at_again_only_where_the_step_says_so(
    set_stage: Setting, says: dict[str, bool], looks: int
) -> None:
    """Looked and failed is an answer, unless the book says `retry_failed`."""
    stage = set_stage({"T-4h": [check("a", retries=2, **says)]})
    stage.world.answers["a"] = ["fail"]
    running = stage.begin("T-4h")
    await stage.held("a")
    assert stage.world.looked["a"] == looks
    stage.order("scrub")
    await running


async def test_a_check_that_never_answers_could_not_look(set_stage: Setting) -> None:
    """After the step's timeout it is unknown, with what was asked, by what, and the seconds it was given."""
    stage = set_stage({"T-4h": [check("a", timeout="50 ms")]})
    stage.world.slow["a"] = 30
    running = stage.begin("T-4h")
    await stage.held("a")
    outcome = stage.record.step("a").outcome
    assert outcome is not None
    said = "fake gave no answer to fake.check within 0.05 s"
    assert (outcome.verdict, outcome.summary) == (Verdict.UNKNOWN, said)
    stage.order("scrub")
    await running


async def test_two_failures_are_both_answered_before_it_goes_on(stage: Stage) -> None:
    """A retry of the second while the first still holds is not lost: the second is looked at again, not let pass."""
    stage.world.answers = {"a": ["fail", "pass"], "b": ["fail"]}
    running = stage.begin("T-4h")
    await stage.held("a")
    stage.order("retry", step="b")
    stage.order("retry", step="a")
    record = await stage.held("b")
    assert record.closed is None
    assert stage.world.looked["b"] == 2
    stage.order("waive", step="b")
    await running
    assert stage.verdict("b") is Verdict.WAIVED


async def test_a_retry_does_not_run_while_a_person_holds(stage: Stage) -> None:
    """Somebody holds, somebody else asks for another try: nothing begins before it is resumed."""
    stage.world.answers["a"] = ["fail", "pass"]
    stage.world.slow["b"] = 0.1
    running = stage.begin("T-4h")
    await stage.until(lambda record: record.step("a").outcome is not None)
    stage.order("hold", person="security", reason="wait for me")
    await stage.until(lambda record: any(isinstance(one, ev.Held) for one in record.holds))
    stage.order("retry", step="a")
    await asyncio.sleep(0.15)
    assert stage.world.looked["a"] == 1
    stage.order("resume", person="security")
    await running
    assert stage.verdict("a") is Verdict.PASS


async def test_a_crash_between_a_failure_and_its_hold_still_holds(stage: Stage) -> None:
    """A failure that is written down is not looked at again by the next conductor: only people take it back."""
    stage.world.answers["a"] = ["fail", "pass"]
    stage.store.after = ended("a")
    with pytest.raises(Crash):
        await stage.run("T-4h")
    running = stage.begin("T-4h")
    await stage.held("a")
    assert stage.world.looked["a"] == 1
    stage.order("retry", step="a")
    await running
    assert stage.verdict("a") is Verdict.PASS


async def test_who_may_not_waive_is_refused_and_the_launch_stays_held(stage: Stage) -> None:
    """A refusal is written down and lets nothing go."""
    stage.world.answers["a"] = ["fail"]
    running = stage.begin("T-4h")
    await stage.held("a")
    with pytest.raises(Refused):
        stage.order("waive", person="product", step="a")
    await asyncio.sleep(0.05)
    assert not running.done()
    stage.order("scrub")
    await running


async def test_a_word_between_the_failure_and_its_hold_is_not_lost(stage: Stage) -> None:
    """A retry given just as the hold is written down counts; the hold that came after it is let go by a resume."""
    stage.world.answers["a"] = ["fail", "pass"]
    once: list[ev.Event] = []

    def meanwhile(event: ev.Event) -> bool:
        if isinstance(event, ev.Held) and not once:
            once.append(event)
            stage.order("retry", step="a")
        return False

    stage.store.before = meanwhile
    running = stage.begin("T-4h")
    await stage.held("a")
    await asyncio.sleep(0.05)
    stage.order("resume")
    await asyncio.wait_for(running, 5)
    assert stage.verdict("a") is Verdict.PASS
    assert stage.record.held is None
