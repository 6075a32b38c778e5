"""Proof by use: a fresh session of a login that does what it must, and is refused what it must not."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from pydantic import SecretStr

from tasks.estate import Estate
from tasks.restores.live_postgres import LivePostgres
from tminus.credentials import SecretRef, resolve
from tminus.errors import CouldNotObserve, Refused
from tminus.foreign_text import one_line, printable
from tminus.loopback import dsn_is_local

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_WITHIN = 5  # seconds for a connection
_NOT_OURS = ("options", "passfile", "application_name")
_PATIENCE: LiteralString = (
    "SELECT set_config('lock_timeout', '3s', false), set_config('statement_timeout', '30s', false)"
)
_WHO: LiteralString = """
    SELECT current_user, array(SELECT rolname FROM pg_roles WHERE rolname IN (current_user, session_user)
        AND (rolsuper OR rolcreaterole OR rolreplication OR rolbypassrls) ORDER BY 1)"""
_FORBIDDEN = "42501"  # insufficient_privilege
# What the server says to everybody, whoever knocks; a word more is about this login.
_PASSING = re.compile(r"starting up|shutting down|too many clients|connection slots|recovery mode|not yet accepting")
_LONGEST = 120  # characters of a statement, or of the server's words, that are shown


@dataclass(frozen=True)
class Rights:
    """What a login must be able to do, and what must be refused to it: SQL, one statement each."""

    can: Sequence[str]
    cannot: Sequence[str]


@asynccontextmanager
async def logged_in(estate: Estate, server: str, user: str, password: SecretStr) -> "AsyncIterator[Connection]":
    """A fresh session at the address and in the database of the server's `dsn`.

    Raises Refused where the server refuses the login, CouldNotObserve where it does not answer.
    """
    live = await asyncio.to_thread(LivePostgres.of, estate, server, "rotator")
    at = session_as(estate, f"postgres {server}", live.section.dsn, user, password, dbname=live.database)
    async with at as connection:
        yield connection


@asynccontextmanager
async def session_as(
    estate: Estate, what: str, reference: SecretRef, user: str, password: SecretStr, **more: str
) -> "AsyncIterator[Connection]":
    """A fresh session at the address of a connection string, as somebody else than it names; raises as `logged_in`."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    dsn = (await asyncio.to_thread(resolve, reference)).get_secret_value()
    if estate.environment.clock.compressed and not dsn_is_local(dsn):
        raise CouldNotObserve(f"{what}: {reference} leads off this machine")
    found = conninfo_to_dict(dsn)
    where = {name: str(value) for name, value in found.items() if name not in _NOT_OURS}
    where |= {"user": user, "password": password.get_secret_value(), **more}
    try:
        connection = await psycopg.AsyncConnection.connect(
            make_conninfo("", **where), autocommit=True, connect_timeout=_WITHIN, application_name="tminus"
        )
    except psycopg.Error as e:
        said = one_line(printable(str(e).rpartition("FATAL:")[2]))[:_LONGEST] if "FATAL:" in str(e) else ""
        if said and not _PASSING.search(said):
            raise Refused(f"{what} refuses {user}: {said}") from e
        raise CouldNotObserve(f"{what}: no connection as {user} ({said or type(e).__name__})") from e
    try:
        async with connection:
            await connection.execute(_PATIENCE)
            yield connection
    except psycopg.Error as e:
        raise CouldNotObserve(f"{what}, as {user}: {type(e).__name__} {e.sqlstate or ''}".strip()) from e


async def prove(connection: "Connection", rights: Rights, acts_as: str = "") -> None:
    """Raises Refused with the first thing that is not as it must be; every statement is taken back.

    What a statement does outside the transaction (a sequence drawn from, a message to another system) stays.
    `acts_as` is the role that the session must begin as, "" where that is all one.
    """
    user = connection.info.user
    row = await (await connection.execute(_WHO)).fetchone()
    acting, powerful = row if row is not None else ("", [])
    if acts_as and acting != acts_as:
        raise Refused(f"a session of {user} acts as {acting}, not as {acts_as}: what it makes would not be {acts_as}'s")
    if isinstance(powerful, list) and powerful:
        raise Refused(f"{', '.join(powerful)} can do what no login must: superuser, CREATEROLE, REPLICATION, BYPASSRLS")
    for statement in rights.can:
        if (state := await _refusal(connection, statement)) is not None:
            raise Refused(f"{user} must be able to do this and cannot ({state}): {_shown(statement)}")
    for statement in rights.cannot:
        state = await _refusal(connection, statement)
        if state is None:
            raise Refused(f"{user} must not be able to do this and can: {_shown(statement)}")
        if state != _FORBIDDEN:
            raise Refused(
                f"this must be refused to {user} with {_FORBIDDEN}, and ends with {state}: {_shown(statement)}"
            )


async def _refusal(connection: "Connection", statement: str) -> str | None:
    """The SQLSTATE with which a statement is refused; None where it is not."""
    import psycopg

    try:
        async with connection.transaction(force_rollback=True):
            await connection.execute(statement.encode(), prepare=True)  # one statement: a second is a syntax error
    except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected) as e:
        raise CouldNotObserve(f"this waits for others ({type(e).__name__}): {_shown(statement)}; try again") from e
    except psycopg.DatabaseError as e:
        if e.sqlstate is None:
            raise
        return e.sqlstate
    return None


def _shown(statement: str) -> str:
    return one_line(statement)[:_LONGEST]
