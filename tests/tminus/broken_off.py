"""A SQLite ledger that breaks off in the moment of writing, as a disk or a network does."""

import sqlite3
from collections.abc import Callable
from typing import Literal

from tminus.ledger.sqlite import SqliteStore

When = Literal["before", "while committing", "after"]


class _Connection:
    """Breaks off once, at the next transaction that appends an event; later ones are left alone."""

    def __init__(self, real: sqlite3.Connection, when: When) -> None:
        self._real = real
        self._when = when
        self._appends = self._done = False

    def execute(self, sql: str, *parameters: object) -> object:
        """As the real one, until it breaks off."""
        if "INSERT INTO event" in sql and not self._done:
            self._appends = True
            if self._when == "before":
                self._break()
        if sql == "COMMIT" and self._appends and not self._done:
            if self._when == "after":
                self._real.execute(sql)
            self._break()
        run: Callable[..., object] = self._real.execute
        return run(sql, *parameters)

    def _break(self) -> None:
        self._done = True
        raise sqlite3.OperationalError("disk I/O error")

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def break_off(store: SqliteStore, when: When) -> None:
    """Lets the next append break off: before it is committed, while it is, or when it was, before anybody is told."""
    store._connection = _Connection(store._connection, when)  # type: ignore[assignment]
