"""One launch's page of the ledger: what was written so far, and writing on."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import RLock

from tminus import events as ev
from tminus.errors import LedgerUnreachable
from tminus.ledger.chain import Head, Stored
from tminus.ledger.directory import DIRECTORY, listing
from tminus.ledger.store import Entry, Letter, Store
from tminus.record import Record

__all__ = ["DIRECTORY", "Logbook", "Tell", "tell_nobody"]

# Composes what people are told of an event, from the event and the record before it.
Tell = Callable[[ev.Event, Record], Sequence[Letter]]
_WAKING = (ev.Answered, ev.Ordered, ev.Held)


def tell_nobody(_event: ev.Event, _record: Record) -> Sequence[Letter]:
    """For readers, and for tests of what is not about messages."""
    return ()


class Logbook:
    """Reads and appends to one chain. Safe to use from several threads.

    Attributes:
        token: the lease's, where its holder writes; None for people's answers and orders.
        record: what the events read so far add up to.
    """

    def __init__(self, store: Store, launch: str, tell: Tell = tell_nobody, token: int | None = None) -> None:
        self.store = store
        self.launch = launch
        self.tell = tell
        self.token = token
        self.record = Record()
        self._lock = RLock()

    def refresh(self) -> Record:
        """Takes up what was appended since, by anyone. Raises LedgerUnreachable."""
        with self._lock:
            self.record.add(self.store.read(self.launch, after=self.record.seq))
            return self.record

    def open(self, *events: ev.Event) -> list[Head]:
        """Makes the chain with its first events and the letters that tell of them, in one transaction.

        Raises Refused where it exists, LedgerUnreachable.
        """
        with self._lock:
            return self._taken_up(events, lambda entries: self.store.open_chain(self.launch, *entries))

    def write(self, *events: ev.Event) -> list[Head]:
        """Appends events with the letters that tell of them, in one transaction; then takes them up.

        Raises FencedOff where another conductor holds the lease now, LedgerUnreachable.
        """
        with self._lock:
            return self._taken_up(events, lambda entries: self.store.append(*entries))

    def close(self, environment: str, closing: ev.LaunchClosed) -> None:
        """Appends the end, writes the closing head into the directory, and frees the environment: all or nothing.

        A launch that is closed already stays closed as it is: when the answer to a first try was lost, a
        second one does no harm. Raises FencedOff, LedgerUnreachable.
        """
        with self._lock:
            if self.refresh().closed is None:
                self._taken_up(
                    [closing],
                    lambda entries: self.store.append_and_unlock(environment, *entries, listing=listing("closed")),
                )

    def _taken_up(self, events: Sequence[ev.Event], append: Callable[[Sequence[Entry]], list[Head]]) -> list[Head]:
        entries = [self._entry(event) for event in events]
        heads = append(entries)
        if heads and heads[0].seq == self.record.seq + 1:
            stored = zip(heads, entries, strict=True)
            self.record.add(Stored(self.launch, head.seq, entry.body, head.hash) for head, entry in stored)
        else:
            with suppress(LedgerUnreachable):  # it is written; what it lacks is taken up at the next look
                self.refresh()
        return heads

    def _entry(self, event: ev.Event) -> Entry:
        letters = self.tell(event, self.record)
        return Entry(self.launch, ev.write(event), self.token, letters, wakes=isinstance(event, _WAKING))
