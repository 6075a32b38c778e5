"""The PostgreSQL server that a ledger lives on: connecting to it, and saying what it would not do."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from tminus.errors import LedgerError, LedgerUnreachable, UsageError
from tminus.ledger.entries import Row

_CONNECT = 5  # seconds
_PATIENCE = 15.0  # seconds for a whole transaction; longer than any statement may take
_SETTINGS = {
    "statement_timeout": "10000",  # ms
    # A conductor that is stopped inside a transaction (SIGSTOP, a paused machine) must not hold its chain's row.
    "idle_in_transaction_session_timeout": "5000",  # ms
    "synchronous_commit": "on",
    "default_transaction_isolation": r"read\ committed",
}
# A peer that is gone without a word is noticed within about 15 s instead of after hours.
_LIVENESS = {"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 10_000}


class Server:
    """Opens connections for one connection string, which never shows in an error.

    Raises UsageError where the string cannot be read.
    """

    def __init__(self, dsn: SecretStr) -> None:
        try:
            self._parts = conninfo_to_dict(dsn.get_secret_value())
        except psycopg.ProgrammingError:
            # libpq quotes the string, password and all, so its error must not be shown as the cause.
            raise UsageError(
                "the ledger's DSN is no PostgreSQL connection string; mend the secret it is read from"
            ) from None
        settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        self._conninfo = SecretStr(
            make_conninfo(
                dsn.get_secret_value(),
                connect_timeout=_CONNECT,
                application_name="tminus-ledger",
                client_encoding="UTF8",
                options=f"{self._parts.get('options') or ''} {settings}".strip(),
                **_LIVENESS,
            )
        )

    def __str__(self) -> str:
        port = self._parts.get("port") or 5432
        return f"{self._parts.get('host') or 'localhost'}:{port}/{self._parts.get('dbname') or ''}"

    def connect(self) -> psycopg.Connection[Row]:
        """A connection outside any transaction. Raises LedgerUnreachable."""
        try:
            connection = psycopg.connect(self._conninfo.get_secret_value(), autocommit=True)
        except psycopg.Error as e:
            raise self.failure(e) from e
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            connection.close()
            raise LedgerError(f"the ledger's database {self} has the encoding {encoding}; make one with UTF8")
        return connection

    @contextmanager
    def bounded(self, connection: psycopg.Connection[Row]) -> Iterator[None]:
        """Within it a transaction ends in time or fails: PostgreSQL itself waits for ever in a COMMIT whose synchronous
        standby is gone, and no timeout of its own reaches that wait.

        What was being committed then may be there or not, as with any connection that is lost.
        """
        end = threading.Timer(_PATIENCE, _hang_up, [connection.fileno()])
        end.daemon = True
        end.start()
        try:
            yield
        finally:
            end.cancel()

    def failure(self, error: psycopg.Error) -> LedgerError:
        """What a driver's error means: the server does not answer, or it refuses what was asked."""
        said = (error.diag.message_primary or str(error)).strip().splitlines()
        why = f"{said[0].strip() if said else type(error).__name__} {error.sqlstate or ''}".strip()
        if isinstance(error, psycopg.ProgrammingError | psycopg.DataError):
            return LedgerError(f"the ledger's PostgreSQL {self} refuses: {why}")
        return LedgerUnreachable(f"the ledger's PostgreSQL {self} does not answer: {why}")


def _hang_up(descriptor: int) -> None:
    """Ends a connection from another thread: whoever waits for an answer gets an error instead."""
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as line:  # it may be over by now
        line.shutdown(socket.SHUT_RDWR)
