"""One launch's page of the ledger: what was written so far, and writing on."""

from collections.abc import Callable, Sequence
from threading import RLock

from pydantic import BaseModel

from tminus import events as ev
from tminus.ledger.chain import Head
from tminus.ledger.store import Entry, Letter, Store
from tminus.record import Record

DIRECTORY = "directory"

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

    def write(self, *events: ev.Event) -> list[Head]:
        """Appends events with the letters that tell of them, in one transaction; then takes them up.

        Raises FencedOff where another conductor holds the lease now, LedgerUnreachable.
        """
        with self._lock:
            heads = self.store.append(*self._entries(events))
            self.refresh()
            return heads

    def close(self, environment: str, closing: ev.LaunchClosed) -> None:
        """Appends the end, writes the closing head into the directory, and frees the environment."""
        with self._lock:
            heads = self.store.append_and_unlock(environment, *self._entries([closing]))
            closed = ev.DirectoryEntry(chain=self.launch, what="closed", head=str(heads[-1]))
            self.store.append(Entry(DIRECTORY, ev.write(closed)))
            self.refresh()

    def _entries(self, events: Sequence[BaseModel]) -> list[Entry]:
        return [
            Entry(
                self.launch,
                ev.write(event),
                token=self.token,
                letters=self.tell(event, self.record),  # type: ignore[arg-type]  # an Event is a union of BaseModels
                wakes=isinstance(event, _WAKING),
            )
            for event in events
        ]
