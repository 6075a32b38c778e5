"""A ledger in which one who writes finds that another wrote just before."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tminus.ledger.chain import Head
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry


class Crossed(SqliteStore):
    """The ledger in SQLite, on which two cross: whoever writes next has read before the other wrote."""

    _first: Callable[[], None] | None = None

    @contextmanager
    def crossing(self, first: Callable[[], None]) -> Iterator[None]:
        """`first` happens just before what is appended next, whichever way that comes; at the end if nothing is."""
        self._first = first
        try:
            yield
            self._happen()
        finally:
            self._first = None

    def append(self, *entries: Entry) -> list[Head]:
        """As every ledger does, after what crosses it."""
        self._happen()
        return super().append(*entries)

    def _happen(self) -> None:
        first, self._first = self._first, None
        if first is not None:
            first()
