"""A PostgreSQL server as a rotation changes logins there: as the environment's `rotator`, one transaction a change.

The rotator needs no superuser: CREATEROLE, and ADMIN OPTION on the logins and on the role that they are members of
(`GRANT owner, a, b TO rotator WITH ADMIN OPTION, INHERIT FALSE, SET FALSE`). For the census it is in pg_monitor, and
may EXECUTE pg_read_binary_file(text, bigint, bigint, boolean); for a leak it is in pg_signal_backend.
Source: https://www.postgresql.org/docs/current/role-attributes.html (rules of PostgreSQL 16 and later).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from pydantic import SecretStr

from tasks.estate import Estate
from tasks.restores.live_postgres import LivePostgres
from tminus.errors import CouldNotObserve, Refused

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_OLDEST = 160000  # PostgreSQL 16, whose memberships say who inherits and who may SET ROLE
_PATIENCE: LiteralString = (
    "SELECT set_config('lock_timeout', '5s', false), set_config('statement_timeout', '60s', false), "
    "set_config('idle_in_transaction_session_timeout', '60s', false)"  # lest a machine that is gone holds locks
)
_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_LOGIN: LiteralString = """
    SELECT rolcanlogin, coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles WHERE rolname = %s"""
LOGIN: LiteralString = "LOGIN"
NOLOGIN: LiteralString = "NOLOGIN"
_MARK, _OVER = "tminus rotation ", ", over"


@dataclass(frozen=True)
class Login:
    """A login as it stands on the server.

    Attributes:
        comment: what is said of it, the mark left out.
        mark: the rotation that last gave it a password, or took it away; "" where none did.
        over: whether that one took it away.
    """

    name: str
    can_login: bool
    comment: str
    mark: str
    over: bool = False


@asynccontextmanager
async def administered(estate: Estate, server: str) -> "AsyncIterator[Connection]":
    """A connection of the rotator to the database that the server's `dsn` names.

    Raises NotConfigured, MissingSecret, and CouldNotObserve with the server's own words.
    """
    live = await asyncio.to_thread(LivePostgres.of, estate, server, "rotator")
    async with live.connect(live.database) as connection:
        if connection.info.server_version < _OLDEST:
            raise CouldNotObserve(f"postgres {server} is older than PostgreSQL 16; logins are rotated from that on")
        await connection.execute(_PATIENCE)
        yield connection


@asynccontextmanager
async def changing(estate: Estate, server: str, of: str) -> "AsyncIterator[Connection]":
    """The same, in one transaction, while nobody else rotates logins of the role `of`; an error takes all back."""
    async with administered(estate, server) as connection, connection.transaction():
        await connection.execute(_LOCK, (f"{_MARK}{of}",))
        yield connection


async def login_of(connection: "Connection", user: str, rotation: str) -> Login | None:
    """The login, None where there is none; raises Refused where a later rotation has it by now."""
    row = await (await connection.execute(_LOGIN, (user,))).fetchone()
    if row is None:
        return None
    first, _, last = str(row[1]).rpartition("\n")
    marked = last.startswith(_MARK)
    by = last.removeprefix(_MARK) if marked else ""
    comment = first if marked else str(row[1])
    login = Login(user, row[0] is True, comment, by.removesuffix(_OVER), over=by.endswith(_OVER))
    if login.mark > rotation:
        raise Refused(f"{user} is of the rotation {login.mark} by now, which is later than {rotation}; nothing changed")
    return login


async def known_login(connection: "Connection", user: str, rotation: str) -> Login:
    """The same; raises CouldNotObserve too where there is none."""
    login = await login_of(connection, user, rotation)
    if login is None:
        raise CouldNotObserve(f"there is no role {user!r} on the server; somebody dropped it")
    return login


async def mark(connection: "Connection", login: Login, rotation: str) -> None:
    """Writes into the role's comment which rotation it is of; "" takes the mark away. What people wrote there stays."""
    from psycopg import sql

    lines = [login.comment] if login.comment else []
    lines += [f"{_MARK}{rotation}"] if rotation else []
    said = sql.Literal("\n".join(lines) or None)
    await connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(sql.Identifier(login.name), said))


async def alter(connection: "Connection", user: str, change: "sql.Composable | LiteralString") -> None:
    """ALTER ROLE."""
    from psycopg import sql

    what = sql.SQL(change) if isinstance(change, str) else change
    await connection.execute(sql.SQL("ALTER ROLE {} {}").format(sql.Identifier(user), what))


async def worthless(connection: "Connection", login: Login, rotation: str) -> None:
    """Nobody can log in as it, with whatever password; marked, so that nothing of this rotation comes after it."""
    await alter(connection, login.name, "NOLOGIN PASSWORD NULL")
    await mark(connection, login, f"{rotation}{_OVER}")


def password_sql(connection: "Connection", user: str, password: SecretStr) -> "sql.Composed":
    """`PASSWORD '…'` with the SCRAM-SHA-256 verifier computed here: the server's log cannot hold the password."""
    from psycopg import sql

    clear = password.get_secret_value().encode()
    verifier = connection.pgconn.encrypt_password(clear, user.encode(), b"scram-sha-256")
    return sql.SQL("PASSWORD {}").format(sql.Literal(verifier.decode()))
