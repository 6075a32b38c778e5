"""B-tree indexes by amcheck: their structure and order, that unique ones are, and that no row of a table is missing."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from tminus.errors import CouldNotObserve
from tminus.foreign_text import printable

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

SCHEMA = "tminus_amcheck"
_UNIQUE_SINCE = 17  # the major version whose amcheck also looks for duplicates
_INDEXES: LiteralString = """
    SELECT i.indexrelid::bigint, format('%%I.%%I', n.nspname, c.relname), i.indrelid::bigint
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i' AND c.relpersistence <> 't'
    JOIN pg_am a ON a.oid = c.relam AND a.amname = 'btree' JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE i.indexrelid > %s AND i.indisvalid AND i.indisready AND n.nspname !~ '^pg_' ORDER BY c.relpages DESC"""


@dataclass(frozen=True)
class Index:
    """A B-tree index, valid and ready; its name quoted, and the oid of its table."""

    oid: int
    name: str
    table: int


class Amcheck:
    """amcheck in a scratch database. It is installed in a schema of its own, and `remove` leaves nothing of it.

    Args:
        connection: a superuser's, of a scratch.
        major: the server's version.
        heap: whether every row of a table must be found in its index. That reads each table once more for each of its
            indexes; of an index that this very server has just built from the table, it says nothing about a backup.
    """

    def __init__(self, connection: "Connection", major: int, *, heap: bool = True) -> None:
        self._connection = connection
        self._heap = heap
        self._unique = major >= _UNIQUE_SINCE
        self._schema = ""

    async def indexes(self, but: Collection[int] = (), above: int = 0) -> list[Index]:
        """Those that are there now, the largest first, but for some by their oid, and for all up to one."""
        rows = await (await self._connection.execute(_INDEXES, (above,))).fetchall()
        found = [Index(int(str(oid)), str(name), int(str(table))) for oid, name, table in rows]
        return [one for one in found if one.oid not in but]

    async def complaint(self, index: Index) -> str:
        """What is wrong with an index; "" where nothing is. Raises CouldNotObserve where amcheck is not installed."""
        import psycopg
        from psycopg import sql

        schema = await self._installed()
        asked = sql.SQL("SELECT {}.bt_index_check(index => {}::oid::regclass, heapallindexed => {}{})").format(
            sql.Identifier(schema),
            sql.Literal(index.oid),
            sql.Literal(self._heap),
            sql.SQL(", checkunique => true" if self._unique else ""),
        )
        try:
            await self._connection.execute(asked)
        except psycopg.errors.UndefinedObject:  # dropped meanwhile
            return ""
        except (psycopg.OperationalError, psycopg.errors.QueryCanceled):
            raise
        except psycopg.Error as e:
            said = printable(str(e).split("\n", 1)[0])[:160]
            return f"index {index.name}: {said}"
        return ""

    async def remove(self) -> None:
        """Takes amcheck away where it was put here, by this or another connection; the database's own stays."""
        from psycopg import sql

        await self._connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(SCHEMA)))
        self._schema = ""

    async def _installed(self) -> str:
        """The schema in which amcheck is: the database's own, or ours."""
        import psycopg
        from psycopg import sql

        if self._schema:
            return self._schema
        asked = "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
        rows = await (await self._connection.execute(f"{asked} WHERE e.extname = 'amcheck'")).fetchall()
        if rows:
            self._schema = str(rows[0][0])
            return self._schema
        try:
            await self._connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
            await self._connection.execute(sql.SQL("CREATE EXTENSION amcheck SCHEMA {}").format(sql.Identifier(SCHEMA)))
        except psycopg.Error as e:
            raise CouldNotObserve(f"the scratch server has no amcheck ({type(e).__name__}): install contrib") from e
        self._schema = SCHEMA
        return SCHEMA
