"""A launch in the terminal."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from tests.tminus.launch_story import Story
from tests.tminus.told_launches import STORIES, deployed, waiting_for_go
from tminus import events as ev
from tminus.countdown import lines, render, show_live
from tminus.headline import headline
from tminus.record import Record

Told = Callable[[str], Story]


def screen(story: Story, width: int = 80, rows: int | None = None) -> list[str]:
    """The lines of the view, without colour."""
    console = Console(file=io.StringIO(), width=width, no_color=True)
    console.print(render(story.frozen, story.record, story.at, rows))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("name", STORIES)
def test_it_fits_80_columns_and_ends_with_the_verdict(told: Told, name: str) -> None:
    """No line is wider, every phase is there, and the last line is the headline's."""
    story = told(name)
    shown = screen(story)
    assert all(len(line) <= 80 for line in shown)
    assert all(any(phase.phase in line for line in shown) for phase in story.frozen.runbook.phases)
    flat = " ".join(" ".join(shown).split())
    assert flat.endswith(headline(story.frozen, story.record).sentence)


def test_what_did_not_pass_is_shown_with_its_whole_reason(told: Told) -> None:
    """Symbol, word, step and why: readable without colour."""
    flat = " ".join(" ".join(screen(told("no-metrics"))).split())
    assert "? unknown error-rate-watched" in flat
    assert "missing data is neither good nor bad" in flat


def test_what_is_over_early_says_what_is_still_to_come(told: Told) -> None:
    """A time that has not come yet was not."""
    shown = " ".join(screen(told("scrubbed")))
    assert "is due at 02:31:20 UTC" in shown
    assert "was due at" not in shown


def test_who_is_awaited_stands_with_what_to_type(told: Told) -> None:
    """The question, each role's candidates, the command."""
    flat = " ".join(screen(told("waiting-for-go")))
    assert "approve “Go, or no go” until 02:31:02 UTC" in flat
    assert "1 engineering lead: Engineering lead, first shift" in flat
    assert "tminus approve tradesense-2-0-0-1" in flat


def test_on_a_small_screen_what_passed_makes_room(tmp_path: Path) -> None:
    """Steps that passed are left out first, so that the verdict stays on the screen."""
    story = deployed(tmp_path)
    assert any("restore-point" in line for line in screen(story, rows=40))
    small = screen(story, rows=13)
    assert not any("restore-point" in line for line in small)
    assert any("services-online" in line for line in small)


def test_lines_tell_what_is_worth_telling_once(told: Told) -> None:
    """Each has its time on both clocks; told again from a later number, nothing comes twice."""
    story = told("launched")
    everything = list(lines(story.frozen, story.record))
    half = story.record.seq // 2
    before = [line for line in everything if line not in list(lines(story.frozen, story.record, half))]
    assert before + list(lines(story.frozen, story.record, half)) == everything
    assert list(lines(story.frozen, story.record, story.record.seq)) == []
    assert all("\n" not in line for line in everything)
    assert any(line.startswith("02:30:40") and "T-4h begins" in line for line in everything)
    assert any("security-1" not in line and "ordered hold" in line for line in everything)


def test_lines_leave_the_verdict_to_the_caller(told: Told) -> None:
    """The last line printed is the verdict, and it is printed once."""
    story = told("launched")
    assert story.record.closed is not None
    assert not any(story.record.closed.sentence in line for line in lines(story.frozen, story.record))


def test_good_samples_are_not_told_and_bad_ones_are(told: Told) -> None:
    """Two hours of good samples would drown everything else."""
    assert not any("requests failed (" in line or "samples:" in line for line in _told(told("watching")))
    assert any("3 samples: 35 of 174 requests failed" in line for line in _told(told("rolled-back")))
    assert any("4 missing" in line for line in _told(told("no-metrics")))


def _told(story: Story) -> list[str]:
    return list(lines(story.frozen, story.record))


def test_the_live_view_ends_with_the_launch(tmp_path: Path) -> None:
    """It refreshes until the launch is closed, and gives its record back."""
    story = waiting_for_go(tmp_path)
    looks = 0

    def refresh() -> Record:
        nonlocal looks
        looks += 1
        if looks == 3:
            story.close("scrubbed", "SCRUBBED it.")
        return story.record

    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    record = show_live(console, story.frozen, refresh, pause=0)
    assert looks == 3
    assert isinstance(record.closed, ev.LaunchClosed)
    assert isinstance(console.file, io.StringIO)
    assert "SCRUBBED it." in console.file.getvalue()
