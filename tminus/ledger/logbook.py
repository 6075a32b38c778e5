"""One launch's page of the ledger: what was written so far, and writing on."""

from collections.abc import Callable, Sequence
from threading import RLock

from tminus import events as ev
from tminus.errors import LedgerError
from tminus.foresight import before_each
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
            return self._taken_up(events, None, lambda entries: self.store.open_chain(self.launch, *entries))

    def write(self, *events: ev.Event, after: int | None = None) -> list[Head]:
        """Appends events with the letters that tell of them, in one transaction; then takes them up.

        Args:
            events: at least one.
            after: the last event that these rest on: where anything was appended since, nothing is written.

        Raises FencedOff where another conductor holds the lease now, MovedOn, LedgerUnreachable.
        """
        with self._lock:
            return self._taken_up(events, after, lambda entries: self.store.append(*entries))

    def close(self, environment: str, *events: ev.Event, after: int | None = None) -> None:
        """Appends the end, writes the closing head into the directory, and frees the environment: all or nothing.

        A launch that is closed already stays closed as it is: when the answer to a first try was lost, a
        second one does no harm. Raises as `write`.
        """
        with self._lock:
            if self.refresh().closed is None:
                self._taken_up(
                    events,
                    after,
                    lambda entries: self.store.append_and_unlock(environment, *entries, listing=listing("closed")),
                )

    def _taken_up(
        self, events: Sequence[ev.Event], after: int | None, append: Callable[[Sequence[Entry]], list[Head]]
    ) -> list[Head]:
        places = enumerate(zip(events, before_each(self.record, events), strict=True))
        entries = [self._entry(event, before, None if place else after) for place, (event, before) in places]
        heads = append(entries)
        if heads and heads[0].seq == self.record.seq + 1:
            stored = zip(heads, entries, strict=True)
            self.record.add(Stored(self.launch, head.seq, entry.body, head.hash) for head, entry in stored)
        else:
            self._take_up_the_rest(events)
        return heads

    def _take_up_the_rest(self, events: Sequence[ev.Event]) -> None:
        """They are written, whatever else cannot be read now: what is known of them must count at once."""
        try:
            self.refresh()
        except LedgerError:
            for event in events:
                self.record.take(event)

    def _entry(self, event: ev.Event, before: Record, after: int | None) -> Entry:
        letters = self.tell(event, before)
        return Entry(self.launch, ev.write(event), self.token, letters, isinstance(event, _WAKING), after)
