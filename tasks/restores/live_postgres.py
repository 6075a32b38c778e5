"""A live PostgreSQL server as a restore or a rotation needs it: a role that changes databases, or logins."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from tasks.estate import Estate
from tminus.credentials import resolve
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.foreign_text import printable
from tminus.loopback import dsn_is_local
from tminus.systems.stores import Postgres

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_WITHIN = 5  # seconds for a connection
_SAID = 300  # characters of what the server says
_SETTINGS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


@dataclass(frozen=True)
class LivePostgres:
    """The server of one database of the environment's `postgres` section.

    Attributes:
        name: the section's.
        dsn: with which databases are made and renamed, or logins changed.
        database: the live database's own name there.
    """

    name: str
    section: Postgres
    dsn: SecretStr
    database: str

    @classmethod
    def of(cls, estate: Estate, name: str, role: Literal["restorer", "rotator"] = "restorer") -> "LivePostgres":
        """As one of the section's roles, else as its `dsn` says.

        Raises NotConfigured, MissingSecret, CouldNotObserve where a rehearsal would leave this machine. Blocks.
        """
        from psycopg import Error
        from psycopg.conninfo import conninfo_to_dict

        section = estate.environment.postgres.get(name)
        if section is None:
            raise NotConfigured(f"postgres names no {name!r}; add it to the environment file")
        reference = (section.restorer if role == "restorer" else section.rotator) or section.dsn
        dsn = resolve(reference)
        if estate.environment.clock.compressed and not dsn_is_local(dsn.get_secret_value()):
            raise CouldNotObserve(f"postgres {name}: {reference} leads off this machine")
        try:
            found = conninfo_to_dict(resolve(section.dsn).get_secret_value())
        except Error:  # the parser's message quotes the string, password and all
            raise NotConfigured(f"postgres {name}: {section.dsn} is no connection string") from None
        database = str(found.get("dbname") or found.get("user") or "")
        if not database:
            raise NotConfigured(f"postgres {name}: {section.dsn} names no database (dbname)")
        return cls(name, section, dsn, database)

    @property
    def elsewhere(self) -> str:
        """A database to be connected to while the live one is renamed."""
        return "postgres" if self.database != "postgres" else "template1"

    @asynccontextmanager
    async def connect(self, database: str = "") -> "AsyncIterator[Connection]":
        """A connection without time limits, to a database of the server; raises CouldNotObserve."""
        import psycopg
        from psycopg.conninfo import make_conninfo

        into = database or self.elsewhere
        where = make_conninfo(self.dsn.get_secret_value(), dbname=into)
        try:
            connection = await psycopg.AsyncConnection.connect(
                where, autocommit=True, connect_timeout=_WITHIN, application_name="tminus"
            )
        except psycopg.Error as e:
            raise CouldNotObserve(f"postgres {self.name}: no connection to {into!r} ({type(e).__name__})") from e
        try:
            async with connection:
                for setting in _SETTINGS:
                    await connection.execute("SELECT set_config(%s, '0', false)", (setting,))
                yield connection
        except psycopg.Error as e:
            raise CouldNotObserve(f"postgres {self.name}, {into!r}: {complaint(e)}") from e


def complaint(error: "psycopg.Error") -> str:
    """What the server says of databases and roles, in a line: no rows of anybody's are in it."""
    primary, detail = error.diag.message_primary, error.diag.message_detail
    said = "; ".join(part for part in (primary, detail) if part)
    return f"{type(error).__name__}: {printable(said)[:_SAID]}" if said else type(error).__name__
