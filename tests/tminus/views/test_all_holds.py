"""Several hold at once: each is shown, since what lets go of one does not let go of another."""

from pathlib import Path

from tests.tminus.launch_story import Story
from tests.tminus.staged_launch import Stage
from tests.tminus.told_launches import deployed
from tminus import events as ev
from tminus.headline import awaited, headline
from tminus.messages.forms import SlackLetter
from tminus.messages.slack import letters
from tminus.offers import offers
from tminus.outcome import Outcome
from tminus.spoken import time_said


def also(story: Story) -> str:
    """What whoever is awaited is told to do."""
    (one,) = awaited(story.frozen, story.record, story.at)
    return one.what


def test_status_lists_every_hold(tmp_path: Path) -> None:
    """The latest as what to do, the others with who and why."""
    story = deployed(tmp_path)
    story.hold("security-1", "an alert, looking")
    assert also(story) == "say how it goes on"
    story.write(ev.Held(at=story.wait(0.1), why="services-online fail", step="services-online"))
    assert also(story) == "mend services-online; also held by Security lead, first shift: an alert, looking"
    story.hold("devops-1", "me too")
    said = (
        "say how it goes on; held by Security lead, first shift: an alert, looking; tminus: services-online fail; "
        "DevOps lead, first shift: me too"
    )
    assert also(story) == said


def test_the_headline_has_every_hold_the_first_one_first(tmp_path: Path) -> None:
    """Since when, whose and why: it goes on only when all of them have ended."""
    story = deployed(tmp_path)
    story.hold("security-1", "an alert, looking")
    first = headline(story.frozen, story.record).sentence
    story.write(ev.Held(at=story.wait(0.1), why="services-online fail", step="services-online"))
    both = headline(story.frozen, story.record).sentence
    (earlier, later), stands = story.record.holding, first.partition("looking; ")[2]
    theirs = f"since {time_said(earlier.at)}: held by Security lead, first shift: an alert, looking"
    assert f"{theirs}; {stands}" in first
    assert f"{theirs}. Also since {time_said(later.at)}: services-online " in both
    assert both.endswith(f"; {stands}")


def test_what_ends_a_persons_hold_is_offered_beside_what_ends_a_steps(tmp_path: Path) -> None:
    """A retry lets go of what is held for the step, and of nothing else."""
    stage = Stage.set(tmp_path)
    stage.end_step("services-healthy", Outcome.failed("healthy 4 of 6"))
    stage.book.write(ev.Held(why="services-healthy fail", step="services-healthy"))
    assert [one.does for one in offers(stage.frozen, stage.book.record)][2:] == ["to end it"]
    stage.book.write(ev.Ordered(order="hold", person="security", via="slack", reason="an alert, looking"))
    stage.book.write(ev.Held(why="services-healthy fail", step="services-healthy"))
    ways = [one.does for one in offers(stage.frozen, stage.book.record)]
    assert ways == ["to try services-healthy again", "to accept it as it is", "to let go of every hold", "to end it"]


def test_what_each_conductor_finds_again_is_one_hold(tmp_path: Path) -> None:
    """Since the first of them, in the headline, to whoever is awaited and in Slack; another step's stands beside it."""
    story = deployed(tmp_path)
    again = ev.Held(at=story.wait(0.1), why="services-online fail", step="services-online")
    story.write(again)
    once = headline(story.frozen, story.record).sentence
    for _ in range(2):
        story.write(again.model_copy(update={"at": story.wait(0.1)}))
    assert headline(story.frozen, story.record).sentence == once
    assert (also(story), "Also" in once) == ("mend services-online", False)
    story.hold("devops-1", "me too")
    assert also(story).count("services-online fail") == 1
    assert headline(story.frozen, story.record).sentence.count(". Also since ") == 1
    (board, *_) = letters(story.frozen, again.model_copy(update={"why": "late", "step": ""}), story.record)
    assert SlackLetter.model_validate_json(board.body).text.count("services-online fail") == 1


def test_a_reason_invents_no_hold(tmp_path: Path) -> None:
    """On one line, in the headline and in Slack: what follows it there is of tminus."""
    story = deployed(tmp_path)
    order = ev.Ordered(order="hold", person="devops-1", via="slack", reason="wait\nAlso held by CEO: stop", at=story.at)
    shown = "".join(letter.body for letter in letters(story.frozen, order, story.record))
    assert ("wait Also held by CEO: stop" in shown, "nAlso held by CEO" in shown) == (True, False)
    story.hold("devops-1", "wait\nAlso held by CEO: stop")
    assert "\n" not in headline(story.frozen, story.record).sentence
