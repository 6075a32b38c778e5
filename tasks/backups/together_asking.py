"""What a restored store is asked for the comparison with others, while it is up: the ids that it has."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from tasks.backups.asked import Asked
from tasks.backups.redis_contents import MARKER_KEY
from tasks.backups.redis_wire import Command, Wire, as_bytes, as_list
from tminus.backups.contents import Marker
from tminus.backups.object_list import MARKER_OBJECT, ListedObject
from tminus.backups.together import Answers
from tminus.backups.together_query import IdPattern, RedisSet, as_time
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_TIMEOUT = 300_000  # milliseconds for one query
_WHOLE_SECONDS = 1.0  # S3 leaves off what is less: it was written within the second after
_PAGE = 1000  # keys asked for at once
_TIMESTAMPTZ = 1184  # pg_type's oid
_COLUMNS = ("id", "at", "gone")
_READ = (
    "id::text",
    "extract(epoch FROM at)::float8",
    "gone IS NOT NULL",
)
_SCANS: Mapping[str, tuple[str, int]] = {"SMEMBERS": ("SSCAN", 1), "HKEYS": ("HSCAN", 2), "ZRANGE": ("ZSCAN", 2)}
_NO_MARK = "it holds no mark, so nobody knows up to when it holds anything: `tminus mark` writes them"


def _ends(asked: Asked, mark: Marker) -> tuple[datetime, datetime]:
    """Before which moment all is in the copy, and after which nothing is."""
    if asked.store.kind == "postgres.base":  # recovery goes on after the backup, to the end of the WAL
        return mark.at, asked.needed_at
    return asked.manifest.taken_at, asked.manifest.finished_at


def finish(asked: Asked, mark: Marker | None) -> None:
    """Every question was answered; without a mark that is worth nothing."""
    if asked.together is None or asked.together.why:
        return
    if mark is None:
        asked.together.failed(_NO_MARK)
    else:
        asked.together.done(mark, *_ends(asked, mark))


async def ask_sql(asked: Asked, connection: "Connection", mark: Marker | None) -> None:
    """Asks a restored PostgreSQL database; psycopg.Error passes through where the server is gone."""
    import psycopg

    if asked.together is None:
        return
    try:
        await ask_queries(asked.together, connection)
    except CouldNotObserve as e:
        asked.together.failed(str(e))
    except psycopg.Error as e:
        if connection.broken:
            raise
        asked.together.failed(refused(e))
    finish(asked, mark)


def refused(error: "psycopg.Error") -> str:
    """Why a query got no answer, without what the server quotes of it."""
    import psycopg

    if isinstance(error, psycopg.errors.QueryCanceled):
        return f"a query took over {_TIMEOUT // 1000} s"
    return f"a query was refused ({type(error).__name__} {error.sqlstate or ''})".replace(" )", ")")


async def ask_queries(answers: Answers, connection: "Connection") -> None:
    """Every query, read-only and row by row; raises CouldNotObserve where one gives something else than ids."""
    for number, text in answers.questions.items():
        async with connection.transaction():
            await connection.execute("SET TRANSACTION READ ONLY")
            await connection.execute(f"SET LOCAL statement_timeout = {_TIMEOUT}".encode())
            source = f"({text.strip().rstrip(';')}\n)"
            columns = await _columns(connection, source)
            named = f"{source} AS ids({', '.join(_COLUMNS[:columns])})"
            query = f"SELECT {', '.join(_READ[:columns])} FROM {named}"  # noqa: S608 - the book's own, read-only
            async with connection.cursor() as cursor:
                async for row in cursor.stream(query.encode()):
                    _add(answers, number, row)


async def _columns(connection: "Connection", source: str) -> int:
    """How many columns the query has; the second must be a moment."""
    query = f"SELECT * FROM {source} AS ids LIMIT 0"  # noqa: S608 - the book's own, read-only
    cursor = await connection.execute(query.encode(), prepare=True)
    described = cursor.description or []
    if not 1 <= len(described) <= len(_COLUMNS):
        raise CouldNotObserve(f"a query gives {len(described)} columns; the id, when it was written, and when it went")
    if len(described) > 1 and described[1].type_code != _TIMESTAMPTZ:
        raise CouldNotObserve("a query gives a time without its zone; cast it, as in `placed_at AT TIME ZONE 'UTC'`")
    return len(described)


def _add(answers: Answers, number: int, row: tuple[object, ...]) -> None:
    identity = row[0]
    at, gone = (*row[1:], None, None)[:2]
    if not isinstance(identity, str):
        raise CouldNotObserve("a query gives NULL for an id")
    answers.add(number, identity.encode(), at if isinstance(at, float) else None, gone=bool(gone))


def ask_redis(asked: Asked, wire: Wire, mark: Marker | None) -> None:
    """Asks a restored Redis. Blocks."""
    if asked.together is None:
        return
    try:
        for number, text in asked.together.questions.items():
            query = RedisSet.parse(text)
            wire.ask("SELECT", query.database)
            for identity, at in _members(wire, query):
                asked.together.add(number, identity, at)
    except CouldNotObserve as e:
        asked.together.failed(str(e))
    finish(asked, mark)


def _members(wire: Wire, query: RedisSet) -> Iterator[tuple[bytes, float | None]]:
    if query.command != "KEYS":
        scan, width = _SCANS[query.command]
        for page in _pages(wire, (scan, query.key), ("COUNT", _PAGE)):
            for place in range(0, len(page), width):
                scored = query.command == "ZRANGE"
                yield as_bytes(page[place]), _time(as_bytes(page[place + 1]), query.key) if scored else None
        return
    pattern = IdPattern.parse(query.key)
    for page in _pages(wire, ("SCAN",), ("MATCH", query.key, "COUNT", _PAGE)):
        keys = [as_bytes(key) for key in page]
        fields: list[object] = [None] * len(keys)
        if query.field and keys:
            fields = wire.many([("HGET", key, query.field) for key in keys], gone_is_none=True)
        for key, said in zip(keys, fields, strict=True):
            identity = pattern.id_of(key)
            if identity is not None and key != MARKER_KEY.encode():
                yield identity, None if said is None else _time(as_bytes(said), query.field)


def _pages(wire: Wire, command: Command, more: Command) -> Iterator[list[object]]:
    cursor = b"0"
    while True:
        reply, found = as_list(wire.ask(*command, cursor, *more))
        yield as_list(found)
        cursor = as_bytes(reply)
        if cursor == b"0":
            return


def _time(text: bytes, where: str) -> float:
    try:
        return as_time(text)
    except ValueError as e:
        raise CouldNotObserve(f"{where} holds no time; seconds since 1970 or ISO 8601 with its zone are read") from e


class ObjectIds:
    """Takes the ids of objects as they are restored, one after the other."""

    def __init__(self, asked: Asked) -> None:
        self._answers = asked.together
        questions = asked.together.questions if asked.together else {}
        self._mark = f"{asked.manifest.origin.database}{MARKER_OBJECT}"
        self._patterns = {number: IdPattern.parse(text) for number, text in questions.items()}

    def add(self, one: ListedObject) -> None:
        """An object that was restored."""
        if self._answers is None or self._answers.why:
            return
        try:
            for number, pattern in self._patterns.items():
                identity = pattern.id_of(one.key.encode())
                if identity is not None and one.key != self._mark:
                    self._answers.add(number, identity, one.modified.timestamp() + _WHOLE_SECONDS)
        except CouldNotObserve as e:
            self._answers.failed(str(e))
