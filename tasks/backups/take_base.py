"""Takes a base backup of a running PostgreSQL, and counts what a restore of it to a named point must give."""

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, LiteralString

from tasks import pg_snapshot
from tasks.backups.asked import TakeAsked, Taker
from tasks.backups.base_contents import moment_of
from tasks.backups.base_stream import Ends, base_stream, receive_wal
from tasks.backups.stored_file import upload
from tasks.pg_tools import Connection, connection_for, find_tool
from tminus.backups.book import PostgresBase
from tminus.backups.manifest import BackupKind, BackupManifest, Origin, RestorePoint, StoredFile
from tminus.backups.wal_names import Segment, parse_lsn
from tminus.clock import now
from tminus.credentials import resolve
from tminus.errors import ActionFailed, CouldNotObserve, NotConfigured
from tminus.systems.stores import Postgres

if TYPE_CHECKING:
    import psycopg

    Database = psycopg.AsyncConnection[tuple[object, ...]]

BASE = "base.tar"
WAL = "wal/"
_CLUSTER: LiteralString = """
    SELECT pg_is_in_recovery(), (SELECT count(*) FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')),
           (SELECT rolname FROM pg_roles WHERE rolsuper AND rolcanlogin ORDER BY oid LIMIT 1),
           pg_size_bytes(current_setting('wal_segment_size')),
           (SELECT sum(pg_database_size(oid))::bigint FROM pg_database), current_database()"""


@dataclass(frozen=True)
class _Cluster:
    superuser: str
    segment: int
    size: int
    database: str


class BaseTaker(Taker):
    """pg_basebackup, streamed and encrypted on its way; no part of it lies on this machine's disk.

    The backup is whole by itself: the tar has the WAL until its own end, and the WAL from there until the named point
    at which its contents were counted is stored beside it. The archive is needed only for what comes later.

    A temporary slot, which ends with our connection, keeps the server from removing that WAL meanwhile.
    """

    kinds: ClassVar[tuple[BackupKind, ...]] = ("postgres.base",)

    async def take(self, asked: TakeAsked) -> BackupManifest:
        """See Taker. A server with tablespaces of its own is refused: a tar on its way to a bucket has room for one."""
        if not isinstance(asked.store, PostgresBase):
            raise CouldNotObserve(f"{asked.name} is no postgres.base")
        name = asked.store.database
        section = asked.estate.environment.postgres.get(name)
        if section is None:
            raise NotConfigured(f"postgres names no {name!r}; add it to the environment file")
        async with asked.estate.postgres(name) as counting, asked.estate.postgres(name) as beside:
            server, cluster = await pg_snapshot.server(beside), await _cluster(beside, name)
            tools = _Tools(section, server.major, await asyncio.to_thread(lambda: connection_for(resolve(section.dsn))))
            await _keep_wal(beside)
            base, ends = await _take(asked, tools, cluster)
            async with moment_of(counting, beside, asked.backup) as moment:
                wal = await _wal(asked, tools, cluster, ends, moment.point)
                found = await moment.count()
        return BackupManifest(
            backup=asked.backup,
            system=asked.system,
            store=asked.name,
            kind="postgres.base",
            taken_at=moment.taken_at,
            finished_at=now(),
            origin=Origin(
                identity=server.system_identifier,
                version=server.version,
                database=cluster.database,
                wal_lsn=server.wal_lsn,
                archive_mode=server.archive_mode,
                wal_from=ends.start,
                superuser=cluster.superuser,
                wal_segment=cluster.segment,
            ),
            encrypted_to=asked.recipients,
            files=(base, *wal),
            marker=found.marker,
            restore_point=moment.point,
            contents=found.contents,
        )


class _Tools:
    """pg_basebackup and pg_receivewal, and how they connect; raises CouldNotObserve where they cannot be had."""

    def __init__(self, section: Postgres, major: int, connection: Connection) -> None:
        try:
            self.base = find_tool("pg_basebackup", section, major)
            self.wal = find_tool("pg_receivewal", section, major)
        except ActionFailed as e:
            raise CouldNotObserve(str(e)) from e
        self.connection = connection


async def _cluster(connection: "Database", name: str) -> _Cluster:
    [row] = await (await connection.execute(_CLUSTER)).fetchall()
    standby, tablespaces, superuser, segment, size, database = row
    if standby:
        raise CouldNotObserve(f"postgres {name} is a standby: a restore point is written on a primary")
    if tablespaces:
        raise CouldNotObserve(
            f"postgres {name} has {tablespaces} tablespaces of its own, and a base backup is taken only of a server "
            f"without; take dumps of it (postgres.dump), or move what is in them to pg_default"
        )
    if superuser is None:
        raise CouldNotObserve(
            f"postgres {name} has no superuser that can log in, so nobody could look at a restored copy; give one "
            "LOGIN (its pg_hba.conf may still let nobody in as it)"
        )
    return _Cluster(str(superuser), int(str(segment)), int(str(size or 0)), str(database))


async def _keep_wal(connection: "Database") -> None:
    """Without a slot the server may remove WAL that a long backup still needs; that would then fail, and say so."""
    import psycopg

    try:
        await connection.execute(
            "SELECT pg_create_physical_replication_slot(%s, true, true)", (f"tminus_{secrets.token_hex(6)}",)
        )
    except (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.ConfigurationLimitExceeded,
        psycopg.errors.ObjectNotInPrerequisiteState,
    ):
        return


async def _take(asked: TakeAsked, tools: _Tools, cluster: _Cluster) -> tuple[StoredFile, Ends]:
    with base_stream(tools.base, tools.connection, asked.backup) as stream:
        stored = await asyncio.to_thread(
            upload,
            asked.bucket,
            asked.key(BASE),
            stream,
            asked.recipients,
            name=BASE,
            expected=cluster.size,
        )
        return stored, await asyncio.to_thread(stream.ends)


async def _wal(
    asked: TakeAsked, tools: _Tools, cluster: _Cluster, ends: Ends, until: RestorePoint
) -> tuple[StoredFile, ...]:
    """Stores the WAL from the tar's own end until the point: without it the archive would be needed for that."""
    folder = asked.folder / "wal"
    await asyncio.to_thread(folder.mkdir, 0o700)
    begin = Segment.holding(ends.timeline, parse_lsn(ends.end), cluster.segment)
    await receive_wal(tools.wal, tools.connection, begin, until.lsn, cluster.segment, folder)
    return await asyncio.to_thread(_store, asked, folder)


def _store(asked: TakeAsked, folder: Path) -> tuple[StoredFile, ...]:
    stored = []
    for path in sorted(folder.iterdir()):
        name = f"{WAL}{path.name}"
        with path.open("rb") as file:
            stored.append(upload(asked.bucket, asked.key(name), file, asked.recipients, name=name))
        path.unlink()
    return tuple(stored)
