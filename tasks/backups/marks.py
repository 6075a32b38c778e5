"""Marks: the same growing number, with its time, written through every store, so that a restore tells what was lost."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from tasks.backup_store import BackupStore
from tasks.backups.redis_contents import MARKER_KEY
from tasks.estate import Estate
from tminus.backups.book import AnyStore, CockroachBackup, PostgresBase, PostgresDump, S3Objects
from tminus.backups.contents import Marker
from tminus.backups.object_list import MARKER_OBJECT
from tminus.clock import now
from tminus.errors import CouldNotObserve, MissingSecret, NotConfigured

if TYPE_CHECKING:
    import psycopg

_LARGEST = 1000  # bytes of the object
_SCHEMA = "CREATE SCHEMA IF NOT EXISTS tminus"
_TABLE = "CREATE TABLE IF NOT EXISTS tminus.marker (number bigint PRIMARY KEY, at timestamptz NOT NULL)"
_CANNOT = (CouldNotObserve, NotConfigured, MissingSecret)
_WITHIN = 20.0  # seconds for one store to be read, and as long to be written: marks are a minute apart
_STATEMENT, _LOCK = "10s", "5s"  # what one statement may take, and wait for a lock
_ENDS = 1.0  # seconds for what was cancelled to end

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, order=True)
class Place:
    """Where a mark is written: an entry of the environment's `postgres`, `cockroach`, `redis` or `buckets` section."""

    system: str
    name: str

    def __str__(self) -> str:
        return f"{self.system} {self.name}"


@dataclass
class Marked:
    """What became of a mark.

    Attributes:
        written: through which stores.
        failed: place → why not.
    """

    mark: Marker
    written: list[Place] = field(default_factory=list)
    failed: dict[Place, str] = field(default_factory=dict)


def places(stores: Sequence[AnyStore]) -> list[Place]:
    """Each live store behind these backups, once."""
    return list(dict.fromkeys(_place(one) for one in stores))


def _place(store: AnyStore) -> Place:
    match store:
        case PostgresDump() | PostgresBase():
            return Place("postgres", store.database)
        case CockroachBackup():
            return Place("cockroach", store.cluster)
        case S3Objects():
            return Place("buckets", store.source)
        case _:
            return Place("redis", store.redis)


async def mark(estate: Estate, stores: Sequence[AnyStore]) -> Marked:
    """Writes the next mark through all of them: one more than the highest that any has. What fails stops no other."""
    where = places(stores)
    numbers = await asyncio.gather(*(_number(estate, place) for place in where))
    known = [number for number in numbers if isinstance(number, int)]
    marked = Marked(Marker(number=max(known, default=0) + 1, at=now()))
    for place, number in zip(where, numbers, strict=True):
        if isinstance(number, str):
            marked.failed[place] = number
    writable = [place for place in where if place not in marked.failed]
    for place, why in zip(
        writable, await asyncio.gather(*(_written(estate, place, marked.mark) for place in writable)), strict=True
    ):
        if why:
            marked.failed[place] = why
        else:
            marked.written.append(place)
    return marked


async def _number(estate: Estate, place: Place) -> int | str:
    """The newest mark there, 0 where there is none; why it cannot be read, in words."""
    match place.system:
        case "redis":
            reading = _in_redis(estate, place.name)
        case "buckets":
            reading = asyncio.to_thread(_in_bucket, estate, place.name)
        case _:
            reading = _in_sql(estate, place)
    try:
        return await _in_time(place, reading)
    except _CANNOT as e:
        return str(e)


async def _written(estate: Estate, place: Place, mark: Marker) -> str:
    """Writes it; why that failed, in words, else ""."""
    match place.system:
        case "redis":
            writing = _to_redis(estate, place.name, mark)
        case "buckets":
            writing = asyncio.to_thread(_to_bucket, estate, place.name, mark)
        case _:
            writing = _to_sql(estate, place, mark)
    try:
        await _in_time(place, writing)
    except _CANNOT as e:
        return str(e)
    return ""


async def _in_time(place: Place, work: "Coroutine[object, object, _Answer]") -> _Answer:
    """Its answer; raises CouldNotObserve where it has none in time, so that no store keeps the others from a mark.

    A database's driver asks a server that is silent to end the statement, and waits for that too: it is cancelled
    twice, and then left behind.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=_WITHIN)
    finally:
        task.cancel()
    if done:
        return task.result()
    await asyncio.wait({task}, timeout=_ENDS)
    task.cancel()
    raise CouldNotObserve(f"{place} did not answer within {_WITHIN:.0f} s")


@asynccontextmanager
async def _sql(estate: Estate, place: Place) -> "AsyncIterator[psycopg.AsyncConnection[tuple[object, ...]]]":
    """A connection on which nothing waits for ever: not for the server, nor for somebody's lock."""
    async with estate.cockroach(place.name) if place.system == "cockroach" else estate.postgres(place.name) as sql:
        await sql.execute(f"SET statement_timeout = '{_STATEMENT}'")
        await sql.execute(f"SET lock_timeout = '{_LOCK}'")
        yield sql


async def _in_sql(estate: Estate, place: Place) -> int:
    import psycopg

    async with _sql(estate, place) as sql:
        try:
            rows = await (await sql.execute("SELECT max(number) FROM tminus.marker")).fetchone()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            await _make(sql, place)
            return 0
    return int(str(rows[0])) if rows and rows[0] is not None else 0


async def _make(sql: "psycopg.AsyncConnection[tuple[object, ...]]", place: Place) -> None:
    import psycopg

    try:
        await sql.execute(_SCHEMA)
        await sql.execute(_TABLE)
    except psycopg.errors.InsufficientPrivilege as e:
        raise CouldNotObserve(
            f"{place}: tminus may not make its table; have an administrator run `{_SCHEMA}; {_TABLE}`, "
            "and grant USAGE on the schema and SELECT, INSERT, UPDATE on the table"
        ) from e


async def _to_sql(estate: Estate, place: Place, mark: Marker) -> None:
    """One row, that never goes back: two who mark at once leave the higher number."""
    async with _sql(estate, place) as sql:
        said = {"number": mark.number, "at": mark.at}
        await sql.execute("UPDATE tminus.marker SET number = %(number)s, at = %(at)s WHERE number < %(number)s", said)
        await sql.execute(
            "INSERT INTO tminus.marker (number, at) SELECT %(number)s, %(at)s "
            "WHERE NOT EXISTS (SELECT FROM tminus.marker)",
            said,
        )


async def _in_redis(estate: Estate, name: str) -> int:
    async with estate.redis(name) as client:
        asked = client.pipeline(transaction=True)
        asked.execute_command("SELECT", 0)  # whichever database the URL names, the mark is in the first
        asked.hget(MARKER_KEY, "number")
        found = (await asked.execute())[-1]
    try:
        return int(found or 0)
    except ValueError as e:
        raise CouldNotObserve(f"redis {name}: {MARKER_KEY} holds no mark; who else writes there?") from e


async def _to_redis(estate: Estate, name: str, mark: Marker) -> None:
    async with estate.redis(name) as client:
        asked = client.pipeline(transaction=True)
        asked.execute_command("SELECT", 0)
        asked.hset(MARKER_KEY, mapping={"number": mark.number, "at": mark.at.isoformat()})
        await asked.execute()


def _in_bucket(estate: Estate, name: str) -> int:
    bucket = BackupStore.open(estate, name)
    text = bucket.text(_key(bucket), _LARGEST)
    try:
        return Marker.model_validate_json(text).number if text is not None else 0
    except ValidationError as e:
        raise CouldNotObserve(f"{bucket.url(_key(bucket))} holds no mark; who else writes there?") from e


def _to_bucket(estate: Estate, name: str, mark: Marker) -> None:
    bucket = BackupStore.open(estate, name)
    bucket.put_text(_key(bucket), mark.model_dump_json().encode())


def _key(bucket: BackupStore) -> str:
    return f"{bucket.prefix.strip('/')}/{MARKER_OBJECT}".lstrip("/")
