"""Several hold at once: each is shown, since what lets go of one does not let go of another."""

from pathlib import Path

from tests.tminus.launch_story import Story
from tests.tminus.told_launches import deployed
from tminus import events as ev
from tminus.headline import awaited


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
        "say how it goes on; also held by Security lead, first shift: an alert, looking; tminus: services-online fail"
    )
    assert also(story) == said
