"""A real ledger in SQLite that can be made to break: the process ends at a write, or the store does not answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag

from pydantic import BaseModel

from tests.flows.world import Crash
from tminus import events as ev
from tminus.errors import LedgerError, LedgerUnreachable
from tminus.ledger.chain import Head, Stored
from tminus.ledger.entries import Entry, Transaction
from tminus.ledger.locks import Listing
from tminus.ledger.sqlite import SqliteStore
from tminus.record import Record

Matches = Callable[[ev.Event], bool]


class BreakableStore(SqliteStore):
    """Breaks as told, and is otherwise a SQLite ledger.

    Attributes:
        before: the process ends before an event that matches is written.
        after: the process ends right after it was.
        down: from here on nothing is answered.
        refusing: from here on everything is refused, as where a right was taken away or a table is gone.
        answer: while it is not set, whoever asks hangs.
        lost: the event is written, and the answer that says so is lost.
    """

    def __init__(self, path: Path) -> None:
        self.before: Matches | None = None
        self.after: Matches | None = None
        self.lost: Matches | None = None
        self.down = False
        self.refusing = False
        self.answer = Flag()
        self.answer.set()
        super().__init__(path)

    def append(self, *entries: Entry) -> list[Head]:
        """As told."""
        events = [ev.read(entry.body) for entry in entries]
        if self._once("before", events):
            raise Crash
        heads = super().append(*entries)
        self._after(events)
        return heads

    def append_and_unlock(self, environment: str, *entries: Entry, listing: Listing | None = None) -> list[Head]:
        """As told."""
        events = [ev.read(entry.body) for entry in entries]
        if self._once("before", events):
            raise Crash
        heads = super().append_and_unlock(environment, *entries, listing=listing)
        self._after(events)
        return heads

    def read(self, chain: str, after: int = 0) -> list[Stored]:
        """As told."""
        return super().read(chain, after)

    def _after(self, events: list[ev.Event]) -> None:
        if self._once("after", events):
            raise Crash
        if self._once("lost", events):
            raise LedgerUnreachable("the answer was lost")

    def _once(self, name: str, events: list[ev.Event]) -> bool:
        matches: Matches | None = getattr(self, name)
        if matches is None or not any(matches(event) for event in events):
            return False
        setattr(self, name, None)
        return True

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        self._answer_or_not()
        with super()._transaction() as within:
            yield within

    @contextmanager
    def _reading(self) -> Iterator[Transaction]:
        self._answer_or_not()
        with super()._reading() as within:
            yield within

    def _answer_or_not(self) -> None:
        self.answer.wait()
        if self.down:
            raise LedgerUnreachable("the ledger does not answer")
        if self.refusing:
            raise LedgerError("the ledger refuses: permission denied for table event")


def intended(step: str) -> Matches:
    """An action's intent."""
    return lambda event: isinstance(event, ev.StepIntended) and event.step == step


def ended(step: str) -> Matches:
    """A step's outcome."""
    return lambda event: isinstance(event, ev.StepEnded) and event.step == step


def of(kind: type[BaseModel]) -> Matches:
    """Any event of a kind."""
    return lambda event: isinstance(event, kind)


def told(record: Record) -> str:
    """The record in a few words, for a failure's message."""
    return ", ".join(
        f"{event.type} {getattr(event, 'step', '') or getattr(event, 'phase', '')}" for event in record.events
    )
