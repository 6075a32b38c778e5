"""Whether tables and B-tree indexes of a restored cluster are sound, those of the catalogue included, by amcheck.

A dump that is restored makes them anew; a base backup brings them as they were.
"""

from typing import TYPE_CHECKING, LiteralString

from tasks.backups.postgres_indexes import Amcheck, Index
from tminus.foreign_text import printable

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_SAID = 160  # characters of what amcheck says
_INDEXES: LiteralString = """
    SELECT i.indexrelid::bigint, format('%I.%I', n.nspname, c.relname), i.indrelid::bigint
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i' AND c.relpersistence = 'p'
    JOIN pg_am a ON a.oid = c.relam AND a.amname = 'btree' JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE i.indisvalid AND i.indisready ORDER BY c.relpages DESC"""
_SCHEMA: LiteralString = """
    SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'amcheck'"""
_TABLES: LiteralString = """
    SELECT c.oid::bigint, format('%I.%I', n.nspname, c.relname) FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am a ON a.oid = c.relam AND a.amname = 'heap'
    WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence = 'p' ORDER BY c.relpages DESC"""


async def broken_indexes(connection: "Connection", major: int) -> list[str]:
    """A line for each index that is not sound; raises CouldNotObserve where amcheck is not installed.

    What psycopg raises when the server dies passes through.
    """
    import psycopg

    checker, lines = Amcheck(connection, major), []
    for oid, name, table in await (await connection.execute(_INDEXES)).fetchall():
        try:
            line = await checker.complaint(Index(int(str(oid)), str(name), int(str(table))))
        except psycopg.OperationalError as e:
            if connection.broken:
                raise
            line = f"index {name}: {_said(e)}"
        lines += [line] if line else []
    return lines


async def broken_tables(connection: "Connection") -> list[str]:
    """A line for each table in which a tuple is not as one can be. What is in TOAST is read where values are."""
    import psycopg
    from psycopg import sql

    schema = await (await connection.execute(_SCHEMA)).fetchone()
    if schema is None:
        return []
    where = sql.Identifier(str(schema[0]), "verify_heapam")
    asked = sql.SQL("SELECT blkno, msg FROM {}(%s::oid::regclass, on_error_stop => true) LIMIT 1").format(where)
    lines = []
    for oid, name in await (await connection.execute(_TABLES)).fetchall():
        try:
            found = await (await connection.execute(asked, (oid,))).fetchone()
        except psycopg.Error as e:
            if connection.broken:
                raise
            lines.append(f"table {name}: {_said(e)}")
            continue
        if found is not None:
            lines.append(f"table {name}, page {found[0]}: {printable(str(found[1]))[:_SAID]}")
    return lines


def _said(error: Exception) -> str:
    return printable(str(error).split("\n", 1)[0])[:_SAID]
