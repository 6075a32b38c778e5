"""The instance's connection to PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING

import psycopg

from deployments.rehearsal.trading.login import Connection
from deployments.rehearsal.trading.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import LiteralString

    from psycopg.rows import TupleRow

    from deployments.rehearsal.trading.login import Login

STATEMENT_TIMEOUT_S = 3.0


class DatabaseUnavailable(Refused):
    """The database did not answer; the client is told 503 and may try again."""

    def __init__(self, *, lost_connection: bool) -> None:
        super().__init__(503, "database_unavailable", "the order book is not reachable; try again", retry_after=1)
        self.lost_connection = lost_connection


class Database:
    """One connection, opened when first used and again after it failed; at the end of its life another takes over.

    The other is opened while the first still answers, which is closed once its last statement is done.
    """

    def __init__(self, login: Login, *, statement_timeout_s: float = STATEMENT_TIMEOUT_S) -> None:
        """Remember how to log in; nothing is opened yet."""
        self._login = login
        self._statement_timeout_s = statement_timeout_s
        self._connection: Connection | None = None
        self._opened = 0.0
        self._opening = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None
        self._used: Counter[Connection] = Counter()
        self._replaced: set[Connection] = set()
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
        self._used[connection] += 1
        try:
            return await self._within_timeout(connection, query, parameters)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise DatabaseUnavailable(lost_connection=connection.closed) from error
        except psycopg.errors.ReadOnlySqlTransaction as error:  # a primary that became a standby: look for the new one
            await connection.close()
            raise DatabaseUnavailable(lost_connection=True) from error
        finally:
            self._used[connection] -= 1
            await self._leave(connection)

    async def close(self) -> None:
        """Close the connection; the next statement opens another."""
        if self._renewing is not None:
            await self._renewing
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _open(self) -> Connection:
        async with self._opening:
            if self._connection is None or self._connection.closed:
                self._connection, self._opened = await self._login.connect(), time.monotonic()
            elif self._renewing is None and time.monotonic() - self._opened > self._login.lives_s:
                self._renewing = asyncio.create_task(self._renew(self._connection))
            return self._connection

    async def _renew(self, old: Connection) -> None:
        """Put a new connection in the place of one; where none is to be had, the old one goes on."""
        try:
            new = await self._login.connect()
        except psycopg.OperationalError:
            return
        finally:
            self._renewing = None
        if self._connection is not old:  # it failed meanwhile, and was replaced already
            await new.close()
            return
        self._connection, self._opened = new, time.monotonic()
        self._replaced.add(old)
        await self._leave(old)

    async def _leave(self, connection: Connection) -> None:
        """Close a connection that was replaced, once nobody uses it any more."""
        if self._used[connection] == 0:
            del self._used[connection]
            if connection in self._replaced:
                self._replaced.discard(connection)
                await connection.close()

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
        self._replaced.discard(connection)
        self._abandoned.add(statement)
        statement.add_done_callback(close)


async def _execute(connection: Connection, query: LiteralString, parameters: Sequence[object]) -> list[TupleRow]:
    cursor = await connection.execute(query, parameters)
    return await cursor.fetchall() if cursor.description else []
