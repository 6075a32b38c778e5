"""A scratch database in a CockroachDB cluster that an administrator has declared a scratch; never in a live one.

The mark of such a cluster is the table `tminus_scratch.public.made`, which only an administrator makes. Before a
database is restored, its name and the ledger's chain are written there, and no database is dropped whose name is not.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import BaseModel

from tasks.backups.cockroach_jobs import end_restores
from tasks.backups.cockroach_listing import Encrypted
from tasks.cockroach_rows import rows_of, see_internals
from tasks.estate import Estate
from tminus import events as ev
from tminus.credentials import resolve
from tminus.environment import Environment
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.systems.stores import Cockroach

if TYPE_CHECKING:
    import psycopg
    import psycopg.sql

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

DECLARE = (
    "CREATE DATABASE tminus_scratch; CREATE TABLE tminus_scratch.public.made "
    "(name STRING PRIMARY KEY, chain STRING NOT NULL, at TIMESTAMPTZ NOT NULL DEFAULT now())"
)
"""What an administrator runs on a cluster that holds nothing live."""


class _Made(BaseModel, frozen=True):
    chain: str


class _Cluster(BaseModel, frozen=True):
    id: str


def section(environment: Environment, name: str) -> Cockroach:
    """The live cluster's section, which says where its backups may be restored; raises NotConfigured."""
    found = environment.cockroach.get(name)
    if found is None:
        raise NotConfigured(f"cockroach names no {name!r}; add it to the environment file")
    if not found.scratch:
        raise NotConfigured(
            f"cockroach.{name} names no `scratch`: another entry of that section, for a cluster with credentials of "
            f"its own in which backups are restored; have an administrator run there: {DECLARE}"
        )
    if found.scratch == name or found.scratch not in environment.cockroach:
        raise NotConfigured(f"cockroach.{name}.scratch: {found.scratch!r} is no other entry of `cockroach`")
    return found


def encrypted(found: Cockroach) -> Encrypted:
    """With what its backups are encrypted, read now; raises MissingSecret. Blocks."""
    return Encrypted(
        kms=resolve(found.kms).get_secret_value() if found.kms else "",
        passphrase=resolve(found.passphrase).get_secret_value() if found.passphrase else "",
    )


def database_of(planned: ev.ScratchPlanned) -> str:
    """What the scratch database is called: as the ledger has it, with underscores."""
    return planned.scratch.replace("-", "_")


@asynccontextmanager
async def scratch_cluster(estate: Estate, name: str, live: str = "") -> "AsyncIterator[Connection]":
    """A connection to a scratch cluster; raises CouldNotObserve where it is not marked as one, or is the live one.

    Where the live cluster does not answer, the mark alone must do: backups are needed most when it does not.
    """
    async with estate.cockroach(name) as connection:
        await _require_mark(connection, name)
        if live:
            mine = await _cluster_id(connection)
            try:
                async with estate.cockroach(live) as other:
                    same = await _cluster_id(other) == mine
            except CouldNotObserve:
                same = False
            if same:
                raise CouldNotObserve(f"cockroach {name} is the same cluster as {live}: nothing is restored there")
        yield connection


async def _require_mark(connection: "Connection", name: str) -> None:
    import psycopg

    try:
        await connection.execute("SELECT chain FROM tminus_scratch.public.made LIMIT 1")
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidCatalogName) as e:
        raise CouldNotObserve(
            f"cockroach {name} is not marked as a scratch, so nothing is restored there; where it holds nothing live, "
            f"have an administrator run: {DECLARE}"
        ) from e


async def _cluster_id(connection: "Connection") -> str:
    await see_internals(connection)
    rows = await rows_of(connection, _Cluster, "SELECT crdb_internal.cluster_id()::STRING AS id")
    if len(rows) != 1:
        raise CouldNotObserve("a CockroachDB does not say which cluster it is")
    return rows[0].id


async def write_mark(connection: "Connection", name: str, chain: str) -> None:
    """Writes that a database of this name is a scratch of this ledger's; it is written before there is one."""
    from psycopg import sql

    mark = sql.SQL("INSERT INTO tminus_scratch.public.made (name, chain) VALUES ({}, {})")
    await connection.execute(mark.format(sql.Literal(name), sql.Literal(chain)))


async def drop(connection: "Connection", planned: ev.ScratchPlanned, chain: str) -> bool:
    """Drops a scratch database, and ends a restore into it; whether there was one.

    Raises CouldNotObserve where a database has its name and not its mark: it is then left as it is.
    """
    from psycopg import sql

    name = database_of(planned)
    query = sql.SQL("SELECT chain FROM tminus_scratch.public.made WHERE name = {}").format(sql.Literal(name))
    marks = await rows_of(connection, _Made, query)
    if not marks:
        if await _databases(connection, name):
            raise CouldNotObserve(f"the database {name} is left as it is: it has no mark in tminus_scratch.public.made")
        return False
    if marks != [_Made(chain=chain)]:
        raise CouldNotObserve(f"the database {name} is left as it is: its mark is that of {marks[0].chain[:80]}")
    await end_restores(connection, name)
    await connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} CASCADE").format(sql.Identifier(name)))
    await connection.execute(
        sql.SQL("DELETE FROM tminus_scratch.public.made WHERE name = {}").format(sql.Literal(name))
    )
    return True


async def _databases(connection: "Connection", name: str) -> bool:
    class Named(BaseModel, frozen=True):
        database_name: str

    rows = await rows_of(connection, Named, "SELECT database_name FROM [SHOW DATABASES]")
    return name in {row.database_name for row in rows}
