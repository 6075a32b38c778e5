"""A ledger in one SQLite file: for rehearsals and development, on one machine."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tminus.errors import LedgerUnreachable
from tminus.ledger.chain import Head, link
from tminus.ledger.store import SCHEMA, Changes, Entry, Parameters, Row, Store, Transaction

_BUSY = 10.0  # seconds a writer waits for another before it says that the ledger does not answer
_POLL = 0.02  # seconds between two looks at PRAGMA data_version, which costs microseconds


class _Cursor:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, parameters: Parameters) -> list[Row]:
        return list(self._connection.execute(sql, dict(parameters)))


class SqliteStore(Store):
    """WAL with synchronous=FULL: an append is on the disk when it returns.

    Args:
        path: the file; its folder is made.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = _connect(path)
        with self._locked() as within:
            for statement in SCHEMA:
                within.run(statement.format(serial="INTEGER PRIMARY KEY AUTOINCREMENT"), {})

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as e:
            raise LedgerUnreachable(f"the ledger {self.path} does not answer: {e}") from e
        try:
            yield _Cursor(self._connection)
            self._connection.execute("COMMIT")
        except sqlite3.Error as e:
            raise LedgerUnreachable(f"the ledger {self.path} refused to write: {e}") from e
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def _reading(self) -> Iterator[Transaction]:
        try:
            yield _Cursor(self._connection)
        except sqlite3.Error as e:
            raise LedgerUnreachable(f"the ledger {self.path} does not answer: {e}") from e

    def _link(self, within: Transaction, entry: Entry) -> Head | None:
        row = within.run(
            "SELECT seq, hash FROM chain WHERE chain = :chain AND (:token IS NULL OR token = :token)",
            {"chain": entry.chain, "token": entry.token},
        )
        if not row:
            return None
        seq, previous = int(str(row[0][0])) + 1, str(row[0][1])
        digest = link(entry.chain, seq, previous, entry.body)
        place: Parameters = {"chain": entry.chain, "seq": seq, "hash": digest, "body": entry.body}
        within.run("INSERT INTO event (chain, seq, body, hash) VALUES (:chain, :seq, :body, :hash)", place)
        within.run("UPDATE chain SET seq = :seq, hash = :hash WHERE chain = :chain", place)
        return Head(entry.chain, seq, digest)

    def changes(self) -> Changes:
        """Looks at the file's data_version every 20 ms."""
        return _DataVersion(self.path)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.create_function("clock", 0, time.time)
    except sqlite3.Error as e:
        raise LedgerUnreachable(f"the ledger {path} cannot be opened: {e}") from e
    return connection


class _DataVersion:
    def __init__(self, path: Path) -> None:
        self._connection = _connect(path)
        self._seen = self._version()

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def wait(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (version := self._version()) == self._seen:
            if time.monotonic() >= until:
                return False
            time.sleep(_POLL)
        self._seen = version
        return True

    def close(self) -> None:
        self._connection.close()
