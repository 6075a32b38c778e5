"""Wrapped data keys in a table (envelope encryption): each goes under another key where nobody changed it meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, LiteralString

from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, ValidationError

from tasks.aws_errors import NotOpened
from tasks.estate import Estate
from tasks.kms_keys import KmsKeys
from tasks.kms_sweep import Batch, Fate, Move, Place
from tasks.restores.live_postgres import LivePostgres
from tminus.errors import Refused

if TYPE_CHECKING:
    import psycopg
    from psycopg.sql import Composed

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_AT_ONCE = 100  # rows that are read at once
_TRIES = 5
# Catalogs: https://www.postgresql.org/docs/current/catalog-pg-index.html
_ONE_EACH: LiteralString = """
    SELECT a.attnotnull AND EXISTS (
             SELECT FROM pg_index i
             WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid AND i.indimmediate
               AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum AND i.indpred IS NULL)
    FROM pg_attribute a
    WHERE a.attrelid = to_regclass(%(table)s) AND a.attname = %(column)s AND NOT a.attisdropped"""
_CONTEXT = TypeAdapter(dict[str, str])
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$")]
Column = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_$]*$")]


class Envelope(BaseModel, frozen=True, extra="forbid"):
    """A column of wrapped data keys, as the book names it.

    Attributes:
        database: the name of an entry of the environment's `postgres`, whose `rotator` may read and change the table.
        table: `table` or `schema.table`.
        id: the key column, of an ordered type such as bigint, uuid or text.
        column: the data keys as KMS wrapped them, bytea.
        context: the encryption context that all of them have.
        context_column: the column, of text or JSON, with an object that each one's encryption context has besides.
    """

    database: str
    table: Name
    id: Column = "id"
    column: Column
    context: Mapping[str, str] = Field(default_factory=dict)
    context_column: Column | None = None


@dataclass(frozen=True)
class _Row:
    id: str
    wrapped: bytes
    context: Mapping[str, str]


class Rows(Place):
    """The rows of one table."""

    def __init__(self, estate: Estate, keys: KmsKeys, envelope: Envelope) -> None:
        super().__init__(f"rows of {envelope.table} in {envelope.database}")
        self._estate = estate
        self._keys = keys
        self._envelope = envelope

    async def count(self) -> int:
        """How many rows have a data key."""
        from psycopg.sql import SQL

        query = SQL("SELECT count(*) FROM {} WHERE {} IS NOT NULL").format(*self._names(self._envelope.column))
        async with _connected(self._estate, self._envelope.database) as connection:
            found = await (await connection.execute(query)).fetchone()
        return int(str(found[0])) if found else 0

    async def require_movable(self) -> None:
        """Raises Refused where rows may share an id, or have none: one of them would be passed over for ever."""
        envelope = self._envelope
        async with _connected(self._estate, envelope.database) as connection:
            given = {"table": self._table().as_string(connection), "column": envelope.id}
            found = await (await connection.execute(_ONE_EACH, given)).fetchone()
        if not found or found[0] is not True:
            raise Refused(
                f"{self.called}: nothing promises that {envelope.id} is of one row each and never NULL, so that some "
                f"could be passed over and lost with the old key; make it the primary key, or NOT NULL with a unique "
                "index of its own, or name another column as `id`"
            )

    async def batch(self, after: str, move: Move) -> Batch:
        """The next rows; raises Refused for one that its encryption context does not open."""
        async with _connected(self._estate, self._envelope.database) as connection:
            rows = await self._read(connection, after)
            fates = await asyncio.gather(*(self._looked(row, move) for row in rows))
            settled = [await self._settled(connection, row, made, move) for row, made in zip(rows, fates, strict=True)]
        return Batch(rows[-1].id if len(rows) == _AT_ONCE else "", settled)

    async def _looked(self, row: _Row, move: Move) -> Fate | bytes:
        """What became of it, or the ciphertext that is to take its place."""
        try:
            made = await asyncio.to_thread(self._keys.re_encrypt, row.wrapped, row.context, move.to or move.leaving)
        except NotOpened as e:
            raise Refused(
                f"{self.called}: KMS does not open {self._envelope.column} of the one whose {self._envelope.id} is "
                f"{row.id[:60]}: it is damaged, or its encryption context is not what the book says; correct either"
            ) from e
        if made.source != move.leaving:
            return Fate.THERE if made.source == move.to else Fate.OTHER
        return made.ciphertext if move.to else Fate.LEFT

    async def _settled(self, connection: "Connection", row: _Row, made: Fate | bytes, move: Move) -> Fate:
        """Writes it where the row still has what was read; otherwise looks again what it has now."""
        for _ in range(_TRIES):
            if isinstance(made, Fate):
                return made
            if await self._written(connection, row, made):
                return Fate.MOVED
            again = await self._one(connection, row.id)
            if again is None:
                return Fate.GONE
            row = again
            made = await self._looked(row, move)
        return Fate.RESTLESS

    async def _written(self, connection: "Connection", row: _Row, made: bytes) -> bool:
        from psycopg.sql import SQL, Identifier

        column = Identifier(self._envelope.column)
        query = SQL("UPDATE {} SET {} = %s WHERE {} = %s AND {} = %s").format(
            self._table(), column, Identifier(self._envelope.id), column
        )
        done = await connection.execute(query, (made, row.id, row.wrapped))
        return done.rowcount == 1

    async def _read(self, connection: "Connection", after: str) -> Sequence[_Row]:
        from psycopg.sql import SQL, Identifier

        behind = SQL(" AND {} > %s").format(Identifier(self._envelope.id)) if after else SQL("")
        order = SQL(" ORDER BY {} LIMIT {}").format(Identifier(self._envelope.id), _AT_ONCE)
        return await self._rows(connection, self._select() + behind + order, (after,) if after else ())

    async def _one(self, connection: "Connection", name: str) -> _Row | None:
        from psycopg.sql import SQL, Identifier

        query = self._select() + SQL(" AND {} = %s").format(Identifier(self._envelope.id))
        return next(iter(await self._rows(connection, query, (name,))), None)

    async def _rows(self, connection: "Connection", query: "Composed", given: tuple[str, ...]) -> list[_Row]:
        found = await (await connection.execute(query, given)).fetchall()
        return [self._row(*one) for one in found]

    def _row(self, name: object, wrapped: object, context: object) -> _Row:
        if not isinstance(wrapped, bytes):
            raise Refused(f"{self.called}: {self._envelope.column} is no bytea; name the column of the wrapped keys")
        try:
            own = _CONTEXT.validate_json(str(context)) if context is not None else {}
        except ValidationError:
            raise Refused(
                f"{self.called}: {self._envelope.context_column} of the one whose {self._envelope.id} is "
                f"{str(name)[:60]} is no JSON object of texts; correct it"
            ) from None
        return _Row(str(name), wrapped, {**self._envelope.context, **own})

    def _select(self) -> "Composed":
        from psycopg.sql import SQL, Identifier

        context = SQL("{}::text").format(Identifier(self._envelope.context_column or ""))
        return SQL("SELECT {}::text, {}, {} FROM {} WHERE {} IS NOT NULL").format(
            Identifier(self._envelope.id),
            Identifier(self._envelope.column),
            context if self._envelope.context_column else SQL("NULL"),
            *self._names(self._envelope.column),
        )

    def _names(self, column: str) -> "tuple[psycopg.sql.Identifier, psycopg.sql.Identifier]":
        from psycopg.sql import Identifier

        return self._table(), Identifier(column)

    def _table(self) -> "psycopg.sql.Identifier":
        from psycopg.sql import Identifier

        return Identifier(*self._envelope.table.split("."))


@asynccontextmanager
async def _connected(estate: Estate, database: str) -> "AsyncIterator[Connection]":
    """A connection as the one who rotates, each statement a transaction; raises NotConfigured, CouldNotObserve."""
    live = await asyncio.to_thread(LivePostgres.of, estate, database, "rotator")
    async with live.connect(live.database) as connection:
        await connection.execute("SET row_security = off")  # rows that are hidden from it are an error, and not none
        yield connection
