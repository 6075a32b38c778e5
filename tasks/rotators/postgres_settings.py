"""What the server keeps for a login besides its password, given to the other one: settings, limit, end."""

from datetime import timedelta
from typing import TYPE_CHECKING, LiteralString

from tasks.pg_settings import setting_name, setting_sql
from tminus.clock import show_duration
from tminus.errors import Refused
from tminus.foreign_text import printable

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_SETTINGS: LiteralString = """
    SELECT coalesce(d.datname, ''), o FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
    LEFT JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) o WHERE r.rolname = %s"""
_LIMITS: LiteralString = """
    SELECT rolconnlimit, coalesce(rolvaliduntil::text, 'infinity') FROM pg_roles WHERE rolname = %s"""
_ENDS: LiteralString = """
    SELECT to_char(rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM pg_roles
    WHERE rolname = %s AND rolvaliduntil < now() + %s"""
_MEMBER: LiteralString = """
    SELECT rolinherit, bool_or(inherit_option), bool_or(admin_option) FROM pg_roles r
    JOIN pg_auth_members m ON m.member = r.oid
    WHERE rolname = %s AND pg_get_userbyid(m.roleid) = %s GROUP BY rolinherit"""
_ROLE = ("", "role")

Settings = dict[tuple[str, str], str]
"""By database ("" for all) and name."""


async def make_like(connection: "Connection", old: str, new: str, owner: str) -> None:
    """Makes a role that cannot log in yet, a member of `owner` as `old` is one."""
    from psycopg import sql

    [(inherits, inherit, admin)] = await (await connection.execute(_MEMBER, (old, owner))).fetchall()
    made = sql.SQL("CREATE ROLE {} NOLOGIN {}")
    await connection.execute(made.format(sql.Identifier(new), sql.SQL("INHERIT" if inherits else "NOINHERIT")))
    granted = sql.SQL("GRANT {} TO {} WITH SET TRUE, INHERIT {}, ADMIN {}")
    await connection.execute(
        granted.format(sql.Identifier(owner), sql.Identifier(new), sql.Literal(inherit), sql.Literal(admin))
    )


async def copy_settings(connection: "Connection", old: str, new: str, owner: str) -> None:
    """Gives `new` what `old` has and takes away what it has not; every session of `new` begins as `owner`.

    Raises Refused for a setting that the rotator may not give; any other psycopg.Error passes through.
    """
    from psycopg import sql

    wanted, has = await _settings(connection, old), await _settings(connection, new)
    wanted[_ROLE] = owner
    for key in sorted(has.keys() - wanted.keys()):
        await _change(connection, new, key, sql.SQL("RESET {}").format(setting_name(key[1])))
    for key, value in sorted(wanted.items()):
        if has.get(key) != value:
            await _change(connection, new, key, sql.SQL("SET {}").format(setting_sql(key[1], value)))
    limits = await (await connection.execute(_LIMITS, (old,))).fetchone()
    if limits is not None and limits != await (await connection.execute(_LIMITS, (new,))).fetchone():
        said = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {} VALID UNTIL {}")
        await connection.execute(said.format(sql.Identifier(new), *map(sql.Literal, limits)))


async def refuse_early_end(connection: "Connection", user: str, lives: timedelta) -> None:
    """Raises Refused where the login's VALID UNTIL comes before a password that is new now is to be changed again."""
    row = await (await connection.execute(_ENDS, (user, lives))).fetchone()
    if row is not None:
        raise Refused(
            f"{user} can log in until {row[0]} UTC, and its double would be made alike, with a password that is to "
            f"last {show_duration(lives)}; give it another VALID UNTIL"
        )


async def _change(connection: "Connection", user: str, key: tuple[str, str], change: "sql.Composable") -> None:
    from psycopg import sql
    from psycopg.errors import InsufficientPrivilege

    try:
        await connection.execute(sql.SQL("ALTER ROLE {} {}").format(_whose(user, key), change))
    except InsufficientPrivilege:  # its text may be what the setting says
        name = printable(key[1])
        may = f"GRANT SET ON PARAMETER {name} TO {connection.info.user}"
        raise Refused(f"{user} must have the setting {name} as the current login has it; {may}") from None


async def _settings(connection: "Connection", user: str) -> Settings:
    found: Settings = {}
    for database, setting in await (await connection.execute(_SETTINGS, (user,))).fetchall():
        name, _, value = str(setting).partition("=")
        found[str(database), name] = value
    return found


def _whose(user: str, key: tuple[str, str]) -> "sql.Composable":
    from psycopg import sql

    if not key[0]:
        return sql.Identifier(user)
    return sql.SQL("{} IN DATABASE {}").format(sql.Identifier(user), sql.Identifier(key[0]))
