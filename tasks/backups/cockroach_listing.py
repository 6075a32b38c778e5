"""What lies in a collection of CockroachDB's backups, as a cluster tells it; none of it has met a real one yet.

Sources: https://www.cockroachlabs.com/docs/v24.3/show-backup and backup-validation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from pydantic import BaseModel

from tasks.backups.damage import Damaged
from tasks.cockroach_backups import Time
from tasks.cockroach_rows import rows_of
from tminus.backups.catalogue import lag, never_taken
from tminus.backups.manifest import BackupKind
from tminus.errors import CouldNotObserve
from tminus.foreign_text import printable

if TYPE_CHECKING:
    import psycopg
    import psycopg.sql

    from tminus.backups.book import CockroachBackup

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

KIND: BackupKind = "cockroach.backup"
_MOST = 100_000  # objects of a backup's list
_NAMED = 10


class _Path(BaseModel, frozen=True):
    path: str


class BackedUp(BaseModel, frozen=True):
    """One object in one layer of a backup: a full backup is the first layer, each incremental one another."""

    database_name: str | None
    parent_schema_name: str | None
    object_name: str
    object_type: str
    end_time: Time
    rows: int | None

    @property
    def name(self) -> str:
        """`public.orders`."""
        return f"{self.parent_schema_name}.{self.object_name}"


@dataclass(frozen=True)
class Encrypted:
    """With what a backup was encrypted by the cluster; in statements only, and never in evidence."""

    kms: str = ""
    passphrase: str = ""

    def options(self, *more: "psycopg.sql.Composable") -> "psycopg.sql.Composed":
        """As the options of a statement, beside others."""
        from psycopg import sql

        known = [("kms", self.kms), ("encryption_passphrase", self.passphrase)]
        own = [sql.SQL("{} = {}").format(sql.SQL(name), sql.Literal(value)) for name, value in known if value]
        return sql.SQL(", ").join([*more, *own])


@dataclass(frozen=True)
class Layers:
    """A backup with what was added to it.

    Attributes:
        path: the full backup's, in its collection.
        at: the moment of the last layer.
        count: how many layers.
        tables: each table of the database that is there at that moment → the rows in all its layers.
    """

    path: str
    at: datetime
    count: int
    tables: dict[str, int]


async def paths(connection: "Connection", collection: str) -> list[str]:
    """The full backups in a collection, the earliest first; raises CouldNotObserve."""
    from psycopg import sql

    query = sql.SQL("SELECT path FROM [SHOW BACKUPS IN {}]").format(sql.Literal(collection))
    return sorted(row.path for row in await rows_of(connection, _Path, query))


def taken_at(path: str) -> datetime:
    """`/2026/11/20-113000.48` was taken then, in UTC; raises CouldNotObserve."""
    try:
        return datetime.strptime(path.partition(".")[0].lstrip("/"), "%Y/%m/%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError as e:
        raise CouldNotObserve(f"a backup's path is no time: {printable(path[:40])!r}") from e


def gaps(store: "CockroachBackup", moments: Sequence[datetime], at: datetime) -> tuple[int, list[str]]:
    """How many full backups of the promised time were never taken, or are gone; it begins with the first known."""
    start = at - store.keep
    within = [moment for moment in moments if moment > start]
    points = [*([start] if len(within) < len(moments) else []), *within, at]
    missing, lines = 0, []
    for earlier, later in pairwise(points):
        count = never_taken(later - earlier, store.every, store.late)
        missing += count
        if count:
            lines.append(f"no full backup between {earlier:%Y-%m-%d %H:%M} and {later:%Y-%m-%d %H:%M}")
    return missing, lines[:_NAMED]


def overdue(store: "CockroachBackup", moments: Sequence[datetime], at: datetime) -> list[str]:
    """A line for each full backup that should be gone."""
    limit = store.keep + lag(store)
    return [f"the backup of {moment:%Y-%m-%d %H:%M} should be gone" for moment in moments if at - moment > limit]


async def layers(
    connection: "Connection", collection: str, path: str, database: str, encrypted: Encrypted, within: float
) -> Layers:
    """What a backup holds of a database, once the cluster has found all of its files.

    Raises Damaged where it says that some are missing, or nothing of the database is in it; CouldNotObserve.
    """
    import psycopg
    from psycopg import sql

    query = sql.SQL(
        "SELECT database_name, parent_schema_name, object_name, object_type, end_time, rows "
        "FROM [SHOW BACKUP FROM {} IN {} WITH {}]"
    ).format(sql.Literal(path), sql.Literal(collection), encrypted.options(sql.SQL("check_files")))
    try:
        rows = await rows_of(connection, BackedUp, query, within=within)
    except psycopg.errors.Error as e:
        if "missing" in str(e).lower():
            raise Damaged("files of it are missing, by SHOW BACKUP … WITH check_files") from e
        raise CouldNotObserve(f"SHOW BACKUP … WITH check_files was refused ({type(e).__name__} {e.sqlstate})") from e
    if len(rows) > _MOST:
        raise CouldNotObserve(f"the backup lists {len(rows)} objects, and at most {_MOST} are looked at")
    mine = [row for row in rows if row.database_name == database and row.object_type == "table"]
    if not mine:
        raise Damaged(f"nothing of the database {database!r} is in it")
    at = max(row.end_time for row in rows)
    there = {row.name for row in mine if row.end_time == at}
    tables = {name: sum(row.rows or 0 for row in mine if row.name == name) for name in sorted(there)}
    return Layers(path, at, len({row.end_time for row in rows}), tables)
