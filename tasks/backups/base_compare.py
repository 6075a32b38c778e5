"""Whether a base backup, restored to its named point, holds what was counted there: table by table, line by line."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.backups import postgres_contents, sequence_bounds
from tasks.backups.damage import Damaged
from tasks.backups.looked import Looked
from tasks.backups.postgres_server import ScratchServer
from tminus.backups import differences
from tminus.backups.contents import PostgresContents, TableContents
from tminus.foreign_text import printable

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_NAMED = 8  # of one sort


@dataclass(frozen=True)
class Held:
    """What a restored database holds; `unread` has a line for each table that cannot be read."""

    contents: PostgresContents
    unread: dict[str, str]


async def held(server: ScratchServer, database: str) -> Held:
    """Reads all of a restored database that waits at its point; what is damaged in one table hides no other.

    Raises Damaged where its catalogue cannot be read, CouldNotObserve where the server is gone.
    """
    import psycopg

    async with server.connect(database) as connection:
        await postgres_contents.settle(connection)
        try:
            schema = await postgres_contents.schema_lines(connection)
            encoding = await postgres_contents.encoding(connection)
            sequences = await sequence_bounds.read(connection)
            tables = await postgres_contents.tables(connection)
        except psycopg.Error as e:
            if connection.broken:
                raise
            raise Damaged(f"its catalogue cannot be read: {_said(e)}") from e
        found: dict[str, TableContents] = {}
        unread: dict[str, str] = {}
        for one in tables:
            if not one.unlogged:
                await _read(connection, one, found, unread)
        try:
            found |= await postgres_contents.large_objects(connection)
        except psycopg.Error as e:
            if connection.broken:
                raise
            unread[postgres_contents.LARGE_OBJECTS] = f"the large objects cannot be read: {_said(e)}"
    contents = PostgresContents(
        schema_lines=schema,
        tables=found,
        sequences={name: one.last for name, one in sequences.items()},
        encoding=encoding,
    )
    return Held(contents, unread)


def compare(looked: Looked, wanted: PostgresContents, there: Held) -> None:
    """Holds it against what was counted when it was taken.

    Tables that were being written to then are of no place in the WAL. They are only read: that none of them differs is
    not known, and not measured.
    """
    aside = {*wanted.moving, *there.unread}
    before = {name: one for name, one in wanted.tables.items() if name not in aside}
    after = {name: one for name, one in there.contents.tables.items() if name not in aside}
    lost = [f"table {name} is missing" for name in wanted.moving if name not in there.contents.tables]
    differing = [*there.unread.values(), *lost, *differences.table_differences(before, after)]
    if differing or not wanted.moving:
        looked.count("tables_differ", differing)
    if wanted.moving:
        some = ", ".join(wanted.moving[:_NAMED]) + (" …" if len(wanted.moving) > _NAMED else "")
        looked.details.append(
            f"{len(wanted.moving)} tables were written to all the while that a quiet instant was looked for, and could "
            f"not be counted as of one place in the WAL: {some}"
        )
    looked.count("schema_differs", differences.schema_differences(wanted, there.contents, ignoring=()))
    looked.count("sequences_differ", differences.sequence_differences(wanted, there.contents.sequences))
    looked.count("constraints_broken", differences.lost_constraints(wanted, there.contents))


async def _read(
    connection: "Connection",
    table: postgres_contents.Table,
    found: dict[str, TableContents],
    unread: dict[str, str],
) -> None:
    import psycopg

    try:
        found[table.name] = await postgres_contents.table_contents(connection, table)
    except psycopg.Error as e:
        if connection.broken:
            raise  # the server died, which says nothing of the table
        unread[table.name] = f"table {table.name} cannot be read: {_said(e)}"


def _said(error: Exception) -> str:
    return printable(str(error).split("\n", 1)[0])[:160]
