"""A ledger in PostgreSQL: for production, where it outlives the machine that conducts."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import psycopg
from psycopg.rows import tuple_row
from pydantic import SecretStr

from tminus.errors import LedgerUnreachable
from tminus.ledger.chain import VERSION, Head
from tminus.ledger.store import SCHEMA, Changes, Entry, Parameters, Row, Store, Transaction

_CONNECT = 5  # seconds
_POLL = 0.25  # seconds: the net under NOTIFY
_CLOCK = "extract(epoch from clock_timestamp())::double precision"
_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")

# One statement fences, chains and inserts: nothing can come between the check of the token and the append.
_LINK = """
WITH head AS (
    UPDATE chain SET seq = seq + 1, hash = encode(sha256(convert_to(
        concat_ws(chr(10), :version::text, chain, seq + 1, hash, :body::text), 'UTF8')), 'hex')
    WHERE chain = :chain AND (:token::bigint IS NULL OR token = :token::bigint) RETURNING seq, hash)
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
    """

    def __init__(self, dsn: SecretStr) -> None:
        super().__init__()
        self._dsn = dsn
        self._connection: psycopg.Connection[Row] | None = None
        with self._locked() as within:
            # Two first users at once would both create the tables; the lock makes the second one wait.
            within.run("SELECT pg_advisory_xact_lock(7463201)", {})
            for statement in SCHEMA:
                within.run(statement.format(serial="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"), {})

    def _connected(self) -> psycopg.Connection[Row]:
        if self._connection is None or self._connection.closed:
            self._connection = _connect(self._dsn)
        return self._connection

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        try:
            connection = self._connected()
            with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
                yield _Cursor(cursor)
        except psycopg.Error as e:
            self.close()
            raise LedgerUnreachable(
                f"the ledger's PostgreSQL does not answer: {type(e).__name__} {e.sqlstate or ''}"
            ) from e

    @contextmanager
    def _reading(self) -> Iterator[Transaction]:
        with self._transaction() as within:
            yield within

    def _link(self, within: Transaction, entry: Entry) -> Head | None:
        rows = within.run(_LINK, {"version": VERSION, "chain": entry.chain, "body": entry.body, "token": entry.token})
        if not rows:
            return None
        if entry.wakes:
            within.run("SELECT pg_notify('tminus', :chain)", {"chain": entry.chain})
        return Head(entry.chain, int(str(rows[0][0])), str(rows[0][1]))

    def changes(self) -> Changes:
        """LISTEN for decisions and commands, with a look every 250 ms beneath it."""
        return _Notifications(self._dsn)

    def close(self) -> None:
        """Closes the connection; the next use opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _connect(dsn: SecretStr) -> psycopg.Connection[Row]:
    return psycopg.connect(
        dsn.get_secret_value(),
        autocommit=True,
        connect_timeout=_CONNECT,
        application_name="tminus-ledger",
        options="-c statement_timeout=10000 -c synchronous_commit=on",
    )


class _Notifications:
    def __init__(self, dsn: SecretStr) -> None:
        self._dsn = dsn
        self._connection: psycopg.Connection[Row] | None = None

    def wait(self, seconds: float) -> bool:
        try:
            if self._connection is None:
                self._connection = _connect(self._dsn)
                self._connection.execute("LISTEN tminus")
            return bool(list(self._connection.notifies(timeout=min(seconds, _POLL), stop_after=1))) or seconds > _POLL
        except psycopg.Error as e:
            self.close()
            raise LedgerUnreachable(f"the ledger's PostgreSQL does not answer: {type(e).__name__}") from e

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
