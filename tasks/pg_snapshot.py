"""A snapshot of a database, held open so that a dump and a count of rows see the same rows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Literal, LiteralString

from pydantic import BaseModel

from tasks.backup_manifest import RestorePoint

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_SERVER: LiteralString = """
    SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int / 10000 AS major,
           (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
           pg_current_wal_lsn()::text AS wal_lsn, current_setting('archive_mode') AS archive_mode"""
# Ordinary tables that pg_dump dumps: no temporary ones, and none that belong to an extension.
_TABLES: LiteralString = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                      AND d.deptype = 'e')
    ORDER BY 1, 2"""


class Server(BaseModel, frozen=True):
    """A PostgreSQL: its version, the cluster's identity, the WAL's position when asked, and whether it archives it."""

    version: str
    major: int
    system_identifier: str
    wal_lsn: str
    archive_mode: Literal["off", "on", "always"]


class Snapshot(BaseModel, frozen=True):
    """An exported snapshot: what pg_dump takes, when it was taken, and the rows by table (`schema.name`) in it."""

    id: str
    taken_at: datetime
    tables: dict[str, int]


async def server(connection: "Connection") -> Server:
    """What it is and where its WAL stands; psycopg.Error passes through, on a standby too."""
    from psycopg.rows import class_row

    async with connection.cursor(row_factory=class_row(Server)) as cursor:
        return (await (await cursor.execute(_SERVER)).fetchall())[0]


async def restore_point(connection: "Connection", name: str) -> RestorePoint:
    """Writes a named restore point into the WAL; psycopg.Error passes through (it wants a right of its own)."""
    [(lsn,)] = await (await connection.execute("SELECT pg_create_restore_point(%s)::text", (name,))).fetchall()
    return RestorePoint(name=name, lsn=str(lsn))


@asynccontextmanager
async def exported(connection: "Connection") -> AsyncIterator[Snapshot]:
    """A snapshot that others may use until the block ends. Counting reads every table once."""
    import psycopg

    await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)
    async with connection.transaction():
        for setting in ("statement_timeout = 0", "idle_in_transaction_session_timeout = 0", "row_security = off"):
            await connection.execute(psycopg.sql.SQL("SET LOCAL " + setting))
        [(name, taken_at)] = await (await connection.execute("SELECT pg_export_snapshot(), now()")).fetchall()
        tables = await _count(connection)
        yield Snapshot.model_validate({"id": name, "taken_at": taken_at, "tables": tables})


async def _count(connection: "Connection") -> dict[str, int]:
    from psycopg import sql

    counted: dict[str, int] = {}
    for schema, table in await (await connection.execute(_TABLES)).fetchall():
        query = sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(str(schema), str(table)))
        [(rows,)] = await (await connection.execute(query)).fetchall()
        counted[f"{schema}.{table}"] = int(str(rows))
    return counted
