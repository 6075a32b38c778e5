"""A snapshot of a database, held open so that a dump and a count see the same rows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Literal, LiteralString

from pydantic import BaseModel

from tasks.backups.postgres_contents import in_snapshot
from tminus.backups.manifest import RestorePoint

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_SERVER: LiteralString = """
    SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int / 10000 AS major,
           (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
           pg_current_wal_lsn()::text AS wal_lsn, current_setting('archive_mode') AS archive_mode"""


class Server(BaseModel, frozen=True):
    """A PostgreSQL: its version, the cluster's identity, the WAL's position when asked, and whether it archives it."""

    version: str
    major: int
    system_identifier: str
    wal_lsn: str
    archive_mode: Literal["off", "on", "always"]


class Snapshot(BaseModel, frozen=True):
    """An exported snapshot: what pg_dump takes, and when it was taken."""

    id: str
    taken_at: datetime


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
    """A snapshot that others may use until the block ends; the connection reads in it, and may do no more."""
    async with in_snapshot(connection):
        [(name, taken_at)] = await (await connection.execute("SELECT pg_export_snapshot(), now()")).fetchall()
        yield Snapshot.model_validate({"id": name, "taken_at": taken_at})
