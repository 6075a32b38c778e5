"""From a launch's record to its report."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.tminus.launch_story import Story
from tests.tminus.told_launches import STORIES, deployed, prepared, watching
from tminus import events as ev
from tminus.briefing import debrief
from tminus.errors import UsageError
from tminus.expectation import Measurement
from tminus.outcome import Outcome
from tminus.record import Record
from tminus.report.drawing_up import draw_up
from tminus.report.model import Report
from tminus.report.steps import step_spans

Told = Callable[[str], Story]


def report(story: Story) -> Report:
    """The story's report, at its end."""
    return draw_up(story.frozen, story.record, story.at)


@pytest.mark.parametrize("name", STORIES)
def test_the_report_is_data(told: Told, name: str) -> None:
    """report.json reads back as the same report, whatever happened."""
    found = report(told(name))
    assert Report.model_validate_json(found.model_dump_json()) == found
    assert found.over == (told(name).record.closed is not None)
    assert [phase.phase for phase in found.phases] == ["T-4h", "T-15m", "T-0", "T+4h"]


def test_an_empty_chain_is_a_clear_error(told: Told) -> None:
    """There is nothing to report on, and what to type next is said."""
    with pytest.raises(UsageError, match="no events to report on; `tminus status` lists"):
        draw_up(told("created").frozen, Record(), told("created").at)


def test_evidence_stands_with_its_step(told: Told) -> None:
    """Expected, found, when, where, owner as people say it, and refs."""
    steps = {step.id: step for phase in report(told("stale-backup")).phases for step in phase.steps}
    backup = steps["backup-completed"]
    assert backup.expected == ("age < 24 h", "encrypted = yes", "same_database = yes")
    assert backup.found == ("age 31.5 h", "encrypted yes", "same_database yes")
    assert backup.blocked
    assert backup.owner == "DevOps lead"
    assert backup.refs == ("tradesense/launch-day-checklist/pre-launch-t-4-hours/2",)
    assert steps["switch"].mark.word == "not begun"
    assert not steps["switch"].blocked


def test_an_advisory_step_that_fails_blocks_nothing(tmp_path: Path) -> None:
    """It is shown, and the phase is not counted as blocked."""
    story = prepared(tmp_path)
    story.check("dashboards-ready", present=Measurement.number("present", 1, of=2))
    phase = report(story).phases[0]
    assert not phase.blocked
    assert {step.id: step.mark.word for step in phase.steps}["dashboards-ready"] == "fail"


def test_who_decided_what_is_complete(told: Told) -> None:
    """Every answer with its person, time and channel; refusals and orders beside them."""
    found = report(told("launched"))
    go = next(ask for ask in found.decisions if ask.step == "go-no-go")
    assert [(answer.who, answer.said) for answer in go.answers] == [
        ("DevOps lead, first shift", "approved"),
        ("Engineering lead, first shift", "approved"),
        ("Security lead, first shift", "approved"),
    ]
    assert {seat.role: seat.people for seat in go.seats}["DevOps lead"] == ("DevOps lead, first shift",)
    assert [(order.who, order.what) for order in found.orders] == [
        ("Security lead, first shift", "hold"),
        ("Security lead, first shift", "resume"),
    ]
    assert [one.why for one in found.refusals] == ["the CEO was not asked"]


def test_an_answer_to_an_earlier_question_no_longer_counts(told: Told, tmp_path: Path) -> None:
    """When what was asked has changed, an old yes is shown as what it is."""
    story = prepared(tmp_path)
    story.start("T-15m")
    story.ask("go-no-go")
    story.answer("go-no-go", "devops_lead", "approve")
    again = story.record.asks["go-no-go"].opened.model_copy(update={"decision_digest": "sha256:" + "0" * 64})
    story.write(again)
    go = report(story).decisions[-1]
    assert [answer.counts for answer in go.answers] == [False]
    assert all(not seat.people for seat in go.seats)


def test_the_watch_is_held_against_its_limits(told: Told) -> None:
    """Sums, limits and the old version's own figures, in the units of the charts."""
    watch = report(told("rolled-back")).watch
    assert watch is not None
    assert (watch.requests, watch.failed, watch.samples) == (292, 35, 5)
    assert (watch.error_limit, watch.p95_limit, watch.p95_before) == (0.1, 200, 50)
    assert watch.error_before == pytest.approx(100 * 2 / 12000)
    assert watch.mark.word == "breach"
    assert [(span.version, span.new) for span in watch.versions] == [
        ("1.0.0", False),
        ("2.0.0", True),
        ("1.0.0", False),
    ]


@pytest.mark.parametrize("name", ["created", "waiting-for-go", "rejected", "stale-backup", "scrubbed"])
def test_before_t_0_there_is_no_watch(told: Told, name: str) -> None:
    """And no way back."""
    assert report(told(name)).watch is None
    assert report(told(name)).rollback is None


def test_the_way_back_says_how_long_each_stage_took(told: Told) -> None:
    """Onset → decision → rollback started → switched back → proven, in the order of time."""
    back = report(told("rolled-back")).rollback
    assert back is not None
    assert [stage.label for stage in back.stages] == [
        "first bad sample",
        "decided",
        "rollback started",
        "switched back",
        "proven",
    ]
    assert [round(stage.after or 0, 2) for stage in back.stages] == [0, 1.0, 0.13, 0.42, 0.92]


def test_the_last_bad_request_is_a_stage_where_it_was_counted(tmp_path: Path) -> None:
    """What counted requests at the door knows it better than the watch, which had ended."""
    story = watching(tmp_path)
    story.write(ev.RollbackBegan(at=story.wait(0.1), why="customers call", by="devops-1"))
    last_bad = story.wait(0.5)
    story.write(ev.RollbackEnded(at=story.wait(0.5), proven=True, said="proven", last_bad=last_bad))
    back = report(story).rollback
    assert back is not None
    assert [(stage.label, stage.after) for stage in back.stages] == [
        ("rollback started", None),
        ("last bad request", 0.5),
        ("proven", 0.5),
    ]
    assert back.by == "DevOps lead, first shift"


def test_a_hold_ends_with_what_ended_it(told: Told) -> None:
    """A resume, a waiver, the close; one that is open has no end."""
    launched, waived, held = (report(told(name)) for name in ("launched", "waived", "no-metrics"))
    assert [hold.ended is not None for hold in (*launched.holds, *waived.holds, *held.holds)] == [True, True, True]
    (hold,) = waived.holds
    assert hold.at_step == "no-known-vulnerability"
    assert hold.ended is not None
    assert hold.ended - hold.started == timedelta(seconds=2)


def test_a_second_look_is_a_span_of_its_own(tmp_path: Path) -> None:
    """What is observed again before the go does not stretch the first look over four hours."""
    story = prepared(tmp_path)
    story.start("T-15m")
    first = story.record.step("services-healthy").outcome
    assert first is not None
    story.write(ev.StepEnded(at=story.wait(0.2), step="services-healthy", attempt=1, outcome=first, again=True))
    spans = [span for span in step_spans(story.record.events) if span.at_step == "services-healthy"]
    assert [span.kind for span in spans] == ["attempt", "again"]
    assert all(span.ended and span.ended - span.started < timedelta(seconds=1) for span in spans)


def test_an_undo_that_failed_is_not_called_taken_back(tmp_path: Path) -> None:
    """Its span has the verdict it came to."""
    story = deployed(tmp_path)
    story.write(ev.RollbackBegan(at=story.wait(0.1), why="bad", by="tminus"))
    story.write(ev.UndoIntended(at=story.at, step="switch", token=1))
    story.write(ev.UndoEnded(at=story.wait(1), step="switch", outcome=Outcome.failed("nginx refused")))
    steps = {step.id: step for phase in report(story).phases for step in phase.steps}
    assert steps["switch"].spans[-1].mark.word == "fail"
    assert steps["switch"].mark.word == "pass"


def test_provenance_proves_the_report(told: Told) -> None:
    """Digests, head, anchors by its own word, how many events came after them, and the command that verifies it all."""
    story = told("launched")
    found = report(story).provenance
    last = story.record.stored[-1]
    assert found.digests == story.frozen.created.digests
    assert found.head == f"{last.chain}#{last.seq}:{last.hash}"
    assert found.command == "tminus ledger verify tradesense-2-0-0-1 --environment FILE"
    assert found.unanchored == last.seq - found.anchors[-1].seq
    assert len(found.anchors) == 4
    assert found.faults == ()


def test_a_chain_that_was_changed_is_reported(told: Told) -> None:
    """The report says that it must not be relied on."""
    story = told("launched")
    record = Record.of(story.record.stored)
    record.stored[5] = replace(record.stored[5], body=record.stored[5].body.replace("T-4h", "T-3h"))
    assert draw_up(story.frozen, record, story.at).provenance.faults


def test_a_watch_that_a_rollback_by_hand_cut_short_runs_no_more(tmp_path: Path) -> None:
    """It ended without a verdict, in the report and in the debrief; one that still watches says that it does."""
    story = watching(tmp_path)
    under_way = report(story).watch
    assert under_way is not None
    assert (under_way.mark.word, under_way.why) == ("running", "")
    story.back("it smells", by="devops-1")
    watch, began = report(story).watch, story.record.rollback
    assert watch is not None
    assert began is not None
    why = f"the way back began at {began.at:%H:%M:%S} UTC, before the watch had decided"
    assert (watch.mark.word, watch.why) == ("no verdict", why)
    assert f"; no verdict: {why}" in debrief(story.frozen, story.record)
