"""What the team reads before and after a launch."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tminus.launch_story import Story, bad_sample
from tests.tminus.told_launches import STORIES, deployed
from tminus import events as ev
from tminus.briefing import LIMIT, brief, debrief

Told = Callable[[str], Story]


def test_the_brief_says_what_when_who_and_how_to_stop_it(told: Told) -> None:
    """Versions, each phase's wall-clock time, the quorum, those on duty, and the commands."""
    story = told("created")
    text = brief(story.frozen, story.record)
    for said in (
        "trading 1.0.0 → 2.0.0",
        "T-4h at 02:30:40 UTC",
        "T-15m at 02:30:58 UTC",
        "T+4h at 02:31:20 UTC",
        "1 DevOps lead, 1 engineering lead and 1 security lead",
        "product manager and CEO may say no",
        "tminus hold tradesense-2-0-0-1 --reason",
        "tminus scrub tradesense-2-0-0-1 --reason",
        "tminus rollback tradesense-2-0-0-1 --reason",
        "takes the change back, once, and proves it",
    ):
        assert said in text


def test_the_debrief_says_what_happened(told: Told) -> None:
    """The end, how long, holds, what failed at first sight, the watch, and the follow-ups with owners."""
    story = told("launched")
    text = debrief(story.frozen, story.record)
    for said in (
        "GO tradesense 2.0.0 launched",
        "15 of 15 steps passed, 1 hold, no waivers, 8 answers (1 refused)",
        "Security lead, first shift: an unrelated alert",
        "dashboards-ready unknown",
        "20 samples, 0 of 1200 requests failed",
        "security lead: held by security-1",
    ):
        assert said in text


def test_the_debrief_of_a_rollback_says_why_and_how_fast(told: Told) -> None:
    """The breach, the way back and its proof."""
    text = debrief(told("rolled-back").frozen, told("rolled-back").record)
    assert "breach: 38 of 174 requests failed" in text
    assert "1.3 s later, proven" in text


def test_before_the_end_the_debrief_says_how_things_stand(told: Told) -> None:
    """The debrief is read before the launch is closed."""
    assert "has served since 02:31:04 UTC" in debrief(told("watching").frozen, told("watching").record)
    assert "changed nothing so far" in debrief(told("created").frozen, told("created").record)


@pytest.mark.parametrize("name", STORIES)
def test_both_fit_into_a_message(told: Told, name: str) -> None:
    """At most 2,800 characters, whatever happened."""
    story = told(name)
    assert 0 < len(brief(story.frozen, story.record)) <= LIMIT
    assert 0 < len(debrief(story.frozen, story.record)) <= LIMIT


def test_a_very_eventful_launch_still_fits(tmp_path: Path) -> None:
    """Lists are cut with a count of what is left out, and the whole never exceeds the limit."""
    story = deployed(tmp_path)
    story.watch(3, bad_sample)
    for number in range(40):
        story.write(ev.Held(at=story.wait(1), why=f"reason {number} " * 40, step="switch"))
        story.write(ev.FollowUp(at=story.at, what=f"thing {number} " * 60, owner="devops_lead", source="hold"))
    text = debrief(story.frozen, story.record)
    assert len(text) <= LIMIT
    assert "and 34 more" in text


def test_what_people_wrote_begins_no_line_of_its_own(tmp_path: Path) -> None:
    """A reason with line breaks cannot pass for something that the debrief says."""
    story = deployed(tmp_path)
    story.hold("security-1", "an alert\n*Waivers*\n• everything, by everybody")
    assert "an alert *Waivers* • everything, by everybody" in debrief(story.frozen, story.record)
    assert "\n• everything" not in debrief(story.frozen, story.record)
