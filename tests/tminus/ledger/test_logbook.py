"""A launch's page: what is written is taken up, told of, and never half done, whoever else writes on it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.tminus.ledger.conftest import Ledger, sqlite_ledger
from tests.tminus.ledger.test_appending import together
from tminus import events as ev
from tminus.errors import FencedOff, LedgerError, LedgerUnreachable, Refused
from tminus.ledger.chain import Stored
from tminus.ledger.directory import listing, under_way
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry, Letter
from tminus.outbox import Outbox
from tminus.record import Record

LAUNCH = "tradesense-2-0-0"
_CLOSING = ev.LaunchClosed(result="launched", sentence="LAUNCHED tradesense 2.0.0.")


def told(event: ev.Event, record: Record) -> Sequence[Letter]:
    """One letter an event, which says what the record was before it."""
    return [Letter("slack", event.type, f"after {record.seq}")]


def opened(ledger: Ledger) -> Logbook:
    """The page of a launch that was just opened."""
    store = ledger.open()
    store.open_locked(
        "production", LAUNCH, Entry(LAUNCH, ev.write(ev.PhaseEnded(phase="it begins"))), listing=listing("opened")
    )
    return Logbook(store, LAUNCH)


def test_what_is_written_is_taken_up_with_its_letters(ledger: Ledger) -> None:
    """The record follows what was written, its own and others' events alike; letters know the record before them."""
    book = opened(ledger)
    book.tell = told
    book.refresh()
    assert [head.seq for head in book.write(ev.Held(why="first"), ev.PhaseEnded(phase="T-4h"))] == [2, 3]
    assert book.record.seq == 3
    assert [letter[3] for letter in Outbox(book.store).unsent(LAUNCH)] == ["held", "phase.ended"]
    Logbook(ledger.open(), LAUNCH).write(ev.PhaseEnded(phase="somebody else"))
    book.write(ev.PhaseEnded(phase="T-0"))
    assert [type(event).__name__ for event in book.record.events] == [
        "PhaseEnded",
        "Held",
        "PhaseEnded",
        "PhaseEnded",
        "PhaseEnded",
    ]
    assert book.record.stored == book.store.read(LAUNCH)
    (letter,) = Outbox(book.store).claim(("slack",))
    assert (letter.key, letter.body) == ("held", "after 1")


def test_two_threads_write_on_one_page(ledger: Ledger) -> None:
    """Several threads of a conductor write at once, while others write too: each event is taken up once, in order."""
    book, other = opened(ledger), Logbook(ledger.open(), LAUNCH)

    def write(page: Logbook) -> None:
        for number in range(20):
            page.write(ev.StepStarted(step=f"step-{number}", attempt=1))

    together(lambda: write(book), lambda: write(book), lambda: write(other))
    assert book.refresh().stored == book.store.read(LAUNCH)
    assert [one.seq for one in book.record.stored] == list(range(1, 62))


class _Forgetful(SqliteStore):
    """Takes what is appended, and then does not answer."""

    def read(self, chain: str, after: int = 0) -> list[Stored]:
        raise LedgerUnreachable(f"{chain} after {after}")


def test_what_was_written_is_not_called_lost(tmp_path: Path) -> None:
    """Where the ledger took an event and then stopped answering, the writer is not told that it failed."""
    ledger = sqlite_ledger(tmp_path)
    book = opened(ledger)
    Logbook(ledger.open(), LAUNCH).write(ev.PhaseEnded(phase="somebody else"))
    forgetful = _Forgetful(Path(ledger.place))
    blind = Logbook(forgetful, LAUNCH)
    assert [head.seq for head in blind.write(ev.PhaseEnded(phase="T-0"))] == [3]
    forgetful.close()
    assert "T-0" in book.refresh().phases_ended
    ledger.close()


def test_a_fenced_off_conductor_writes_nothing(ledger: Ledger) -> None:
    """With a stale token nothing is written and nobody is told."""
    book = opened(ledger)
    book.tell = told
    book.token = book.store.take_lease(LAUNCH, "first", 60)
    book.store.take_lease(LAUNCH, "second", 60, dead=book.token)
    with pytest.raises(FencedOff):
        book.write(ev.PhaseEnded(phase="T-4h"))
    with pytest.raises(FencedOff):
        book.close("production", _CLOSING)
    assert len(book.store.read(LAUNCH)) == 1
    assert Outbox(book.store).unsent() == []
    assert under_way(book.store) == [LAUNCH]


def test_the_end_is_written_once(ledger: Ledger) -> None:
    """Closed again, because the first answer was lost, a launch keeps its end, and its successor keeps the lock."""
    book = opened(ledger)
    book.close("production", _CLOSING)
    assert book.record.closed == _CLOSING
    assert (under_way(book.store), book.store.locked_by("production")) == ([], None)
    book.store.open_locked("production", "next", listing=None)
    again = Logbook(ledger.open(), LAUNCH)
    again.close("production", ev.LaunchClosed(result="held", sentence="a second end"))
    assert again.record.closed == _CLOSING
    assert book.store.locked_by("production") == "next"
    assert len(book.store.read("directory")) == 2


def test_a_page_is_opened_with_its_first_events(ledger: Ledger) -> None:
    """A chain that is no launch's opens with its events and letters at once, and only once."""
    book = Logbook(ledger.open(), "sign-off-tradesense", told)
    book.open(ev.PhaseEnded(phase="asked"), ev.PhaseEnded(phase="and again"))
    assert book.record.seq == 2
    assert len(Outbox(book.store).unsent()) == 2
    with pytest.raises(Refused, match="exists already"):
        Logbook(ledger.open(), "sign-off-tradesense").open(ev.PhaseEnded(phase="asked"))


def test_an_event_that_cannot_be_read_is_named(ledger: Ledger) -> None:
    """A changed event stops whoever reads the launch, and says what tells more."""
    book = opened(ledger)
    ledger.alter("UPDATE event SET body = '{{}}' WHERE chain = '{chain}'", chain=LAUNCH)
    with pytest.raises(LedgerError, match=f"event 1 of {LAUNCH} cannot be read; `tminus ledger verify {LAUNCH}`"):
        book.refresh()
