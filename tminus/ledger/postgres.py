"""A ledger in PostgreSQL: for production, where it outlives the machine that conducts."""

import re
import select
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import psycopg
from psycopg.rows import tuple_row
from pydantic import SecretStr

from tminus.errors import InDoubt, LedgerError, LedgerUnreachable
from tminus.ledger.chain import VERSION, Head
from tminus.ledger.entries import Changes, Entry, Parameters, Row, Transaction
from tminus.ledger.listening import Notifications
from tminus.ledger.schema import LATER, NEWEST, OF_LATER, SCHEMA
from tminus.ledger.server import Server
from tminus.ledger.store import Store

_CLOCK = "extract(epoch from clock_timestamp())::double precision"
_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")

# One statement fences, chains and inserts: nothing can come between the checks and the append.
_LINK = """
WITH head AS (
    UPDATE chain SET seq = seq + 1, hash = encode(sha256(convert_to(
        concat_ws(chr(10), :version::text, chain, seq + 1, hash, :body::text), 'UTF8')), 'hex')
    WHERE chain = :chain AND (:token::bigint IS NULL OR token = :token::bigint)
        AND (:after::bigint IS NULL OR seq = :after::bigint) RETURNING seq, hash)
INSERT INTO event (chain, seq, body, hash) SELECT :chain, seq, :body, hash FROM head RETURNING seq, hash
"""


@cache
def _psycopg(sql: str) -> bytes:
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%").replace("clock()", _CLOCK)).encode()


class _Cursor:
    def __init__(self, cursor: psycopg.Cursor[Row]) -> None:
        self._cursor = cursor

    def run(self, sql: str, parameters: Parameters) -> list[Row]:
        self._cursor.execute(_psycopg(sql), dict(parameters))
        return self._cursor.fetchall() if self._cursor.description else []


class PostgresStore(Store):
    """Durable with synchronous_commit on; in a failover nothing is lost where a standby is synchronous.

    Args:
        dsn: the connection string, a secret.

    Raises LedgerUnreachable, LedgerError where the server refuses the tables, UsageError for a bad string.
    """

    def __init__(self, dsn: SecretStr) -> None:
        super().__init__()
        self._server = Server(dsn)
        self._connection: psycopg.Connection[Row] | None = None
        try:
            self._ensure_tables()
        except LedgerError:
            self.close()
            raise

    def _ensure_tables(self) -> None:
        """Makes what is not there; a role that may only use the tables needs no right to make them."""
        if self.look("SELECT to_regclass(:newest) IS NOT NULL", {"newest": NEWEST})[0][0]:
            return
        with self._locked() as within:
            # Two first users at once would both create the tables; the lock makes the second one wait.
            within.run("SELECT pg_advisory_xact_lock(7463201)", {})
            for statement in SCHEMA:
                within.run(statement.format(serial="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"), {})
            for name, kind in LATER:
                within.run(f"ALTER TABLE outbox ADD COLUMN IF NOT EXISTS {name} {kind}", {})
            within.run(OF_LATER, {})

    def _connected(self) -> psycopg.Connection[Row]:
        if self._connection is not None and (self._connection.closed or _hung_up(self._connection)):
            self.close()
        if self._connection is None:
            self._connection = self._server.connect()
        return self._connection

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        committing = False
        try:
            with self._mapped():
                connection = self._connected()
                with (
                    self._server.bounded(connection),
                    connection.transaction(),
                    connection.cursor(row_factory=tuple_row) as cursor,
                ):
                    yield _Cursor(cursor)
                    committing = True
        except LedgerUnreachable as e:
            if committing:
                raise InDoubt(f"{e}; whether this was written is not known") from e
            raise

    @contextmanager
    def _reading(self) -> Iterator[Transaction]:
        with self._mapped(), self._connected().cursor(row_factory=tuple_row) as cursor:
            yield _Cursor(cursor)

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as e:
            self.close()
            raise self._server.failure(e) from e

    def _link(self, within: Transaction, entry: Entry) -> Head | None:
        place: Parameters = {"chain": entry.chain, "token": entry.token, "after": entry.after}
        rows = within.run(_LINK, {"version": VERSION, "body": entry.body, **place})
        if not rows:
            return None
        if entry.wakes:
            within.run("SELECT pg_notify('tminus', :chain)", {"chain": entry.chain})
        return Head(entry.chain, int(str(rows[0][0])), str(rows[0][1]))

    def changes(self) -> Changes:
        """LISTEN for decisions and commands, with a look every 250 ms beneath it."""
        return Notifications(self._server)

    def close(self) -> None:
        """Closes the connection; the next use opens a new one."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _hung_up(connection: psycopg.Connection[Row]) -> bool:
    """Whether the server said goodbye while nobody listened: after a restart the next use must not fail for it."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    try:
        while poll.poll(0):
            connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return False
