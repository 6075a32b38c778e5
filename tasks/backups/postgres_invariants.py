"""The invariants of a book, asked of a restored PostgreSQL database: one number each, read-only and in bounded time."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tminus.backups.book import Invariant
from tminus.errors import CouldNotObserve, UsageError
from tminus.expectation import Measurement

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

TIMEOUT = 300_000  # milliseconds for one of them


@dataclass(frozen=True)
class Asked:
    """One invariant: whether it holds, and a line that says so."""

    holds: bool
    line: str


async def ask(connection: "Connection", invariants: Sequence[Invariant]) -> list[Asked]:
    """Asks each; the connection is the database's own, with its own search path.

    What PostgreSQL refuses (no such table), and what is no single number, does not hold. Raises CouldNotObserve where
    one takes too long, psycopg.OperationalError where the server is gone.
    """
    return [await _ask(connection, one) for one in invariants]


async def _ask(connection: "Connection", invariant: Invariant) -> Asked:
    import psycopg

    try:
        rows = await _rows(connection, invariant.sql)
    except psycopg.errors.QueryCanceled as e:
        raise CouldNotObserve(f"the invariant {invariant.title!r} took over {TIMEOUT // 1000} s") from e
    except psycopg.OperationalError:
        raise
    except psycopg.Error as e:
        return Asked(False, f"{invariant.title}: it cannot be asked ({type(e).__name__})")
    number = _number(rows)
    if number is None:
        return Asked(False, f"{invariant.title}: it gives no single number")
    try:
        holds = invariant.expect.holds(Measurement.number("invariant", number))
    except UsageError as e:
        raise CouldNotObserve(f"the invariant {invariant.title!r} expects what no number is: {e}") from e
    return Asked(holds, f"{invariant.title}: {number}, expected {invariant.expect}")


async def _rows(connection: "Connection", asked: str) -> list[tuple[object, ...]]:
    """Two rows at most; by the extended protocol, in which one query is one statement."""
    async with connection.transaction():
        await connection.execute("SET TRANSACTION READ ONLY")
        await connection.execute(f"SET LOCAL statement_timeout = {TIMEOUT}".encode())
        cursor = await connection.execute(asked.encode(), prepare=True)
        if cursor.description is None:
            return []
        return await cursor.fetchmany(2)


def _number(rows: Sequence[tuple[object, ...]]) -> Decimal | None:
    """None where it is not one row of one number; NULL, as of a sum over nothing, is none either."""
    if len(rows) != 1 or len(rows[0]) != 1:
        return None
    [value] = rows[0]
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    number = Decimal(str(value))
    return number if number.is_finite() else None
