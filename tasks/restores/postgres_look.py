"""Looks at a database that was restored on a live server, as a verification looks at one in a scratch."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tasks.backups.asked import Asked
from tasks.backups.looked import Looked
from tasks.backups.postgres_contents import count, in_snapshot, marker, settle
from tasks.backups.postgres_indexes import Amcheck
from tasks.backups.postgres_invariants import ask
from tasks.restores.live_postgres import LivePostgres
from tminus.backups import differences
from tminus.backups.contents import PostgresContents
from tminus.backups.loss import loss
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_DATABASE = "database"  # how the catalogue's lines name the database itself


@dataclass(frozen=True)
class _Split:
    """What a database holds, and what is said of the database itself, which a restore takes from the live one."""

    held: PostgresContents
    itself: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, contents: PostgresContents) -> "_Split":
        itself, rest = [], {}
        for section, lines in contents.schema_lines.items():
            mine = [line for line in lines if section == _DATABASE or _of_itself(section, line)]
            itself += [(f"{section}: {line.partition(':')[0]}", line) for line in mine]
            rest[section] = tuple(line for line in lines if line not in mine)
        return cls(contents.model_copy(update={"schema_lines": rest}), frozenset(itself))


def _of_itself(section: str, line: str) -> bool:
    return section in {"owners", "privileges"} and line.startswith((f"{_DATABASE}:", f"{_DATABASE} to "))


async def look(
    asked: Asked, looked: Looked, server: LivePostgres, database: str, wanted: PostgresContents, copied_at: datetime
) -> None:
    """Holds it against what was counted at the moment that it is a copy of, and makes it ready to be queried (ANALYZE).

    Raises CouldNotObserve.
    """
    async with server.connect(database) as connection:
        async with in_snapshot(connection):
            found = await count(connection)
            newest = await marker(connection)
        await _indexes(connection, looked)
        await connection.execute("ANALYZE")
    async with server.connect(database) as connection:  # with its own search path
        invariants = await ask(connection, asked.store.invariants)
    looked.count("invariants_broken", [one.line for one in invariants if not one.holds])
    looked.also(*loss(asked.needed_at, newest, copied_at))
    _compare(looked, wanted, found)


def _compare(looked: Looked, wanted: PostgresContents, found: PostgresContents) -> None:
    then, now = _Split.of(wanted), _Split.of(found)
    looked.count("tables_differ", differences.table_differences(wanted.tables, found.tables))
    looked.count("schema_differs", differences.schema_differences(then.held, now.held))
    looked.count("sequences_differ", differences.sequence_differences(wanted, found.sequences))
    looked.count("constraints_broken", differences.lost_constraints(wanted, found))
    looked.details += differences.extension_versions(wanted, found)
    looked.details += [
        f"of the database itself, as it was and is not now: {one}"
        for one in sorted({name for name, _ in then.itself - now.itself})
    ]
    rows = sum(one.rows for one in found.tables.values())
    looked.details.append(f"{len(found.tables)} tables with {rows} rows")


async def _indexes(connection: "Connection", looked: Looked) -> None:
    """Where the role may not have amcheck, that is said: this very server has just built every index."""
    await settle(connection)
    amcheck = Amcheck(connection, connection.info.server_version // 10000, heap=False)
    try:
        found = [await amcheck.complaint(index) for index in await amcheck.indexes()]
        await amcheck.remove()
    except CouldNotObserve as e:
        looked.details.append(f"indexes were not looked at: {e}")
        return
    looked.count("indexes_broken", [one for one in found if one])
