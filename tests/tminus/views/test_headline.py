"""Where a launch is, in one sentence, and whom it waits for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tminus.launch_story import Story
from tests.tminus.told_launches import STORIES, deployed, stale_backup, watching
from tminus import events as ev
from tminus.headline import awaited, headline

Told = Callable[[str], Story]


@pytest.mark.parametrize(
    ("name", "begins", "symbol"),
    [
        ("created", "COUNTING DOWN tradesense 2.0.0: T-4h begins at 02:30:40 UTC", "▸"),
        ("waiting-for-go", "WAITING tradesense 2.0.0 at T-15m: Go, or no go waits for engineering lead and", "▸"),
        ("watching", "WATCHING tradesense 2.0.0: 0 of ", "▸"),
        ("launched", "GO tradesense 2.0.0", "✓"),
        ("rolled-back", "ROLLED BACK", "↩"),
        ("rejected", "NO-GO", "✗"),
        ("no-metrics", "HELD", "‖"),
        ("scrubbed", "SCRUBBED", "⊘"),
        ("waived", "UNDER WAY tradesense 2.0.0 at T-4h", "▸"),
    ],
)
def test_every_standing_has_its_sentence(told: Told, name: str, begins: str, symbol: str) -> None:
    """The word first, then what, where and whom; and a symbol of its own."""
    now = headline(told(name).frozen, told(name).record)
    assert now.sentence.startswith(begins)
    assert now.mark.symbol == symbol


@pytest.mark.parametrize("name", STORIES)
def test_it_is_one_line(told: Told, name: str) -> None:
    """Whatever goes on."""
    assert "\n" not in headline(told(name).frozen, told(name).record).sentence


def test_a_rollback_under_way_and_one_not_proven(tmp_path: Path) -> None:
    """While it goes on it says so; when it could not be proven it asks for eyes."""
    story = watching(tmp_path)
    story.write(ev.RollbackBegan(at=story.wait(0.1), why="customers call", by="devops-1"))
    assert headline(story.frozen, story.record).sentence.startswith("ROLLING BACK tradesense 2.0.0")
    story.write(ev.RollbackEnded(at=story.wait(0.1), proven=False, said="the way back is not proven"))
    now = headline(story.frozen, story.record)
    assert now.mark.tone == "bad"
    assert "look at it now" in now.sentence


def test_those_who_are_asked_are_awaited_by_name(told: Told) -> None:
    """Role, who could, until when, and what to type; not who has answered."""
    waiting = awaited(told("waiting-for-go").frozen, told("waiting-for-go").record, told("waiting-for-go").at)
    assert [one.who for one in waiting] == [
        "1 engineering lead: Engineering lead, first shift",
        "1 security lead: DevOps lead, second shift or Security lead, first shift",
    ]
    assert "tminus approve tradesense-2-0-0-1" in waiting[0].how


def test_a_held_step_waits_for_its_owner(tmp_path: Path) -> None:
    """The owner, and the commands that end the hold; no waiver is offered where the book allows none."""
    story = deployed(tmp_path)
    story.blind("services-online", "nobody answers")
    story.write(ev.Held(at=story.wait(0.1), why="services-online unknown", step="services-online"))
    assert [one.who for one in awaited(story.frozen, story.record, story.at)] == ["DevOps lead"]
    assert "waive" in awaited(story.frozen, story.record, story.at)[0].how
    story.blind("error-rate-watched", "no samples")
    story.write(ev.Held(at=story.wait(0.1), why="error-rate-watched unknown", step="error-rate-watched"))
    how = awaited(story.frozen, story.record, story.at)[0].how
    assert how.startswith("tminus retry tradesense-2-0-0-1 error-rate-watched")
    assert "waive tradesense-2-0-0-1 error-rate-watched" not in how
    story.hold("devops-1", "looking")
    assert awaited(story.frozen, story.record, story.at)[0].how.startswith("tminus resume")


def test_once_the_way_back_is_ordered_nobody_is_asked_for_anything(tmp_path: Path) -> None:
    """An open question would take no answer any more, and a hold holds nothing; who ordered it is said."""
    story = deployed(tmp_path)
    story.ask("go-no-go")
    story.hold("security-1", "looking")
    assert len(awaited(story.frozen, story.record, story.at)) > 1
    ordered = ev.Ordered(at=story.wait(1), order="rollback", person="devops-1", via="slack", reason="customers call")
    story.write(ordered)
    assert awaited(story.frozen, story.record, story.at) == []
    said = headline(story.frozen, story.record).sentence
    assert said.startswith("rollback of tradesense 2.0.0 ordered by DevOps lead, first shift: customers call")


def test_after_the_end_nobody_is_awaited(tmp_path: Path) -> None:
    """Also where the launch closed while it was held."""
    story = stale_backup(tmp_path)
    assert awaited(story.frozen, story.record, story.at) == []
