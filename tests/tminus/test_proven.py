"""Who can write to the ledger can write anybody's name: what nobody signed counts nowhere."""

from pathlib import Path

import pytest

from tests.tminus.staged_launch import Stage
from tminus import asking
from tminus import events as ev
from tminus.ledger.logbook import Logbook
from tminus.outcome import Outcome
from tminus.personal_key import unsigned_decisions


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A launch that asks for its go."""
    stage = Stage.set(tmp_path)
    stage.ask()
    return stage


def signed(stage: Stage, person: str, key: str = "") -> ev.Answered:
    """A yes from a command line, signed with somebody's key."""
    said = stage.said(person).model_copy(update={"via": "command line"})
    return said.model_copy(update={"signature": stage.key(key or person).sign(stage.book.launch, said)})


def ordered(order: ev.Order, **more: object) -> ev.Ordered:
    """An order as somebody with the ledger writes it down."""
    return ev.Ordered.model_validate({"order": order, "person": "devops", "via": "command line", "reason": "r", **more})


def test_a_signed_answer_counts_whoever_reads_it(stage: Stage) -> None:
    """Read from the ledger, its signature is proof enough."""
    for person in ("engineering", "devops", "security"):
        stage.book.write(signed(stage, person))
    record = Logbook(stage.store, stage.book.launch).refresh()
    assert asking.judge(record.asks["go-no-go"], stage.frozen.people).met
    assert unsigned_decisions(record.created, record.events) == []


@pytest.mark.parametrize("key", ["", "product"], ids=["unsigned", "another's key"])
def test_an_answer_that_its_person_did_not_sign_counts_for_nobody(stage: Stage, key: str) -> None:
    """Neither a yes nor a no; the ledger's readers can say so."""
    for person in ("engineering", "devops", "security"):
        said = signed(stage, person, key or person)
        stage.book.write(said if key else said.model_copy(update={"signature": "", "answer": "reject"}))
    record = Logbook(stage.store, stage.book.launch).refresh()
    judged = asking.judge(record.asks["go-no-go"], stage.frozen.people)
    assert not judged.met
    assert judged.rejected is None
    assert record.asks["go-no-go"].answers == []
    found = unsigned_decisions(record.created, record.events)
    assert len(found) == 3
    assert found[1].startswith("devops's ")
    assert "by command line, is not proven theirs" in found[1]


def test_an_order_that_nobody_signed_does_nothing(stage: Stage) -> None:
    """No way back, no scrub, no hold, no recycle, and what does not pass is not waived."""
    stage.begin_change()
    stage.end_step("services-healthy", Outcome.failed("healthy 4 of 6"))
    for order in ("rollback", "scrub", "hold", "recycle", "retry"):
        stage.book.write(ordered(order, step="services-healthy"))
    stage.book.write(ordered("waive", step="services-healthy", until="2099-01-01T00:00:00Z"))
    record = Logbook(stage.store, stage.book.launch).refresh()
    assert not record.must_roll_back
    assert (record.scrubbed, record.held, record.waivers, record.recycles) == (None, None, {}, 0)
    assert not record.step("services-healthy").settled
    assert len(unsigned_decisions(record.created, record.events)) == 6


def test_a_note_proves_nobody_and_may_only_hold(stage: Stage) -> None:
    """Whoever writes it down: from PagerDuty nothing else counts."""
    stage.begin_change()
    stage.book.write(ordered("rollback", via="pagerduty"), ordered("hold", via="pagerduty"))
    record = Logbook(stage.store, stage.book.launch).refresh()
    assert not record.must_roll_back
    assert record.held is not None


def test_nobody_approves_their_own_launch_by_writing_it_down(stage: Stage) -> None:
    """A signature of whoever started it is theirs, and fills no seat; nor are they waited for."""
    for person in ("starter", "devops", "security"):
        stage.book.write(signed(stage, person))
    judged = asking.judge(stage.book.refresh().asks["go-no-go"], stage.frozen.people)
    assert judged.seating.missing == {"engineering_lead": 1}
    assert judged.waits == "waits for 1 engineering_lead; next could be Engineering lead"
