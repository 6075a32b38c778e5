"""How a launch ended, in one sentence, and a phase's evidence as rows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tminus.launch_story import Story
from tests.tminus.told_launches import STORIES, created, deployed, prepared, watching
from tminus import events as ev
from tminus.headline import headline
from tminus.outcome import Outcome
from tminus.sentence import closing_sentence, evidence_rows, first_traffic, what_stands

Told = Callable[[str], Story]
_COLUMNS = {"step", "title", "verdict", "expected", "found", "when", "owner"}


def sentence(story: Story) -> str:
    """The sentence the story closed with."""
    assert story.record.closed is not None
    return story.record.closed.sentence


def test_a_launch_says_when_and_by_whose_approval(told: Told) -> None:
    """GO, when customers met the new version, and the roles that approved."""
    assert sentence(told("launched")) == (
        "GO tradesense 2.0.0 launched at 02:31:04 UTC, approved by DevOps lead, engineering lead and security lead."
    )


def test_a_no_go_says_who_said_no_and_what_state_things_are_in(told: Told) -> None:
    """A rejection names the person and the reason; a failed check what was found, expected, and its owner."""
    assert sentence(told("rejected")) == (
        "NO-GO tradesense 2.0.0 at T-15m: Security lead, first shift said no: "
        "the penetration test is still open; nothing was changed."
    )
    assert sentence(told("stale-backup")) == (
        "NO-GO tradesense 2.0.0 at T-4h: backup-completed failed: age 31.5 h, expected < 24 h (DevOps lead); "
        "nothing was changed."
    )


@pytest.mark.parametrize("result", ["rejected", "expired"])
def test_a_hold_does_not_hide_a_no_or_a_silence(tmp_path: Path, result: str) -> None:
    """What ended the launch is told, and not who happened to hold it then."""
    story = prepared(tmp_path)
    story.start("T-15m")
    story.ask("go-no-go")
    story.hold("devops-1", "coffee")
    why = "Security lead, first shift said no: the penetration test is still open"
    story.settle("go-no-go", result, why)
    said = closing_sentence(story.frozen, story.record, "no-go", f"Go, or no go: {result}: {why}")
    assert said == f"NO-GO tradesense 2.0.0 at T-15m: {why}; nothing was changed."
    over = closing_sentence(story.frozen, story.record, "no-go", "held by devops-1: coffee")
    assert "held by DevOps lead, first shift: coffee" in over


def test_a_decision_that_was_taken_back_is_no_reason(tmp_path: Path) -> None:
    """A no before a recycle did not end the launch."""
    story = prepared(tmp_path)
    story.start("T-15m")
    story.ask("go-no-go")
    story.settle("go-no-go", "rejected", "not today")
    story.write(ev.Ordered(at=story.wait(0.1), order="recycle", person="devops-1", via="slack", reason="r"))
    assert "too late" in closing_sentence(story.frozen, story.record, "no-go", "it is too late")


def test_a_rollback_says_why_and_whether_it_is_proven(told: Told) -> None:
    """Proven and not proven cannot be confused."""
    proven, unproven = sentence(told("rolled-back")), sentence(told("rollback-unproven"))
    assert proven.startswith("ROLLED BACK tradesense 2.0.0 at 02:31:07 UTC in 1.3 s: 38 of 174 requests failed")
    assert proven.endswith("the old version serves again (proven).")
    assert unproven.startswith("HELD tradesense 2.0.0 at T-0")
    assert "not proven" in unproven
    assert "somebody must look" in unproven


def test_a_rollback_by_hand_names_who_ordered_it(tmp_path: Path) -> None:
    """The person's name stands in the sentence, not an id."""
    story = watching(tmp_path)
    story.back("customers call", by="devops-1")
    said = closing_sentence(story.frozen, story.record, "rolled back", "customers call")
    assert " by DevOps lead, first shift in " in said


def test_what_is_held_says_that_customers_meet_the_new_version(told: Told) -> None:
    """On-call reads what was changed and not taken back."""
    assert sentence(told("no-metrics")).endswith(
        "the new version serves customers; roll-out and switch were begun and not taken back."
    )


def test_a_scrub_names_the_person_and_the_reason(told: Told) -> None:
    """By whom, and why."""
    assert sentence(told("scrubbed")) == (
        "SCRUBBED tradesense 2.0.0 at T-4h by DevOps lead, first shift: the market moved; nothing was changed."
    )


def test_a_sentence_holds_no_whole_command_line(tmp_path: Path) -> None:
    """A failed roll-out names the command it began with and what it came to; the record keeps all of it."""
    story = prepared(tmp_path)
    command = "platformctl roll-out --pool green " + " ".join(f"--label key-{number}=value" for number in range(60))
    summary = f"in doubt: {command}: exit status 5: …no space left on device"
    story.start("T-0")
    story.blind("roll-out", summary)
    story.write(ev.Held(at=story.wait(0.1), why=summary, step="roll-out"))
    for said in (
        closing_sentence(story.frozen, story.record, "held", summary),
        closing_sentence(story.frozen, story.record, "no-go", "another reason: " + summary),
        headline(story.frozen, story.record).sentence,
    ):
        assert len(said) < 450
        assert "platformctl roll-out --pool green" in said
        assert "exit status 5: …no space left on device" in said
    assert command in (story.record.step("roll-out").outcome or Outcome.unknown("")).summary


def test_a_waiver_is_said_with_the_go(tmp_path: Path) -> None:
    """A launch that rests on a waiver does not look like one that rests on none."""
    story = deployed(tmp_path)
    waive = ev.Ordered(order="waive", person="security-1", via="slack", reason="accepted", step="services-healthy")
    story.write(waive)
    assert "with 1 waived step" in closing_sentence(story.frozen, story.record, "launched", "")


@pytest.mark.parametrize("result", ["launched", "rolled back", "no-go", "held", "scrubbed"])
@pytest.mark.parametrize("name", ["created", "waiting-for-go", "watching", "waived", "rollback-unproven"])
def test_any_end_at_any_time_is_one_line(told: Told, name: str, result: ev.Result) -> None:
    """Whatever happened so far, there is a sentence, and it says its word first."""
    story = told(name)
    said = closing_sentence(story.frozen, story.record, result, "because\nof two\nlines.")
    assert "\n" not in said
    assert said.startswith({"launched": "GO", "no-go": "NO-GO"}.get(result, result.upper()))
    assert said.endswith(".")


@pytest.mark.parametrize("name", STORIES)
def test_rows_of_every_phase_are_short_strings(told: Told, name: str) -> None:
    """One row a step, with every column, none longer than is read in a table."""
    story = told(name)
    for phase in story.frozen.runbook.phases:
        rows = evidence_rows(story.frozen, story.record, phase)
        assert [row["step"] for row in rows] == [step.id for step in phase.steps]
        for row in rows:
            assert set(row) == _COLUMNS
            assert all(isinstance(cell, str) and len(cell) <= 160 for cell in row.values())


def test_a_row_says_what_was_expected_found_and_when(told: Told) -> None:
    """The verdict in a symbol and a word, the owner as people say it."""
    story = told("stale-backup")
    rows = {row["step"]: row for row in evidence_rows(story.frozen, story.record, story.frozen.runbook.phases[0])}
    assert rows["backup-completed"] == {
        "step": "backup-completed",
        "title": "Last night's database backup is there, whole, encrypted, and no older than a day",
        "verdict": "✗ fail",
        "expected": "age < 24 h, encrypted = yes, same_database = yes",
        "found": "age 31.5 h, expected < 24 h",
        "when": "02:30:40 UTC",
        "owner": "DevOps lead",
    }
    assert rows["team-briefed"]["verdict"] == "· not begun"


def test_the_first_traffic_is_the_end_of_the_last_change_at_t_0(tmp_path: Path) -> None:
    """Before it there is none; then it is when the switch had taken effect."""
    story = prepared(tmp_path)
    assert first_traffic(story.frozen, story.record) is None
    assert what_stands(story.frozen, story.record) == "nothing was changed"
    story.act("roll-out", "2.0.0 on pool green", undo="1.0.0 on pool green")
    story.act("switch", "traffic from blue to green", undo="traffic back to blue")
    assert first_traffic(story.frozen, story.record) == story.record.step("switch").ended


def test_a_launch_that_only_exists_has_changed_nothing(tmp_path: Path) -> None:
    """Nothing was begun, so nothing stands."""
    story = created(tmp_path)
    assert what_stands(story.frozen, story.record) == "nothing was changed"
