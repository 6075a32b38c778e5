"""A ledger in one SQLite file: for rehearsals and development, on one machine."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tminus.errors import InDoubt, LedgerUnreachable
from tminus.ledger.chain import Head, link
from tminus.ledger.entries import Changes, Entry, Parameters, Row, Transaction
from tminus.ledger.schema import LATER, OF_LATER, SCHEMA
from tminus.ledger.store import Store

_BUSY = 10.0  # seconds a writer waits for another before it says that the ledger does not answer
_POLL = 0.02  # seconds between two looks at PRAGMA data_version, which costs microseconds


class _Cursor:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, parameters: Parameters) -> list[Row]:
        return list(self._connection.execute(sql, dict(parameters)))


class SqliteStore(Store):
    """WAL with synchronous=FULL: an append is on the disk when it returns.

    A writer takes the file's one write lock before it looks, so what it looked at holds until it has written.
    A process that is stopped (SIGSTOP) inside a write holds up all others: production wants PostgreSQL.

    Args:
        path: the file; its folder is made.

    Raises LedgerUnreachable where the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._connection = _connect(path)
        try:
            with self._locked() as within:
                for statement in SCHEMA:
                    within.run(statement.format(serial="INTEGER PRIMARY KEY AUTOINCREMENT"), {})
                for name, kind in LATER:
                    if not within.run("SELECT 1 FROM pragma_table_info('outbox') WHERE name = :name", {"name": name}):
                        within.run(f"ALTER TABLE outbox ADD COLUMN {name} {kind}", {})
                within.run(OF_LATER, {})
        except LedgerUnreachable:
            self.close()
            raise

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as e:
            raise LedgerUnreachable(f"the ledger {self.path} does not answer: {e}") from e
        try:
            yield _Cursor(self._connection)
            self._commit()
        except sqlite3.Error as e:
            raise LedgerUnreachable(f"the ledger {self.path} refused to write: {e}") from e
        finally:
            self._take_back()

    def _commit(self) -> None:
        """Where this fails, the file may hold what was written all the same, and show it once it is opened again."""
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as e:
            raise InDoubt(f"the ledger {self.path} broke off; whether this was written is not known: {e}") from e

    def _take_back(self) -> None:
        """Ends a transaction that was not committed; where even that fails, the next one says so."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as e:
            raise LedgerUnreachable(f"the ledger {self.path} does not answer: {e}") from e

    @contextmanager
    def _reading(self) -> Iterator[Transaction]:
        try:
            yield _Cursor(self._connection)
        except sqlite3.Error as e:
            raise LedgerUnreachable(f"the ledger {self.path} does not answer: {e}") from e

    def _link(self, within: Transaction, entry: Entry) -> Head | None:
        row = within.run(
            "SELECT seq, hash FROM chain WHERE chain = :chain AND (:token IS NULL OR token = :token) "
            "AND (:after IS NULL OR seq = :after)",
            {"chain": entry.chain, "token": entry.token, "after": entry.after},
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
        """Closes the file for good."""
        with self._lock:
            self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY, check_same_thread=False)
    except (sqlite3.Error, OSError) as e:
        raise LedgerUnreachable(f"the ledger {path} cannot be opened: {e}") from e
    try:
        _make_durable(connection)
        connection.create_function("clock", 0, time.time)
    except sqlite3.Error as e:
        connection.close()
        raise LedgerUnreachable(f"the ledger {path} cannot be opened: {e}") from e
    return connection


def _make_durable(connection: sqlite3.Connection) -> None:
    """Switches to WAL; of several first users at once SQLite turns some away at once, without waiting."""
    until = time.monotonic() + _BUSY
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_POLL)
    connection.execute("PRAGMA synchronous=FULL")


class _DataVersion:
    """A connection of its own that never writes: its data_version changes with everybody else's commits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = _connect(path)
        self._seen = self._version()

    def _version(self) -> int:
        try:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error as e:
            raise LedgerUnreachable(f"the ledger {self._path} does not answer: {e}") from e

    def wait(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (version := self._version()) == self._seen:
            left = until - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(_POLL, left))
        self._seen = version
        return True

    def close(self) -> None:
        self._connection.close()
