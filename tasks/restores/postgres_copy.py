"""A new database beside a live one: with the live one's owner, settings, limit and privileges, and nobody in it."""

from typing import TYPE_CHECKING, LiteralString

from tasks.pg_settings import setting_sql
from tasks.restores.asked import Way
from tasks.restores.live_postgres import LivePostgres
from tminus.backups.contents import PostgresContents
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
_LOCALES = {"i": "ICU_LOCALE", "b": "BUILTIN_LOCALE"}
_OF_OLD = 3  # words of the encoding before there were locale providers
_LIVE: LiteralString = """
    SELECT pg_get_userbyid(datdba)::text, datconnlimit, shobj_description(oid, 'pg_database'), datacl IS NOT NULL
    FROM pg_database WHERE datname = %s"""
_GRANTS: LiteralString = """
    SELECT CASE g.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(g.grantee)::text END, g.privilege_type::text,
        g.is_grantable FROM pg_database d CROSS JOIN LATERAL aclexplode(d.datacl) g WHERE d.datname = %s"""
_SETTINGS: LiteralString = """
    SELECT CASE s.setrole WHEN 0 THEN NULL ELSE pg_get_userbyid(s.setrole)::text END, o
    FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) o WHERE d.datname = %s"""
_MARK: LiteralString = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"


async def make(server: LivePostgres, way: Way, wanted: PostgresContents, mark: str) -> None:
    """Makes it empty, anew where an earlier try of this restore left one. Raises CouldNotObserve."""
    from psycopg import sql

    name = sql.Identifier(way["restored"])
    async with server.connect() as connection:
        await drop(connection, way, mark)
        live = await (await connection.execute(_LIVE, (way["database"],))).fetchone()
        owner = str(live[0]) if live else _owner(wanted)
        options = [*_encoding(wanted.encoding), *([sql.SQL("OWNER {}").format(sql.Identifier(owner))] if owner else [])]
        made = sql.SQL("CREATE DATABASE {} TEMPLATE template0 {}").format(name, sql.SQL(" ").join(options))
        await connection.execute(made)
        await connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(mark)))
        if live:
            await connection.execute(
                sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(name, sql.Literal(live[1]))
            )
            if live[3]:
                await _grant(connection, way, owner)
            await _set(connection, way)


def mark(restore: str, token: int) -> str:
    """What a database says of itself that a conductor of a restore made."""
    return f"made by tminus: {restore} #{token}"


async def drop(connection: "Connection", way: Way, mark: str) -> None:
    """Removes it where it is there and of this restore: killed right after making it, one may bear no mark yet."""
    from psycopg import sql

    found = await (await connection.execute(_MARK, (way["restored"],))).fetchone()
    if found is None:
        return
    if found[0] is not None and not _may_remove(str(found[0]), mark):
        raise CouldNotObserve(
            f"{way['restored']} is there and is not of this restore, or a later conductor made it; it is left as it is"
        )
    await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(way["restored"])))


def _may_remove(there: str, mine: str) -> bool:
    """Whether it is of the same restore, and of no later conductor."""
    restore, _, token = there.rpartition("#")
    same, _, own = mine.rpartition("#")
    return restore == same and token.isdecimal() and int(token) <= int(own)


async def unmark(connection: "Connection", way: Way) -> None:
    """From now on it says of itself what the live one does; to be called in the transaction that switches."""
    from psycopg import sql

    live = await (await connection.execute(_LIVE, (way["database"],))).fetchone()
    said = sql.Literal(live[2] if live else None)
    await connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(way["restored"]), said))


def _owner(wanted: PostgresContents) -> str:
    for line in wanted.schema_lines.get("owners", ()):
        what, _, who = line.partition(": ")
        if what == "database":
            return who[1:-1].replace('""', '"') if who.startswith('"') else who
    return ""


def _encoding(said: str) -> "list[sql.Composable]":
    """`UTF8 C.UTF-8 C.UTF-8 c`: encoding, collation, character type, provider, its locale."""
    from psycopg import sql

    encoding, collate, ctype, *rest = said.split(" ")
    options: list[sql.Composable] = [
        sql.SQL("ENCODING {} LC_COLLATE {} LC_CTYPE {}").format(*map(sql.Literal, (encoding, collate, ctype)))
    ]
    if rest and rest[0] in _PROVIDERS:
        options.append(sql.SQL("LOCALE_PROVIDER {}").format(sql.Identifier(_PROVIDERS[rest[0]])))
        if rest[0] in _LOCALES and len(rest) > 1:
            options.append(sql.SQL("{} {}").format(sql.SQL(_LOCALES[rest[0]]), sql.Literal(" ".join(rest[1:]))))
    return options


async def _grant(connection: "Connection", way: Way, owner: str) -> None:
    from psycopg import sql

    name = sql.Identifier(way["restored"])
    for whom in (sql.SQL("PUBLIC"), sql.Identifier(owner)):
        await connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM {}").format(name, whom))
    for grantee, privilege, grantable in await (await connection.execute(_GRANTS, (way["database"],))).fetchall():
        words = {"CREATE": "CREATE", "TEMPORARY": "TEMPORARY", "CONNECT": "CONNECT"}
        given = sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
            sql.SQL(words[str(privilege)]),
            name,
            sql.Identifier(str(grantee)) if grantee else sql.SQL("PUBLIC"),
            sql.SQL(" WITH GRANT OPTION" if grantable else ""),
        )
        await connection.execute(given)


async def _set(connection: "Connection", way: Way) -> None:
    from psycopg import sql

    for role, setting in await (await connection.execute(_SETTINGS, (way["database"],))).fetchall():
        name, _, value = str(setting).partition("=")
        database = sql.Identifier(way["restored"])
        whose = sql.SQL("ROLE {} IN DATABASE {}").format(sql.Identifier(str(role)), database)
        what = sql.SQL("DATABASE {}").format(database)
        await connection.execute(sql.SQL("ALTER {} SET {}").format(whose if role else what, setting_sql(name, value)))
