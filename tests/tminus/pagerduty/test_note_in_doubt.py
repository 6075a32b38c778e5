"""The author of a note is told that it was not recorded only where that is certain."""

import pytest

from tests.tminus.pagerduty_room import Room
from tests.tminus.staged_launch import Stage
from tminus.errors import InDoubt
from tminus.ledger.logbook import Logbook


def test_a_note_whose_ledger_breaks_off(notes: Room, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may stand there; written again it counts no second time."""
    write = Logbook.write

    def broken_off(book: Logbook, *events: object, **more: object) -> None:
        write(book, *events, **more)  # type: ignore[arg-type]
        raise InDoubt("the connection is lost")

    with monkeypatch.context() as patched:
        patched.setattr(Logbook, "write", broken_off)
        assert "It is NOT KNOWN whether this was recorded" in notes.write("devops", "hold")
    assert "holds it already" in notes.write("devops", "hold")
    assert len(stage.book.refresh().holding) == 1
