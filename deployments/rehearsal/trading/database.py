"""The instance's connection to PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psycopg
from psycopg.rows import TupleRow

from deployments.rehearsal.trading.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import LiteralString

Connection = psycopg.AsyncConnection[TupleRow]
CONNECT_TIMEOUT_S = 2
STATEMENT_TIMEOUT_S = 3.0


class DatabaseUnavailable(Refused):
    """The database did not answer; the client is told 503 and may try again."""

    def __init__(self, *, lost_connection: bool) -> None:
        super().__init__(503, "database_unavailable", "the order book is not reachable; try again", retry_after=1)
        self.lost_connection = lost_connection


class Database:
    """One connection in autocommit, opened when first used and again after it failed."""

    def __init__(self, dsn: str, *, statement_timeout_s: float = STATEMENT_TIMEOUT_S) -> None:
        """Remember where the database is; nothing is opened yet."""
        self._dsn = dsn
        self._statement_timeout_s = statement_timeout_s
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()
        self._abandoned: set[asyncio.Task[list[TupleRow]]] = set()

    async def read(self, query: LiteralString, parameters: Sequence[object] = ()) -> list[TupleRow]:
        """Rows of a query that changes nothing; asked a second time where the connection had died.

        Raises ``DatabaseUnavailable``.
        """
        try:
            return await self.write(query, parameters)
        except DatabaseUnavailable as error:
            if not error.lost_connection:
                raise
            return await self.write(query, parameters)

    async def write(self, query: LiteralString, parameters: Sequence[object] = ()) -> list[TupleRow]:
        """Rows returned by one statement, sent once. Raises ``DatabaseUnavailable`` and ``psycopg`` data errors."""
        try:
            connection = await self._open()
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(lost_connection=False) from error
        try:
            return await self._within_timeout(connection, query, parameters)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise DatabaseUnavailable(lost_connection=connection.closed) from error
        except psycopg.errors.ReadOnlySqlTransaction as error:  # a primary that became a standby: look for the new one
            await connection.close()
            raise DatabaseUnavailable(lost_connection=True) from error

    async def close(self) -> None:
        """Close the connection; the next statement opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _open(self) -> Connection:
        async with self._opening:
            if self._connection is None or self._connection.closed:
                self._connection = await psycopg.AsyncConnection.connect(
                    self._dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name="trading"
                )
            return self._connection

    async def _within_timeout(
        self, connection: Connection, query: LiteralString, parameters: Sequence[object]
    ) -> list[TupleRow]:
        # psycopg waits for the server even when its task is cancelled, so a server that hangs is left behind instead.
        statement = asyncio.create_task(_execute(connection, query, parameters))
        try:
            done, _ = await asyncio.wait({statement}, timeout=self._statement_timeout_s)
        finally:
            if not statement.done():
                self._abandon(connection, statement)
        if not done:
            raise DatabaseUnavailable(lost_connection=False)
        return statement.result()

    def _abandon(self, connection: Connection, statement: asyncio.Task[list[TupleRow]]) -> None:
        def close(finished: asyncio.Task[list[TupleRow]]) -> None:
            self._abandoned.discard(finished)
            connection.pgconn.finish()
            if not finished.cancelled():
                finished.exception()  # looked at, so that asyncio does not report it as forgotten

        if self._connection is connection:
            self._connection = None
        self._abandoned.add(statement)
        statement.add_done_callback(close)


async def _execute(connection: Connection, query: LiteralString, parameters: Sequence[object]) -> list[TupleRow]:
    cursor = await connection.execute(query, parameters)
    return await cursor.fetchall() if cursor.description else []
