"""Waiting for what others append to a ledger in PostgreSQL."""

import time

import psycopg

from tminus.ledger.entries import Row
from tminus.ledger.server import Server

_POLL = 0.25  # seconds: the net under NOTIFY, which is sent for decisions and commands alone


class Notifications:
    """Listens from when it is made; a notification that was lost is made up for by a look.

    Raises LedgerUnreachable.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection: psycopg.Connection[Row] | None = None
        self._seen = -1
        self._listen()

    def _listen(self) -> psycopg.Connection[Row]:
        self._connection = self._server.connect()
        try:
            self._connection.execute("LISTEN tminus")
            self._seen = self._appended(self._connection)
        except psycopg.Error as e:
            self.close()
            raise self._server.failure(e) from e
        return self._connection

    def wait(self, seconds: float) -> bool:
        """Blocks until something may have been appended (True) or `seconds` have passed (False)."""
        until = time.monotonic() + seconds
        if self._connection is None:
            self._listen()
            return True  # whatever happened while nobody listened
        try:
            while not self._look(self._connection, min(_POLL, max(until - time.monotonic(), 0.0))):
                if time.monotonic() >= until:
                    return False
        except psycopg.Error as e:
            self.close()
            raise self._server.failure(e) from e
        return True

    def _look(self, connection: psycopg.Connection[Row], within: float) -> bool:
        for _ in connection.notifies(timeout=within, stop_after=1):
            pass
        before, self._seen = self._seen, self._appended(connection)
        return self._seen != before

    def _appended(self, connection: psycopg.Connection[Row]) -> int:
        row = connection.execute("SELECT coalesce(sum(seq), 0)::bigint FROM chain").fetchone()
        return int(str(row[0])) if row else 0

    def close(self) -> None:
        """Stops listening; the next `wait` begins again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
