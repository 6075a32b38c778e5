"""The part of a store that SQLite and PostgreSQL do differently: transactions, and linking an event to its chain."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import RLock

from tminus.ledger.chain import Head
from tminus.ledger.entries import Changes, Entry, Parameters, Row, Transaction


class Transactions(ABC):
    """Runs SQL, one transaction at a time; safe to use from several threads.

    `clock()` in its SQL is the store's own clock, in seconds since the epoch.
    """

    def __init__(self) -> None:
        self._lock = RLock()

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[Transaction]:
        """A durable transaction; maps the driver's errors."""

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Transaction]:
        """A look without a transaction of its own; maps the driver's errors."""

    @abstractmethod
    def _link(self, within: Transaction, entry: Entry) -> Head | None:
        """Appends one event to its chain, if the token still fits; returns the new head."""

    @abstractmethod
    def changes(self) -> Changes:
        """A watcher that wakes when others append. Raises LedgerUnreachable."""

    @abstractmethod
    def close(self) -> None:
        """Closes the connection."""

    @contextmanager
    def _locked(self) -> Iterator[Transaction]:
        with self._lock, self._transaction() as within:
            yield within

    def run(self, sql: str, parameters: Parameters) -> list[Row]:
        """One statement of the tables beside the chains (outbox, seen), as a transaction."""
        with self._locked() as within:
            return within.run(sql, parameters)

    def look(self, sql: str, parameters: Parameters) -> list[Row]:
        """One statement that only reads; waits for no other connection's writer."""
        with self._lock, self._reading() as within:
            return within.run(sql, parameters)
