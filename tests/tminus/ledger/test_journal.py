"""The local journal: what an undo needs outlives the ledger, a torn line, a crash, and several writers at once."""

import fcntl
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
from tminus.journal import Journal, Unwritten

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


SWITCH = intent("switch")


def file_of(folder: Path) -> Path:
    """Where it is."""
    return folder / "journal" / f"{LAUNCH}.jsonl"


def events_of(lines: list[Unwritten]) -> list[ev.Event | None]:
    """What the lines say."""
    return [line.event for line in lines]


def phases(lines: list[Unwritten]) -> list[str]:
    """The same, where it is phases that ended."""
    return [getattr(line.event, "phase", "") for line in lines]


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
    assert events_of(again.unwritten()) == list(events)


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
    Journal(folder, LAUNCH).keep_unwritten([ev.PhaseEnded(phase="next")])
    assert [one.step for one in Journal(folder, LAUNCH).intents()] == ["roll-out"]
    assert phases(Journal(folder, LAUNCH).unwritten()) == ["next"]


def test_a_tail_of_zeros_is_a_torn_line(tmp_path: Path) -> None:
    """After a power cut a file can end in zeros that nobody wrote."""
    Journal(tmp_path, LAUNCH).keep_intent(intent("roll-out"))
    with file_of(tmp_path).open("ab") as file:
        file.write(b"\0" * 500)
    Journal(tmp_path, LAUNCH).keep_intent(intent("switch"))
    assert [one.step for one in Journal(tmp_path, LAUNCH).intents()] == ["roll-out", "switch"]


@pytest.mark.parametrize("damage", [b"\xff\xfe\n", b'["intent"]\n', b"{}\n", b"\n", b'["intent", "{}", 1]\n'])
def test_a_damaged_line_keeps_nobody_from_the_others(tmp_path: Path, damage: bytes) -> None:
    """An undo must not fail for it; it is merged as it stands, once, so that it can be read in the ledger."""
    Journal(tmp_path, LAUNCH).keep_intent(intent("roll-out"))
    with file_of(tmp_path).open("ab") as file:
        file.write(damage)
    journal = Journal(tmp_path, LAUNCH)
    journal.keep_intent(intent("switch"))
    journal.keep_unwritten([ev.PhaseEnded(phase="first")])
    assert [one.step for one in journal.intents()] == ["roll-out", "switch"]
    assert phases(journal.unwritten())[-1] == "first"
    journal.forget_unwritten()
    assert not journal.waits()


def test_an_event_of_another_version_is_merged_as_its_text(tmp_path: Path) -> None:
    """What this version cannot read stops no undo, and is not lost."""
    journal = Journal(tmp_path, LAUNCH)
    journal.keep_unwritten([ev.PhaseEnded(phase="first")])
    file_of(tmp_path).write_bytes(file_of(tmp_path).read_bytes().replace(b"phase.ended", b"phase.newer"))
    assert [(line.event, "phase.newer" in line.body) for line in journal.unwritten()] == [(None, True)]


def test_whose_line_it_is_is_kept(tmp_path: Path) -> None:
    """A conductor that lost its lease must be told from the one that has it now."""
    journal = Journal(tmp_path, LAUNCH)
    journal.keep_unwritten([ev.PhaseEnded(phase="first")], 5)
    journal.keep_unwritten([ev.PhaseEnded(phase="second")], 7)
    assert [line.token for line in journal.unwritten()] == [5, 7]


def test_an_intent_is_kept_once(tmp_path: Path) -> None:
    """Each conductor that takes over copies what there is to undo."""
    for _ in range(3):
        Journal(tmp_path, LAUNCH).keep_intent(SWITCH)
    assert len(Journal(tmp_path, LAUNCH).intents()) == 1


def test_a_journal_that_somebody_holds_is_not_waited_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped process must not hold up an undo."""
    monkeypatch.setattr("tminus.journal._PATIENCE", 0.05)
    journal = Journal(tmp_path, LAUNCH)
    journal.keep_intent(intent("roll-out"))
    with file_of(tmp_path).with_name(f"{LAUNCH}.jsonl.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LedgerError, match="held by another process"):
            journal.keep_intent(intent("switch"))


def test_a_merge_forgets_only_what_was_merged(tmp_path: Path) -> None:
    """What was kept after the merge began to read stays, and so do the intents; told twice stays told once more."""
    journal = Journal(tmp_path, LAUNCH)
    journal.keep_intent(intent("roll-out"))
    twice = ev.PhaseEnded(phase="twice")
    journal.keep_unwritten([ev.PhaseEnded(phase="first"), twice])
    assert len(journal.unwritten()) == 2
    journal.keep_unwritten([ev.PhaseEnded(phase="meanwhile"), twice])
    journal.forget_unwritten()
    assert [one.step for one in journal.intents()] == ["roll-out"]
    assert phases(journal.unwritten()) == ["meanwhile", "twice"]
    journal.forget_unwritten()
    assert journal.unwritten() == []
    journal.forget_unwritten()
    assert [one.step for one in journal.intents()] == ["roll-out"]


def test_nothing_is_forgotten_that_was_not_read(tmp_path: Path) -> None:
    """To forget without having read forgets nothing."""
    Journal(tmp_path, LAUNCH).keep_unwritten([ev.PhaseEnded(phase="first")])
    Journal(tmp_path, LAUNCH).forget_unwritten()
    assert len(Journal(tmp_path, LAUNCH).unwritten()) == 1


def test_what_the_chain_has_already_is_not_merged_again(tmp_path: Path) -> None:
    """Where a merge broke off after the ledger took it, its events are not told twice."""
    journal = Journal(tmp_path, LAUNCH)
    first, second = ev.PhaseEnded(phase="first"), ev.PhaseEnded(phase="second")
    journal.keep_unwritten([first, second])
    assert events_of(journal.unwritten(written=[ev.write(first)])) == [second]
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
    journal.keep_unwritten([ev.PhaseEnded(phase="first")])
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
            merged += [line.body for line in journal.unwritten()]
            journal.forget_unwritten()
        assert [other.says() for other in others] == ["done", "done"]
        merged += [line.body for line in journal.unwritten()]
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
    Journal(tmp_path, LAUNCH).keep_unwritten([ev.PhaseEnded(phase="after")])
    assert len(Journal(tmp_path, LAUNCH).unwritten()) == before + 1
