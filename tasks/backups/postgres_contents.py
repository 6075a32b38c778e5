"""What a PostgreSQL database holds: counted where it is backed up, and again where the backup was restored.

A table's checksum is the sum of a 64-bit hash of each row, so it does not depend on the rows' order; lost, added,
doubled and altered rows change it. A row's hash is that of its columns' hashes, by name, hashed once more: else a value
that went to another row would not be seen in a sum. Columns whose type's own hash may take two values for one (1.0 and
1.00) are hashed as text, under fixed settings. The hashes are PostgreSQL's own: they are the same on machines of one
byte order within a major version.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tasks.backups.postgres_catalogue import query, schema_sections
from tminus.backups.contents import Marker, PostgresContents, TableContents
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

LARGE_OBJECTS = "large objects"
"""Beside the tables, where there are any."""
# What decides how a value is written as text. The search path is empty, so that names in it are qualified.
SETTINGS: Mapping[str, str] = {
    "search_path": "pg_catalog",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "xmlbinary": "base64",
    "quote_all_identifiers": "off",
    "client_encoding": "UTF8",
    "row_security": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}


@dataclass(frozen=True)
class Column:
    """One column: whether it is hashed as the value that it is, else as text, and whether it has a collation."""

    name: str
    raw: bool
    collated: bool


@dataclass(frozen=True)
class Table:
    """One table, as the catalogue has it; its columns by name."""

    schema: str
    table: str
    name: str
    unlogged: bool
    oid: int
    columns: tuple[Column, ...]


async def settle(connection: "Connection") -> None:
    """Makes the connection write every value as text in the one way that checksums are computed by."""
    for name, value in SETTINGS.items():
        await connection.execute("SELECT set_config(%s, %s, false)", (name, value))


@asynccontextmanager
async def in_snapshot(connection: "Connection", snapshot: str = "") -> AsyncIterator[None]:
    """A read-only transaction that sees one moment: that of an exported snapshot, or its own."""
    import psycopg

    await settle(connection)
    await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)
    try:
        async with connection.transaction():
            if snapshot:
                await connection.execute(
                    psycopg.sql.SQL("SET TRANSACTION SNAPSHOT {}").format(psycopg.sql.Literal(snapshot))
                )
            yield
    finally:
        if not connection.closed:
            await connection.set_isolation_level(None)
            await connection.set_read_only(None)


async def count(connection: "Connection", *, unlogged: bool = True) -> PostgresContents:
    """All of it, in the transaction that is open (`in_snapshot`); psycopg.Error passes through.

    Args:
        connection: of a role that may read everything (pg_read_all_data).
        unlogged: whether unlogged tables are counted: a dump has them, a base backup has them empty.
    """
    return PostgresContents(
        schema_lines=await schema_lines(connection),
        tables=await tables_contents(connection, unlogged=unlogged),
        sequences=await sequences(connection),
        encoding=await encoding(connection),
    )


async def tables_contents(connection: "Connection", *, unlogged: bool = True) -> dict[str, TableContents]:
    """Every table's, and the large objects'."""
    found = [one for one in await tables(connection) if unlogged or not one.unlogged]
    counted = {one.name: await table_contents(connection, one) for one in found}
    return counted | await large_objects(connection)


async def encoding(connection: "Connection") -> str:
    """The database's encoding, collation, character type and locale provider."""
    [(found,)] = await _rows(connection, "encoding")
    return str(found)


async def schema_lines(connection: "Connection") -> dict[str, tuple[str, ...]]:
    """The catalogue's lines, by section, sorted."""
    lines: dict[str, tuple[str, ...]] = {}
    for section in schema_sections():
        found = [str(line) for (line,) in await _rows(connection, section)]
        lines[section] = tuple(sorted(found))
    return lines


async def tables(connection: "Connection") -> list[Table]:
    """Ordinary tables and partitions, the largest first."""
    found = []
    for schema, table, name, unlogged, oid, columns in await _rows(connection, "tables"):
        every = tuple(Column(*one) for one in cast("Sequence[tuple[str, bool, bool]]", columns))
        found.append(Table(str(schema), str(table), str(name), bool(unlogged), int(str(oid)), every))
    return found


async def table_contents(connection: "Connection", table: Table) -> TableContents:
    """One table's rows and checksum, in one pass; its children are tables of their own."""
    from psycopg import sql

    row = sql.SQL(", ").join(_hashable(column) for column in table.columns)
    asked = sql.SQL(
        "SELECT count(*), coalesce(sum(hashint8extended(hash_record_extended(ROW({}), 0), 0)), 0) FROM ONLY {} t"
    ).format(row, sql.Identifier(table.schema, table.table))
    [(rows, total)] = await (await connection.execute(asked)).fetchall()
    return TableContents(rows=int(str(rows)), checksum=str(total))


def _hashable(column: Column) -> "psycopg.sql.Composable":
    from psycopg import sql

    value = sql.Identifier("t", column.name)
    if column.raw and not column.collated:
        return value
    return sql.SQL("{}::text COLLATE {}").format(value, sql.Identifier("C"))


async def large_objects(connection: "Connection") -> dict[str, TableContents]:
    """The large objects, as if they were a table; nothing where there are none."""
    asked = (
        "SELECT count(*), coalesce(sum(hashtextextended(oid || ' ' || md5(lo_get(oid)), 0)), 0) "
        "FROM pg_largeobject_metadata"
    )
    [(rows, total)] = await (await connection.execute(asked)).fetchall()
    return {LARGE_OBJECTS: TableContents(rows=int(str(rows)), checksum=str(total))} if rows else {}


async def sequences(connection: "Connection") -> dict[str, int | None]:
    """The last value that each handed out, or would have, were the next one its next; None where none was."""
    from psycopg import sql

    found: dict[str, int | None] = {}
    for schema, name, shown, start, step in await _rows(connection, "positions"):
        asked = sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(str(schema), str(name)))
        [(last, called)] = await (await connection.execute(asked)).fetchall()
        value = int(str(last))
        found[str(shown)] = value if called else None if value == start else value - int(str(step))
    return found


async def marker(connection: "Connection") -> Marker | None:
    """The newest mark in it; None where there is none, CouldNotObserve where the table is not tminus' own."""
    import psycopg

    [(there,)] = await (await connection.execute("SELECT to_regclass('tminus.marker') IS NOT NULL")).fetchall()
    if not there:
        return None
    try:
        asked = "SELECT number, at FROM tminus.marker ORDER BY number DESC LIMIT 1"
        found = await (await connection.execute(asked)).fetchall()
    except psycopg.errors.UndefinedColumn as e:
        raise CouldNotObserve("the table tminus.marker is not the one that `tminus mark` makes") from e
    return Marker.model_validate({"number": found[0][0], "at": found[0][1]}) if found else None


async def _rows(connection: "Connection", section: str) -> list[tuple[object, ...]]:
    return await (await connection.execute(query(section))).fetchall()
