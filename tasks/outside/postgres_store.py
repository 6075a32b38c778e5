"""A table of PostgreSQL that an outside client writes: one row a write, each a transaction of its own."""

import select
import time
from collections.abc import Callable, Sequence

import psycopg
from psycopg import sql
from psycopg.pq import ExecStatus
from pydantic import SecretStr

from tasks.outside.store import Connection, Unanswered, WritableStore
from tminus.drills.receipts import Key

_SCHEMA = "tminus_drill"
_CONNECT = 2  # seconds, the least that libpq takes


class PostgresConnection(Connection):
    """See Connection. Whoever stops waiting here hangs up: a server that were told to cancel could acknowledge a commit
    that no standby has (https://www.postgresql.org/docs/current/runtime-config-wal.html, synchronous_commit).
    """

    def __init__(
        self, connection: "psycopg.Connection[tuple[object, ...]]", table: sql.Identifier, patience: float
    ) -> None:
        self._connection = connection
        self._insert = sql.SQL("INSERT INTO {} (writer, number) VALUES ($1, $2)").format(table).as_bytes(connection)
        self._patience = patience

    def write(self, key: Key) -> None:
        """A row, committed."""
        self._ask(self._insert, [str(part).encode() for part in key])

    def probe(self) -> None:
        """A transaction that writes a record to the WAL, and no row."""
        self._ask(b"SELECT pg_logical_emit_message(true, 'tminus', 'probe')", [])

    def close(self) -> None:
        """See Connection."""
        self._connection.close()

    def _ask(self, question: bytes, words: Sequence[bytes]) -> None:
        wire, until = self._connection.pgconn, time.monotonic() + self._patience
        try:
            wire.send_query_params(question, words)
            while True:
                if not select.select([wire.socket], [], [], max(0.0, until - time.monotonic()))[0]:
                    raise Unanswered(f"no answer within {self._patience:g} s")
                wire.consume_input()
                while not wire.is_busy():
                    result = wire.get_result()
                    if result is None:
                        return
                    if result.status not in {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}:
                        raise Unanswered(result.error_message.decode(errors="replace").strip())
        except (psycopg.Error, OSError) as e:
            raise Unanswered(type(e).__name__) from e


class PostgresStore(WritableStore):
    """See WritableStore."""

    @property
    def _table(self) -> sql.Identifier:
        return sql.Identifier(_SCHEMA, self.place)

    def connect(self) -> PostgresConnection:
        """See WritableStore: a server that is not in recovery."""
        return PostgresConnection(self._to_primary(), self._table, self.patience)

    def prepare(self) -> None:
        """See WritableStore."""
        make = sql.SQL("CREATE TABLE {} (at bigserial PRIMARY KEY, writer int NOT NULL, number int NOT NULL)")
        self._do(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(_SCHEMA)))
        self._do(make.format(self._table))

    def found(self) -> list[Key]:
        """See WritableStore: nothing, where the table itself is lost."""
        rows = self._do(sql.SQL("SELECT writer, number FROM {} ORDER BY at").format(self._table), _all)
        return [(int(str(writer)), int(str(number))) for writer, number in rows]

    def forget(self) -> None:
        """See WritableStore."""
        self._do(sql.SQL("DROP TABLE IF EXISTS {}").format(self._table))

    def _do(
        self,
        statement: sql.Composed,
        read: "Callable[[psycopg.Cursor[tuple[object, ...]]], Sequence[tuple[object, ...]]]" = lambda _: (),
    ) -> Sequence[tuple[object, ...]]:
        with self._to_primary() as connection:
            try:
                return read(connection.execute(statement))
            except psycopg.errors.UndefinedTable:
                return ()
            except psycopg.Error as e:
                raise Unanswered(f"{type(e).__name__} {e.sqlstate or ''}".strip()) from e

    def _to_primary(self) -> "psycopg.Connection[tuple[object, ...]]":
        for address in self.addresses:
            connection = self._opened(address)
            if connection is not None:
                return connection
        raise Unanswered("no server takes writes")

    def _opened(self, address: SecretStr) -> "psycopg.Connection[tuple[object, ...]] | None":
        """A connection, where this one takes writes."""
        try:
            return psycopg.connect(
                address.get_secret_value(),
                autocommit=True,
                connect_timeout=_CONNECT,
                target_session_attrs="read-write",
                application_name="tminus drill",
                tcp_user_timeout=round(self.patience * 1000),
            )
        except psycopg.Error:
            return None


def _all(cursor: "psycopg.Cursor[tuple[object, ...]]") -> Sequence[tuple[object, ...]]:
    return cursor.fetchall()
