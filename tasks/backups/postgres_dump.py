"""One dump of a PostgreSQL database on its way into a bucket, and what it must hold, counted in the same snapshot."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tasks import pg_snapshot
from tasks.backup_store import AtRest, BackupStore
from tasks.backups.postgres_contents import encoding, marker, schema_lines, sequences, tables_contents
from tasks.backups.stored_file import AT_REST, upload
from tasks.estate import Estate
from tasks.lock_file import HeldLock
from tasks.pg_dump import DumpStream, dumping
from tasks.pg_tools import connection_for, find_tool
from tminus.backups.contents import Marker, PostgresContents, TableContents
from tminus.backups.manifest import Origin, RestorePoint, StoredFile
from tminus.credentials import resolve
from tminus.errors import ActionFailed, CouldNotObserve, NotConfigured
from tminus.systems.stores import Postgres

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

FILE = "dump"
"""What the dump's file is called in a manifest."""


@dataclass(frozen=True)
class Target:
    """Where a dump goes.

    Attributes:
        key: the object's, which nobody else writes to.
        recipients: the public age keys to encrypt to; none for no encryption of ours.
    """

    bucket: BackupStore
    key: str
    recipients: tuple[str, ...]
    at_rest: AtRest = AT_REST


@dataclass(frozen=True)
class Dumped:
    """It is in the bucket.

    Attributes:
        contents: counted in the snapshot that was dumped. Sequences know no snapshot: how far each had come when the
            dump was through is in `sequences_upto`.
    """

    file: StoredFile
    taken_at: datetime
    origin: Origin
    marker: Marker | None
    restore_point: RestorePoint | None
    contents: PostgresContents


def postgres_section(estate: Estate, name: str) -> Postgres:
    """Raises NotConfigured."""
    section = estate.environment.postgres.get(name)
    if section is None:
        raise NotConfigured(f"postgres names no {name!r}; add it to the environment file")
    return section


async def dump_into(
    target: Target, estate: Estate, database: str, *, point: str = "", held: HeldLock | None = None
) -> Dumped:
    """Dumps a database into a bucket, encrypted on its way, and counts meanwhile what is in it.

    Args:
        target: where to.
        estate: whose database.
        database: its name in the environment's `postgres` section.
        point: the name of a restore point to write into the WAL first; "" for none.
        held: a lock that pg_dump is to hold too.

    Raises NotConfigured, MissingSecret and CouldNotObserve; then the bucket holds nothing under the key.
    """
    section = postgres_section(estate, database)
    async with estate.postgres(database) as connection:
        with _permitted(database):
            return await _dumped(connection, target, section, point, held)


async def _dumped(
    connection: "Connection", target: Target, section: Postgres, point: str, held: HeldLock | None
) -> Dumped:
    server = await pg_snapshot.server(connection)
    try:
        tool = find_tool("pg_dump", section, server.major)
        access = connection_for(await asyncio.to_thread(resolve, section.dsn))
    except ActionFailed as e:
        raise CouldNotObserve(str(e)) from e
    made = await pg_snapshot.restore_point(connection, point) if point else None
    name, size = await _database(connection)
    async with pg_snapshot.exported(connection) as snapshot:
        newest, before = await marker(connection), await _Beside.read(connection)
        async with dumping(tool, access, snapshot.id, held) as stream:
            storing = asyncio.create_task(asyncio.to_thread(_store, target, stream, size))
            tables = await _counted_while(connection, stream, storing)
        after = await _Beside.read(connection)
        contents = before.and_then(after, tables, await encoding(connection))
    return Dumped(
        file=storing.result(),
        taken_at=snapshot.taken_at,
        origin=Origin(
            identity=server.system_identifier,
            version=server.version,
            database=name,
            wal_lsn=server.wal_lsn,
            archive_mode=server.archive_mode,
        ),
        marker=newest,
        restore_point=made,
        contents=contents,
    )


def _store(target: Target, stream: DumpStream, size: int) -> StoredFile:
    return upload(
        target.bucket, target.key, stream, target.recipients, name=FILE, at_rest=target.at_rest, expected=size
    )


@contextmanager
def _permitted(database: str) -> Iterator[None]:
    import psycopg

    try:
        yield
    except psycopg.errors.InsufficientPrivilege as e:
        raise CouldNotObserve(
            f"postgres {database}: its role may not do what a dump wants of it (InsufficientPrivilege): GRANT "
            "pg_read_all_data to it, BYPASSRLS where tables have policies, and EXECUTE ON FUNCTION "
            "pg_create_restore_point(text) for restore points"
        ) from e


@dataclass(frozen=True)
class _Beside:
    """What no snapshot holds for: the schema, which PostgreSQL describes as it is now, and the sequences."""

    schema_lines: dict[str, tuple[str, ...]]
    sequences: dict[str, int | None]

    @classmethod
    async def read(cls, connection: "Connection") -> "_Beside":
        return cls(await schema_lines(connection), await sequences(connection))

    def and_then(self, later: "_Beside", tables: dict[str, TableContents], encoding: str) -> PostgresContents:
        """The contents of what was dumped between this look and a later one."""
        if self.schema_lines != later.schema_lines:
            raise CouldNotObserve("the schema was changed while it was dumped, so the dump may be of either; try again")
        moved = {name: value for name, value in later.sequences.items() if self.sequences.get(name) != value}
        return PostgresContents(
            schema_lines=self.schema_lines,
            tables=tables,
            sequences=self.sequences,
            encoding=encoding,
            sequences_upto={name: value for name, value in moved.items() if value is not None},
        )


async def _counted_while(
    connection: "Connection", stream: DumpStream, storing: "asyncio.Task[StoredFile]"
) -> dict[str, TableContents]:
    """What the snapshot holds; the upload is through then. Where either fails or is cancelled, neither goes on."""
    counting = asyncio.create_task(tables_contents(connection))
    try:
        await asyncio.wait({storing, counting}, return_when=asyncio.FIRST_EXCEPTION)
        if storing.done():
            storing.result()
        found = await counting
        await storing
    finally:
        counting.cancel()
        await stream.end()  # the upload reads its pipe, and ends with it where it has not
        await asyncio.gather(storing, counting, return_exceptions=True)
    return found


async def _database(connection: "Connection") -> tuple[str, int]:
    """Its own name, and bytes."""
    asked = "SELECT current_database(), pg_database_size(current_database())"
    [(name, size)] = await (await connection.execute(asked)).fetchall()
    return str(name), int(str(size))
