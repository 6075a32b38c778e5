"""The local journal: what an undo needs outlives the ledger, a torn line, a crash, and several writers at once."""

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tminus.ledger.conftest import sqlite_ledger
from tests.tminus.ledger.other_process import other_process
from tests.tminus.ledger.test_lease import eventually
from tminus import events as ev
from tminus.errors import LedgerError
from tminus.journal import Journal

LAUNCH = "tradesense-2.0.0-1"
_numbers = count()


def intent(step: str) -> ev.StepIntended:
    """An action that is about to act."""
    deadline = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    return ev.StepIntended(
        step=step,
        attempt=1,
        token=1,
        deadline=deadline,
        does="é",
        before="blue",
        undo={"to": "blue"},
        undo_summary="back",
    )


def file_of(folder: Path) -> Path:
    """Where it is."""
    return folder / "journal" / f"{LAUNCH}.jsonl"


def test_what_was_kept_is_read_back_in_order(tmp_path: Path) -> None:
    """Intents and unwritten events come back as they were, each kind in its order; where nothing was kept, nothing."""
    journal = Journal(tmp_path / "state", LAUNCH)
    assert (journal.intents(), journal.unwritten()) == ([], [])
    journal.keep_intent(intent("roll-out"))
    events = (ev.RollbackBegan(why="breach", by="tminus"), ev.UndoIntended(step="roll-out", token=1))
    journal.keep_unwritten(events)
    journal.keep_intent(intent("switch"))
    again = Journal(tmp_path / "state", LAUNCH)
    assert [one.step for one in again.intents()] == ["roll-out", "switch"]
    assert again.intents()[0].undo == {"to": "blue"}
    assert again.unwritten() == list(events)


def test_launches_have_a_file_each(tmp_path: Path) -> None:
    """Names that differ only behind a dot do not share a journal."""
    Journal(tmp_path, "release-1.0").keep_intent(intent("roll-out"))
    assert Journal(tmp_path, "release-1.1").intents() == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(torn=st.integers(0, 400))
def test_a_torn_last_line_never_counts_and_never_spoils(tmp_path: Path, torn: int) -> None:
    """Wherever the machine stopped within a line, the lines before it stand, and what is kept next is whole."""
    folder = tmp_path / str(next(_numbers))
    journal = Journal(folder, LAUNCH)
    journal.keep_intent(intent("roll-out"))
    whole = file_of(folder).read_bytes()
    journal.keep_intent(intent("switch"))
    both = file_of(folder).read_bytes()
    file_of(folder).write_bytes(both[: len(whole) + min(torn, len(both) - len(whole) - 1)])
    assert [one.step for one in Journal(folder, LAUNCH).intents()] == ["roll-out"]
    Journal(folder, LAUNCH).keep_unwritten([ev.Told(what="next")])
    assert [one.step for one in Journal(folder, LAUNCH).intents()] == ["roll-out"]
    assert [event.type for event in Journal(folder, LAUNCH).unwritten()] == ["told"]


def test_a_tail_of_zeros_is_a_torn_line(tmp_path: Path) -> None:
    """After a power cut a file can end in zeros that nobody wrote."""
    Journal(tmp_path, LAUNCH).keep_intent(intent("roll-out"))
    with file_of(tmp_path).open("ab") as file:
        file.write(b"\0" * 500)
    Journal(tmp_path, LAUNCH).keep_intent(intent("switch"))
    assert [one.step for one in Journal(tmp_path, LAUNCH).intents()] == ["roll-out", "switch"]


@pytest.mark.parametrize("damage", [b"\xff\xfe\n", b'["intent"]\n', b"{}\n", b"\n"])
def test_a_damaged_line_is_named(tmp_path: Path, damage: bytes) -> None:
    """A whole line that cannot be read is no torn one: it says where it stands."""
    Journal(tmp_path, LAUNCH).keep_intent(intent("roll-out"))
    with file_of(tmp_path).open("ab") as file:
        file.write(damage)
    with pytest.raises(LedgerError, match=rf"{LAUNCH}\.jsonl:2 is damaged"):
        Journal(tmp_path, LAUNCH).intents()


def test_a_merge_forgets_only_what_was_merged(tmp_path: Path) -> None:
    """What was kept after the merge began to read stays, and so do the intents; told twice stays told once more."""
    journal = Journal(tmp_path, LAUNCH)
    journal.keep_intent(intent("roll-out"))
    twice = ev.Told(what="twice")
    journal.keep_unwritten([ev.Told(what="first"), twice])
    assert len(journal.unwritten()) == 2
    journal.keep_unwritten([ev.Told(what="meanwhile"), twice])
    journal.forget_unwritten()
    assert [one.step for one in journal.intents()] == ["roll-out"]
    assert [getattr(event, "what", "") for event in journal.unwritten()] == ["meanwhile", "twice"]
    journal.forget_unwritten()
    assert journal.unwritten() == []
    journal.forget_unwritten()
    assert [one.step for one in journal.intents()] == ["roll-out"]


def test_nothing_is_forgotten_that_was_not_read(tmp_path: Path) -> None:
    """To forget without having read forgets nothing."""
    Journal(tmp_path, LAUNCH).keep_unwritten([ev.Told(what="first")])
    Journal(tmp_path, LAUNCH).forget_unwritten()
    assert len(Journal(tmp_path, LAUNCH).unwritten()) == 1


def test_what_the_chain_has_already_is_not_merged_again(tmp_path: Path) -> None:
    """Where a merge broke off after the ledger took it, its events are not told twice."""
    journal = Journal(tmp_path, LAUNCH)
    first, second = ev.Told(what="first"), ev.Told(what="second")
    journal.keep_unwritten([first, second])
    assert journal.unwritten(written=[ev.write(first)]) == [second]
    journal.forget_unwritten()
    assert journal.unwritten() == []


def test_what_was_kept_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a call returns, the line, and the folder that names a new file, were synced; after a merge too."""
    synced: list[str] = []
    real: Callable[[int], None] = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    journal = Journal(tmp_path, LAUNCH)
    journal.keep_intent(intent("roll-out"))
    assert synced == [f"{LAUNCH}.jsonl", "journal"]
    journal.keep_unwritten([ev.Told(what="first")])
    assert synced[2:] == [f"{LAUNCH}.jsonl"]
    journal.unwritten()
    journal.forget_unwritten()
    assert synced[3:] == [f"{LAUNCH}.jsonl.new", "journal"]


def test_processes_that_write_at_once_lose_no_line(tmp_path: Path) -> None:
    """Lines longer than a write's buffer, from several processes, while this one merges: each comes back, once."""
    variables = sqlite_ledger(tmp_path).variables
    merged: list[str] = []
    with ExitStack() as stack:
        others = [stack.enter_context(other_process(variables)) for _ in range(2)]
        for other in others:
            other.tell("journal", tmp_path, LAUNCH, 30)
        journal = Journal(tmp_path, LAUNCH)
        for _ in range(20):
            merged += [ev.write(event) for event in journal.unwritten()]
            journal.forget_unwritten()
        assert [other.says() for other in others] == ["done", "done"]
        merged += [ev.write(event) for event in journal.unwritten()]
    assert len(merged) == 60
    assert len(set(merged)) == 60


def test_a_writer_that_was_killed_holds_nobody_up(tmp_path: Path) -> None:
    """A kill -9 in the middle of writing leaves whole lines behind, and the file free."""
    with other_process(sqlite_ledger(tmp_path).variables) as other:
        other.tell("journal", tmp_path, LAUNCH, 100_000)
        assert eventually(lambda: len(Journal(tmp_path, LAUNCH).unwritten()) > 3)
        os.kill(other.pid, signal.SIGKILL)
        other.process.wait()
    before = len(Journal(tmp_path, LAUNCH).unwritten())
    Journal(tmp_path, LAUNCH).keep_unwritten([ev.Told(what="after")])
    assert len(Journal(tmp_path, LAUNCH).unwritten()) == before + 1
