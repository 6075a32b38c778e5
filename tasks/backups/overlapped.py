"""Checks what is restored already while the rest is being restored, and the rest when all is.

A table that was checked early counts only if nothing happened to it since: its columns and its file are the same, of
the same size, and the server's own statistics know of as many inserted rows as were counted, of none altered and of
none removed. Else it is checked again. So what pg_restore prints is only a hint of where to look.
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from tasks.backups import postgres_contents
from tasks.backups.postgres_indexes import Amcheck, Index
from tasks.backups.postgres_server import ScratchServer
from tminus.backups.contents import PostgresContents, TableContents
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_STATE = """
    SELECT c.oid::bigint, c.relfilenode::bigint, pg_relation_size(c.oid), s.n_tup_ins, s.n_tup_upd + s.n_tup_del, (
        SELECT hashtextextended(string_agg(concat_ws(' ', a.attnum, a.attname, a.atttypid, a.atttypmod, d.oid), ','
                                           ORDER BY a.attnum), 0)
        FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0)
    FROM pg_class c JOIN pg_stat_all_tables s ON s.relid = c.oid WHERE c.oid = ANY (%s)"""
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'tminus'"
_GONE = 10.0  # seconds for pg_restore's sessions to be gone: their statistics are complete then
_POLL = 0.01  # seconds
_GIVES_WAY = 19  # niceness (setpriority(2))


@dataclass(frozen=True)
class _File:
    """A table's file, what statistics say of its rows, and a hash over its columns."""

    node: int
    size: int
    inserted: int
    altered: int
    columns: int


@dataclass(frozen=True)
class Checked:
    """What is in the restored database, and what is wrong with its indexes."""

    contents: PostgresContents
    broken_indexes: tuple[str, ...]
    indexes: int
    early: int


class Overlapped:
    """The checks of one restored database.

    Args:
        database: its name, which need not be there yet.
    """

    def __init__(self, server: ScratchServer, database: str) -> None:
        self._server = server
        self._database = database
        self._hints: asyncio.Queue[str | None] = asyncio.Queue()
        self._tables: dict[int, tuple[TableContents, _File]] = {}
        self._indexes: dict[int, tuple[Index, str]] = {}
        self._waiting: list[Index] = []
        self._newest = 0

    def hint(self, table: str) -> None:
        """That a table (`schema.name`) seems to be through; "" that something else is."""
        self._hints.put_nowait(table)

    def all_restored(self) -> None:
        """That nothing more comes."""
        self._hints.put_nowait(None)

    async def meanwhile(self) -> None:
        """Checks what is hinted at until all is restored. What cannot be read yet is left for the end."""
        import psycopg

        try:
            await self._follow()
        except (psycopg.Error, CouldNotObserve):
            return

    async def _follow(self) -> None:
        first = await self._hints.get()
        if first is None:
            return
        self._hints.put_nowait(first)
        connection = await self._server.connection(self._database)
        async with connection:
            await postgres_contents.settle(connection)
            await _step_back(connection)
            known = {f"{one.schema}.{one.table}": one for one in await postgres_contents.tables(connection)}
            amcheck = Amcheck(connection, self._server.cluster.major, heap=False)
            while (name := await self._hints.get()) is not None:
                if name in known:
                    await self._check_table(connection, known[name])
                if self._hints.empty():
                    await self._check_one_index(amcheck)

    async def finish(self) -> Checked:
        """Checks what was not, and what changed since. Raises CouldNotObserve where the server is gone."""
        async with (
            self._server.connect(self._database) as connection,
            self._server.connect(self._database) as beside,
        ):
            await postgres_contents.settle(connection)
            await postgres_contents.settle(beside)
            await _await_others(connection)
            early = await self._forget_changed(connection)
            amcheck = Amcheck(beside, self._server.cluster.major, heap=False)
            counting = asyncio.create_task(self.count(connection))
            checking = asyncio.create_task(self.check_indexes(amcheck))
            try:
                tables, _ = await asyncio.gather(counting, checking)
            finally:
                counting.cancel()
                checking.cancel()
                await asyncio.wait({counting, checking})
            await amcheck.remove()
            contents = PostgresContents(
                schema_lines=await postgres_contents.schema_lines(connection),
                tables=tables | await postgres_contents.large_objects(connection),
                sequences=await postgres_contents.sequences(connection),
                encoding=await postgres_contents.encoding(connection),
            )
        broken = tuple(complaint for _, complaint in self._indexes.values() if complaint)
        return Checked(contents, broken, len(self._indexes), early)

    async def count(self, connection: "Connection") -> dict[str, TableContents]:
        """Every table's contents; those that were counted meanwhile are not counted again."""
        found = {}
        for table in await postgres_contents.tables(connection):
            known = self._tables.get(table.oid)
            found[table.name] = known[0] if known else await postgres_contents.table_contents(connection, table)
        return found

    async def _check_table(self, connection: "Connection", table: postgres_contents.Table) -> None:
        contents = await postgres_contents.table_contents(connection, table)
        file = (await _files(connection, [table.oid])).get(table.oid)
        if file is not None and contents.rows:
            self._tables[table.oid] = (contents, file)

    async def _check_one_index(self, amcheck: Amcheck) -> None:
        """Of those that came since it was last asked; one that came out of turn is left for the end."""
        if not self._waiting:
            self._waiting = await amcheck.indexes(self._indexes, above=self._newest)
            self._newest = max((one.oid for one in self._waiting), default=self._newest)
        if self._waiting:
            index = self._waiting.pop(0)
            self._indexes[index.oid] = (index, await amcheck.complaint(index))
            self.hint("")  # there may be another

    async def check_indexes(self, amcheck: Amcheck) -> None:
        """Looks into every index that was not looked into meanwhile, or whose table changed since."""
        there = {one.oid for one in await amcheck.indexes()}
        self._indexes = {oid: one for oid, one in self._indexes.items() if oid in there}
        for index in await amcheck.indexes(self._indexes):
            self._indexes[index.oid] = (index, await amcheck.complaint(index))

    async def _forget_changed(self, connection: "Connection") -> int:
        """Lets go of what was seen of tables that are not as they were; returns how many are."""
        now = await _files(connection, list(self._tables))
        same = {oid for oid, (contents, file) in self._tables.items() if _unchanged(contents, file, now.get(oid))}
        self._tables = {oid: one for oid, one in self._tables.items() if oid in same}
        self._indexes = {oid: one for oid, one in self._indexes.items() if one[0].table in same}
        return len(same)


async def _step_back(connection: "Connection") -> None:
    """Gives way to the restore, where there are not processors enough for both."""
    [(pid,)] = await (await connection.execute("SELECT pg_backend_pid()")).fetchall()
    await connection.execute("SET max_parallel_workers_per_gather = 0")
    await asyncio.to_thread(_give_way, int(str(pid)))


def _give_way(pid: int) -> None:
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _GIVES_WAY)
        # Each server process is a session of its own, and Linux shares processors between sessions first (sched(7)).
        Path(f"/proc/{pid}/autogroup").write_text(str(_GIVES_WAY), "ascii")


def _unchanged(contents: TableContents, then: _File, now: _File | None) -> bool:
    return (
        now is not None
        and (now.node, now.size, now.columns) == (then.node, then.size, then.columns)
        and (now.inserted, now.altered) == (contents.rows, 0)
    )


async def _files(connection: "Connection", tables: Sequence[int]) -> dict[int, _File]:
    rows = await (await connection.execute(_STATE, (list(tables),))).fetchall()
    numbers = [[int(str(value or 0)) for value in row] for row in rows]
    return {oid: _File(*rest) for oid, *rest in numbers}


async def _await_others(connection: "Connection") -> None:
    """A session's statistics are complete once it is gone."""
    deadline = monotonic() + _GONE
    while True:
        [(others,)] = await (await connection.execute(_OTHERS)).fetchall()
        if not others:
            return
        if monotonic() > deadline:
            raise CouldNotObserve(f"{others} sessions of the restore were still there after {_GONE:g} s")
        await asyncio.sleep(_POLL)
