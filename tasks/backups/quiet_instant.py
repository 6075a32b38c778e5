"""A moment at which a snapshot and a place in the WAL are the same: what is counted in one is restored at the other.

On a server that is written to, a restore to a named point gives the transactions whose commit stands before it in the
WAL, and a snapshot sees those that had left the list of running ones: between the two a transaction may stand either
way. They agree where none can:

1. a snapshot is taken of which `xmin = xmax = X`: every transaction below X had ended, so its commit is in the WAL;
2. then the named point is written;
3. then a transaction number is taken. If it is X, none was given out before: so at the snapshot no transaction that had
   a number was running, and none committed until the point.

`xmin = xmax` alone does not say so: X itself may be running, with its commit written already. What has no number writes
no rows. Source: GetSnapshotData, GetNewTransactionId and RecordTransactionCommit of PostgreSQL.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, LiteralString

from tminus.backups.manifest import RestorePoint
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

WITHIN = 30.0  # seconds in which a quiet instant is looked for
_PAUSE = 0.02  # seconds between two tries, at most; drawn anew each time, so that no rhythm of writes is met
_NAME = 63 - 6  # bytes that PostgreSQL keeps of a point's name (MAXFNAMELEN - 1), less a dot and the try's number
_SETTINGS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")
_SNAPSHOT: LiteralString = """
    SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text, clock_timestamp() FROM pg_current_snapshot() AS s"""


@dataclass(frozen=True)
class Instant:
    """A snapshot, which the connection holds as long as the block lasts, and the point that was written right after it.

    Attributes:
        quiet: whether they are the same. Where they are not, what was written around then may stand either way.
        next_transaction: the first number that was given out after the point.
    """

    point: RestorePoint
    taken_at: datetime
    quiet: bool
    tries: int
    next_transaction: int


@asynccontextmanager
async def instant(
    counting: "Connection", beside: "Connection", name: str, within: float | None = None
) -> AsyncIterator[Instant]:
    """Tries until a quiet instant is found or the time is up; the last try's is given then.

    Args:
        counting: its transaction has the snapshot; read-only, repeatable read. It is in autocommit, as is the other.
        beside: writes the point, and takes a transaction number, which it gives back.
        name: the point's name begins so.
        within: seconds; WITHIN where it is left out.

    psycopg.Error passes through: writing a restore point wants a right of its own.
    """
    await _prepare(counting)
    deadline, tries = monotonic() + (WITHIN if within is None else within), 0
    try:
        while True:
            tries += 1
            found = await _try(counting, beside, f"{name[:_NAME]}.{tries}", tries, last=monotonic() > deadline)
            if found is not None:
                break
            await counting.execute("ROLLBACK")
            await asyncio.sleep(random.uniform(0, _PAUSE))  # noqa: S311 - no secret
        yield found
    finally:
        if not counting.closed:
            await counting.execute("ROLLBACK")


async def settled(connection: "Connection", since: Instant, within: float | None = None) -> bool:
    """Waits until every transaction that was running at the point has ended; whether they all did in time."""
    deadline = monotonic() + (WITHIN if within is None else within)
    while True:
        [(oldest,)] = await _rows(connection, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
        if int(str(oldest)) >= since.next_transaction:
            return True
        if monotonic() > deadline:
            return False
        await asyncio.sleep(_PAUSE)


async def _prepare(counting: "Connection") -> None:
    from psycopg import sql

    rows = await _rows(counting, "SELECT name FROM pg_settings WHERE name LIKE '%timeout'")
    known = {str(name) for (name,) in rows}
    for setting in _SETTINGS:
        if setting in known:
            await counting.execute(sql.SQL("SET {} = 0").format(sql.Identifier(setting)))
    await counting.execute("SET row_security = off")


async def _try(counting: "Connection", beside: "Connection", name: str, tries: int, *, last: bool) -> Instant | None:
    await counting.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    [(oldest, following, taken_at)] = await _rows(counting, _SNAPSHOT)
    if oldest != following and not last:
        return None
    point, number = await _point(beside, name)
    if not isinstance(taken_at, datetime):
        raise CouldNotObserve("the server's clock_timestamp() is no time")
    quiet = oldest == following and int(str(following)) == number
    return Instant(point, taken_at, quiet, tries, number) if quiet or last else None


async def _point(beside: "Connection", name: str) -> tuple[RestorePoint, int]:
    """Writes the point and takes a transaction number, in one message: what lies between counts."""
    from psycopg import sql

    cursor = await beside.execute(
        sql.SQL(
            "BEGIN; SELECT l::text, pg_walfile_name(l) FROM pg_create_restore_point({}) AS l; "
            "SELECT pg_current_xact_id()::text; ROLLBACK"
        ).format(sql.Literal(name))
    )
    cursor.nextset()
    [(lsn, file)] = await cursor.fetchall()
    cursor.nextset()
    [(number,)] = await cursor.fetchall()
    return RestorePoint(name=name, lsn=str(lsn), timeline=int(str(file)[:8], 16)), int(str(number))


async def _rows(connection: "Connection", query: LiteralString) -> list[tuple[object, ...]]:
    return await (await connection.execute(query)).fetchall()
