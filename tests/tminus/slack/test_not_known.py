"""Somebody who pressed or typed is told that it was not recorded only where that is certain."""

import pytest

from tests.tminus.broken_off import When, break_off
from tests.tminus.slack_room import Room
from tests.tminus.staged_launch import LAUNCH, Stage
from tminus.ledger.sqlite import SqliteStore


@pytest.mark.parametrize(
    ("when", "told", "recorded"),
    [
        ("before", "This was NOT recorded, the ledger does not answer.", False),
        ("while committing", "It is NOT KNOWN whether this was recorded", False),
        ("after", "It is NOT KNOWN whether this was recorded", True),
    ],
)
def test_a_press_whose_ledger_breaks_off(channel: Room, stage: Stage, when: When, told: str, recorded: bool) -> None:
    """With where to look; pressed again it counts, once."""
    assert isinstance(stage.store, SqliteStore)
    break_off(stage.store, when)
    said = channel.press("devops", "approve")
    assert said.startswith(told)
    assert ("/tminus status" in said) is not said.startswith("This")
    assert len(stage.book.refresh().asks["go-no-go"].answers) == int(recorded)
    again = channel.press("devops", "approve")
    assert again.startswith("This does not count: DevOps lead, first shift already said approve" if recorded else "Rec")
    assert len(stage.book.refresh().asks["go-no-go"].answers) == 1


def test_a_command_and_a_dialog_too(channel: Room, stage: Stage) -> None:
    """By every way."""
    assert isinstance(stage.store, SqliteStore)
    break_off(stage.store, "after")
    assert channel.type("security", f"hold {LAUNCH} looking").startswith("It is NOT KNOWN whether this was recorded")
    assert channel.type("security", f"hold {LAUNCH} looking").startswith("This does not count: Security lead holds it")
    view = channel.dialog("devops", "reject")
    break_off(stage.store, "after")
    assert channel.hand_in("devops", view, reason="no").startswith("It is NOT KNOWN whether this was recorded")
    assert len(stage.book.refresh().asks["go-no-go"].answers) == 1
