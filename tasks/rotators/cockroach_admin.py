"""A CockroachDB as a rotation changes logins there: as the environment's `rotator`, each statement by itself.

The rotator has CREATEROLE and CREATELOGIN, ADMIN OPTION on the role that the logins are members of, and VIEWACTIVITY
and CANCELQUERY for their sessions. CockroachDB keeps no comment on a role, so whether a password was set is asked by
logging in with it. Sources: https://www.cockroachlabs.com/docs/stable/alter-role, show-roles, show-sessions,
cancel-session, and security-reference/scram-authentication for passwords that are hashed before they are sent.

No real CockroachDB has answered these statements yet: the environment says on which versions somebody saw it.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, LiteralString

from pydantic import BaseModel

from tasks.cockroach_backups import Time
from tasks.cockroach_rows import rows_of
from tasks.estate import Estate
from tasks.rotators.postgres_sessions import Session, called
from tminus.backups.cockroach_proof import version_of
from tminus.errors import CouldNotObserve, Refused

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_HASHED = "server.user_login.store_client_pre_hashed_passwords.enabled"
_ON = {"true", "on", "t"}
_SHOWN = 5  # things that a refusal names
_OWNED: LiteralString = """
    SELECT tableowner AS role, schemaname || '.' || tablename AS what FROM pg_catalog.pg_tables
    WHERE tableowner IN ({})"""
_GRANTED: LiteralString = """
    SELECT grantee AS role, privilege_type || ' on ' || table_schema || '.' || table_name AS what
    FROM information_schema.table_privileges WHERE grantee IN ({})"""
_DEFAULTS: LiteralString = """
    SELECT r.rolname AS role, unnest(s.setconfig) AS what FROM pg_catalog.pg_db_role_setting AS s
    JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole WHERE r.rolname IN ({})"""


class _Shown(BaseModel, frozen=True):
    """A row of SHOW ROLES; versions differ in whether lists are texts."""

    username: str
    options: str | None
    member_of: str | None


class Role(BaseModel, frozen=True):
    """A role as it stands on the cluster."""

    name: str
    can_login: bool
    member_of: frozenset[str]


class _Live(BaseModel, frozen=True):
    session_id: str
    user_name: str
    client_address: str | None
    application_name: str | None
    session_start: Time
    status: str


class _Found(BaseModel, frozen=True):
    role: str
    what: str


@asynccontextmanager
async def administered(estate: Estate, server: str) -> "AsyncIterator[Connection]":
    """A connection of the rotator.

    Raises NotConfigured, MissingSecret, CouldNotObserve, and Refused where nobody vouched for the cluster's version.
    """
    async with estate.cockroach(server, rotating=True) as connection:
        version = version_of(connection.info.parameter_status("crdb_version") or "")
        if version not in estate.environment.cockroach[server].rotation_proven_on:
            raise Refused(
                f"cockroach {server}: no real CockroachDB {version or 'of an unknown version'} is known to have "
                "answered tminus' statements for logins, so none is sent; once you have seen a rotation do right on a "
                "cluster that nobody needs, name the version under `rotation_proven_on`"
            )
        yield connection


async def require_hashed(connection: "Connection") -> None:
    """Raises Refused unless the cluster stores a verifier as it is sent, and does not take it for a password."""
    row = await (await connection.execute(f"SHOW CLUSTER SETTING {_HASHED}".encode())).fetchone()
    if row is None or str(row[0]).lower() not in _ON:
        raise Refused(f"the cluster does not take passwords that are hashed already; set {_HASHED} to true")


async def role_of(connection: "Connection", name: str) -> Role | None:
    """A role; None where there is none."""
    rows = await rows_of(
        connection,
        _Shown,
        "SELECT username, options::STRING AS options, member_of::STRING AS member_of FROM [SHOW ROLES]",
    )
    for row in rows:
        if row.username == name:
            options = {one.upper() for one in _listed(row.options)}
            return Role(name=name, can_login="NOLOGIN" not in options, member_of=frozenset(_listed(row.member_of)))
    return None


async def known_role(connection: "Connection", name: str) -> Role:
    """The same; raises CouldNotObserve where there is none."""
    if (role := await role_of(connection, name)) is None:
        raise CouldNotObserve(f"there is no role {name!r} on the cluster; somebody dropped it")
    return role


async def refuse_drift(connection: "Connection", owner: str, users: Sequence[str]) -> None:
    """Raises Refused where a login has anything of its own, which the other one has not.

    Looked at are the tables of the connection's database, who owns them and who was granted something, and the
    defaults of session variables: those of both logins must be the same.
    """
    from psycopg import sql

    logins = sql.SQL(", ").join(map(sql.Literal, users))
    owned = await rows_of(connection, _Found, sql.SQL(_OWNED).format(logins))
    granted = await rows_of(connection, _Found, sql.SQL(_GRANTED).format(logins))
    defaults = await rows_of(connection, _Found, sql.SQL(_DEFAULTS).format(logins))
    of_one = [one for one in defaults if any(_Found(role=user, what=one.what) not in defaults for user in users)]
    found = [
        *(f"{one.role} owns {one.what}" for one in owned),
        *(f"{one.role} has {one.what}" for one in granted),
        *(f"{one.role} alone has the default {one.what.partition('=')[0]}" for one in of_one),
    ]
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise Refused(
            f"the two logins are not alike: {'; '.join(found[:_SHOWN])}{more}; give it to {owner} (defaults to both), "
            "since what one alone has is lost with every rotation"
        )


async def alter(connection: "Connection", user: str, change: "sql.Composable") -> None:
    """ALTER ROLE … WITH."""
    from psycopg import sql

    await connection.execute(sql.SQL("ALTER ROLE {} WITH {}").format(sql.Identifier(user), change))


async def make(connection: "Connection", user: str) -> None:
    """A role that cannot log in yet."""
    from psycopg import sql

    await connection.execute(sql.SQL("CREATE ROLE {} WITH NOLOGIN").format(sql.Identifier(user)))


async def join(connection: "Connection", owner: str, user: str) -> None:
    """Makes it a member of the owner."""
    from psycopg import sql

    await connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(owner), sql.Identifier(user)))


async def sessions_of(connection: "Connection", user: str) -> list[tuple[str, Session]]:
    """The sessions that live now, each with the cluster's name for it; without VIEWACTIVITY, none is seen."""
    rows = await rows_of(
        connection,
        _Live,
        "SELECT session_id, user_name, client_address, application_name, session_start, status "
        "FROM [SHOW CLUSTER SESSIONS]",
    )
    return [
        (one.session_id, Session(0, called(one.application_name, _host(one.client_address)), one.session_start))
        for one in rows
        if one.user_name == user and one.status.upper() != "CLOSED"
    ]


async def end_sessions(connection: "Connection", user: str) -> None:
    """Ends them all."""
    from psycopg import sql

    for name, _ in await sessions_of(connection, user):
        await connection.execute(sql.SQL("CANCEL SESSION IF EXISTS {}").format(sql.Literal(name)))


def _host(address: str | None) -> str:
    return (address or "").rpartition(":")[0] or "somewhere"


def _listed(text: str | None) -> list[str]:
    return [one.strip().strip('"') for one in (text or "").strip("{}").split(",") if one.strip()]
