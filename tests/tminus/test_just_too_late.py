"""Decisions that cross with somebody else's: who is told "Recorded" is in the record, and nothing else goes along."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.tminus.staged_launch import Stage
from tminus import events as ev
from tminus import inbox
from tminus.clock import now
from tminus.errors import Refused
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Letter
from tminus.messages.slack import lets_go
from tminus.record import Record


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A launch that asks for its go."""
    stage = Stage.set(tmp_path)
    stage.ask()
    return stage


def crossing(stage: Stage, *events: ev.Event) -> Logbook:
    """A page through which something is written just after somebody else wrote `events`, which it has not seen."""
    other, waiting = Logbook(stage.store, stage.book.launch), list(events)

    def tell(_event: ev.Event, _record: Record) -> Sequence[Letter]:
        if waiting:
            other.refresh()
            other.write(waiting.pop())
        return ()

    return Logbook(stage.store, stage.book.launch, tell)


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        (ev.AskEnded(ask="go-no-go", result="rejected", reason="Product manager said no"), "Product manager said no"),
        (ev.Ordered(order="recycle", person="devops", via="slack", reason="r"), "will be asked anew"),
        (ev.Ordered(order="scrub", person="devops", via="slack", reason="r"), None),
    ],
    ids=["decided", "recycled", "no matter"],
)
def test_an_answer_that_is_written_too_late_is_told_so(stage: Stage, meanwhile: ev.Event, why: str | None) -> None:
    """With what was decided, and the refusal is in the ledger; where it counts all the same it is recorded."""
    said = stage.said("devops")
    if why is None:
        inbox.answer(crossing(stage, meanwhile), stage.frozen, said)
        assert stage.refusals() == []
        return
    with pytest.raises(Refused, match=f"it came too late: .*{why}"):
        inbox.answer(crossing(stage, meanwhile), stage.frozen, said)
    assert why in stage.refusals()[-1].why


def test_an_answer_to_what_was_asked_anew_in_that_moment_is_told_so(stage: Stage) -> None:
    """What concerns it is other than it was, so it does not count, and nobody says that it was recorded."""
    opened = stage.book.record.asks["go-no-go"].opened
    other = {"decision_digest": f"sha256:{'1' * 64}", "bindings": dict.fromkeys(opened.bindings, "other")}
    anew = opened.model_copy(update=other)
    with pytest.raises(Refused, match=r"it came too late: what was asked has changed since"):
        inbox.answer(crossing(stage, anew), stage.frozen, stage.said("devops"))


def test_an_order_after_the_end_is_told_so(stage: Stage) -> None:
    """Somebody orders a way back that nobody goes any more."""
    stage.begin_change()
    over = ev.LaunchClosed(result="launched", sentence="GO tradesense 2.0.0 launched")
    with pytest.raises(Refused, match="it came too late: the launch is over: GO"):
        inbox.order(
            crossing(stage, over), stage.frozen, ev.Ordered(order="rollback", person="devops", via="slack", reason="r")
        )


def test_a_resume_lets_go_of_nothing_that_was_held_in_that_moment(stage: Stage) -> None:
    """Nobody's hold is lost to somebody who could not see it; what else happened does not matter."""
    stage.book.write(ev.Held(why="no data"))
    resume = ev.Ordered(order="resume", person="devops", via="slack", reason="r")
    hold = ev.Ordered(order="hold", person="security", via="slack", reason="looking")
    with pytest.raises(Refused, match="what holds it changed just now"):
        inbox.order(crossing(stage, hold), stage.frozen, resume)
    assert len(stage.book.refresh().holding) == 2
    inbox.order(crossing(stage, ev.PhaseEnded(phase="T-4h")), stage.frozen, resume)
    assert stage.book.refresh().held is None


def test_a_resume_that_says_what_its_author_saw_lets_go_of_that(stage: Stage) -> None:
    """What was held in that very moment stands, and is none of theirs."""
    stage.book.write(ev.Held(why="no data"))
    seen = stage.book.record.seq
    resume = ev.Ordered(order="resume", person="devops", via="slack", reason="r", seen=seen)
    hold = ev.Ordered(order="hold", person="security", via="slack", reason="looking")
    inbox.order(crossing(stage, hold), stage.frozen, resume)
    (standing,) = stage.book.refresh().holding
    assert standing == hold
    assert lets_go(resume, stage.book.record) is False
    with pytest.raises(Refused, match=r"came later than what you could see \(Security lead: looking\)"):
        inbox.order(stage.book, stage.frozen, resume.model_copy(update={"at": now()}))


def first_change() -> ev.StepIntended:
    """Traffic is about to be switched."""
    switch = {"step": "switch", "attempt": 1, "token": 1, "deadline": now(), "does": "traffic from blue to green"}
    return ev.StepIntended.model_validate(
        {**switch, "before": "absent", "undo_summary": "traffic back to blue", "undo": {"pool": "blue"}}
    )


def test_a_scrub_that_crosses_with_the_first_change_is_judged_by_what_it_would_do(stage: Stage) -> None:
    """Before a change anyone ends a launch; after it that is a rollback, and wants the right to one."""
    undo = first_change()
    scrub = ev.Ordered(order="scrub", person="product", via="slack", reason="r")
    with pytest.raises(Refused, match="it came too late: Product manager may not roll back"):
        inbox.order(crossing(stage, undo), stage.frozen, scrub)
    assert not stage.book.refresh().must_roll_back


def test_a_scrub_whose_author_saw_no_change_undoes_none(stage: Stage) -> None:
    """Where they may roll back, too: they said yes to a launch that just ends. Who says what they saw now is heard."""
    scrub = ev.Ordered(order="scrub", person="devops", via="slack", reason="r", seen=stage.book.record.seq)
    with pytest.raises(Refused, match="it came too late: a change began just now: switch; look and say it again"):
        inbox.order(crossing(stage, first_change()), stage.frozen, scrub)
    assert "a change began just now: switch" in stage.refusals()[-1].why
    assert stage.book.refresh().scrubbed is None
    inbox.order(stage.book, stage.frozen, scrub.model_copy(update={"seen": stage.book.record.seq}))
    assert stage.book.refresh().must_roll_back


def test_a_scrub_that_does_not_say_what_its_author_saw_is_as_before(stage: Stage) -> None:
    """From Slack and by --yes: after the first change it is a rollback."""
    scrub = ev.Ordered(order="scrub", person="devops", via="slack", reason="r")
    inbox.order(crossing(stage, first_change()), stage.frozen, scrub)
    assert stage.book.refresh().must_roll_back
