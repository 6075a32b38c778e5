"""Verifying a backup that CockroachDB made by itself: restored beside into a scratch cluster, counted, and dropped.

No real CockroachDB has answered these statements yet. So what comes of it counts only where the environment names the
cluster's version under `proven_on`; whoever names one says that he has seen it work there.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel

from tasks.backups.cockroach_jobs import begin_restore, restored
from tasks.backups.cockroach_listing import Layers, gaps, layers, overdue, paths, taken_at
from tasks.backups.cockroach_scratch import database_of, drop, encrypted, scratch_cluster, section, write_mark
from tasks.backups.damage import Damaged
from tasks.backups.looked import Looked
from tasks.backups.postgres_invariants import ask
from tasks.backups.together_asking import ask_queries, refused
from tasks.cockroach_rows import rows_of
from tasks.estate import Estate
from tminus import events as ev
from tminus.backups.book import CockroachBackup
from tminus.backups.cockroach_proof import version_of
from tminus.backups.contents import Marker
from tminus.backups.loss import NO_MARK, loss
from tminus.backups.together import Answers
from tminus.clock import now
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]


class _Table(BaseModel, frozen=True):
    schema_name: str
    table_name: str
    type: str


class _Count(BaseModel, frozen=True):
    rows: int


class _Newest(BaseModel, frozen=True):
    number: int
    at: AwareDatetime


@dataclass
class CockroachAsked:
    """One store whose newest backup is to be verified.

    Attributes:
        planned: the scratch database, which is in the ledger already.
        chain: of the ledger.
        within: seconds that all of it may take.
    """

    estate: Estate
    store: CockroachBackup
    planned: ev.ScratchPlanned
    chain: str
    needed_at: datetime
    within: float
    together: Answers | None = None


@dataclass
class CockroachSeen:
    """What came of it, as far as it went.

    Attributes:
        version: of the scratch cluster, `v24.3`; "" where it does not say.
        path: of the backup.
        marker: the newest mark in the restored data.
    """

    looked: Looked = field(default_factory=Looked)
    version: str = ""
    path: str = ""
    marker: Marker | None = None


async def verify_cockroach(asked: CockroachAsked, seen: CockroachSeen) -> None:
    """Lists, restores, counts, drops. What it saw until then is in `seen` whatever happens.

    Raises CouldNotObserve where it could not look, NotConfigured, MissingSecret; also where the scratch database could
    not be dropped, which the next verification then does.
    """
    live = section(asked.estate.environment, asked.store.cluster)
    async with scratch_cluster(asked.estate, live.scratch, asked.store.cluster) as connection:
        seen.version = version_of(connection.info.parameter_status("crdb_version") or "")
        try:
            await _verify(asked, seen, connection)
        except Damaged as e:
            seen.looked.word("restored", "no")
            seen.looked.wrong.insert(0, str(e))


async def _verify(asked: CockroachAsked, seen: CockroachSeen, connection: "Connection") -> None:
    store, looked, at = asked.store, seen.looked, now()
    found = await paths(connection, store.collection)
    if not found:
        looked.number("missing", 1)
        raise Damaged(f"there is no backup in {store.collection.partition('?')[0]}")
    moments = [taken_at(path) for path in found]
    missing, lines = gaps(store, moments, at)
    looked.number("missing", missing)
    looked.details += lines
    looked.count("overdue", overdue(store, moments, at))
    seen.path = found[-1]
    encryption = encrypted(section(asked.estate.environment, store.cluster))
    try:
        held = await layers(connection, store.collection, seen.path, store.database, encryption, asked.within)
    except Damaged as e:
        looked.count("files_damaged", [str(e)])
        raise
    looked.count("files_damaged", [])
    looked.number("age", (at - held.at).total_seconds(), "s")
    began = perf_counter()
    source = (seen.path, store.collection)
    into = database_of(asked.planned)
    await write_mark(connection, into, asked.chain)
    job = await begin_restore(connection, into, store.database, source, encryption)
    await restored(connection, job)
    looked.word("restored", "yes")
    looked.number("restore_time", perf_counter() - began, "s")
    async with _inside(connection, into):
        await _look(asked, seen, connection, held)


@asynccontextmanager
async def _inside(connection: "Connection", database: str) -> "AsyncIterator[None]":
    """A session in the restored database: the book's own queries name no database."""
    from psycopg import sql

    await connection.execute(sql.SQL("SET database = {}").format(sql.Literal(database)))
    try:
        yield
    finally:
        if not connection.broken:
            await connection.execute("SET database = tminus_scratch")  # nobody drops the one that he is in


async def _look(asked: CockroachAsked, seen: CockroachSeen, connection: "Connection", held: Layers) -> None:
    looked = seen.looked
    looked.count("tables_differ", await _differing(connection, asked, held))
    invariants = await ask(connection, asked.store.invariants)
    looked.count("invariants_broken", [one.line for one in invariants if not one.holds])
    seen.marker = await _marker(connection)
    looked.also(*loss(asked.needed_at, seen.marker, held.at))
    layered = "one full backup" if held.count == 1 else f"a full backup and {held.count - 1} incremental ones"
    looked.details.append(f"{len(held.tables)} tables from {layered}, as of {held.at:%Y-%m-%d %H:%M:%S} UTC")
    await _ask_together(asked, seen, connection, held.at)


async def _ask_together(
    asked: CockroachAsked, seen: CockroachSeen, connection: "Connection", copied_at: datetime
) -> None:
    """For the comparison with other stores. A backup of CockroachDB is of one moment."""
    import psycopg

    if asked.together is None:
        return
    if seen.version not in section(asked.estate.environment, asked.store.cluster).proven_on:
        asked.together.failed(f"nobody vouched for what a CockroachDB {seen.version} answers, by `proven_on`")
        return
    try:
        await ask_queries(asked.together, connection)
    except CouldNotObserve as e:
        asked.together.failed(str(e))
        return
    except psycopg.Error as e:
        if connection.broken:
            raise
        asked.together.failed(refused(e))
        return
    if seen.marker is None:
        asked.together.failed(NO_MARK)
    else:
        asked.together.done(seen.marker, copied_at, copied_at)


async def _differing(connection: "Connection", asked: CockroachAsked, held: Layers) -> list[str]:
    """Tables that are not what the backup says of them.

    Of a full backup alone every row counts. With incremental ones after it, rows that were changed are in several
    layers, so that there are at most as many.
    """
    from psycopg import sql

    database = database_of(asked.planned)
    query = sql.SQL("SELECT schema_name, table_name, type FROM [SHOW TABLES FROM {}]").format(sql.Identifier(database))
    there = {f"{row.schema_name}.{row.table_name}": row for row in await rows_of(connection, _Table, query)}
    lines = [f"table {name} is missing" for name in held.tables if name not in there]
    for name, rows in held.tables.items():
        if name not in there:
            continue
        place = sql.Identifier(database, there[name].schema_name, there[name].table_name)
        counting = sql.SQL("SELECT count(*) AS rows FROM {}").format(place)
        (count,) = await rows_of(connection, _Count, counting, within=asked.within)
        if count.rows > rows or (held.count == 1 and count.rows != rows):
            lines.append(f"table {name} has {count.rows} rows, and {rows} were backed up")
    return lines


async def _marker(connection: "Connection") -> Marker | None:
    import psycopg

    try:
        rows = await rows_of(connection, _Newest, "SELECT number, at FROM tminus.marker ORDER BY number DESC LIMIT 1")
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return None
    return Marker(number=rows[0].number, at=rows[0].at) if rows else None


async def drop_scratch(estate: Estate, planned: ev.ScratchPlanned, chain: str) -> bool:
    """Drops a scratch database by a connection of its own; see `cockroach_scratch.drop`."""
    async with scratch_cluster(estate, planned.cluster) as connection:
        return await drop(connection, planned, chain)
