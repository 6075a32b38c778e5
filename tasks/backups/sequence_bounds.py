"""How far a sequence may be ahead once it was recovered from the WAL.

PostgreSQL logs a sequence 32 values ahead of what it hands out, so that it need not log each one; recovery brings it to
the logged value. Before those are used up nothing more is logged, and `log_cnt` says how many are left
(nextval_internal: https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/commands/sequence.c).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_AT_ONCE = 200  # sequences that one query reads
_SEQUENCES: LiteralString = """
    SELECT n.nspname, c.relname, s.seqincrement::text, s.seqstart::text, format('%I.%I', n.nspname, c.relname)
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relpersistence = 'p' ORDER BY 5"""


@dataclass(frozen=True)
class Handed:
    """What a sequence had handed out last (None where nothing), and the value that its log holds."""

    last: int | None
    logged: int


async def read(connection: "Connection") -> dict[str, Handed]:
    """Every sequence that survives a crash, by its quoted name, as it is now: no snapshot holds for sequences."""
    from psycopg import sql

    names = await (await connection.execute(_SEQUENCES)).fetchall()
    found: dict[str, Handed] = {}
    for first in range(0, len(names), _AT_ONCE):
        queries = [
            sql.SQL("SELECT {}, last_value::text, log_cnt::text, is_called, {}, {} FROM {}").format(
                *(sql.Literal(str(one)) for one in (quoted, step, start)), sql.Identifier(str(schema), str(name))
            )
            for schema, name, step, start, quoted in names[first : first + _AT_ONCE]
        ]
        for name, last, ahead, called, step, start in await (
            await connection.execute(sql.SQL(" UNION ALL ").join(queries))
        ).fetchall():
            value = int(str(last)) if called else int(str(last)) - int(str(step))
            handed = value if called or last != start else None
            found[str(name)] = Handed(handed, value + int(str(ahead)) * int(str(step)))
    return found


def upto(before: Mapping[str, Handed], after: Mapping[str, Handed]) -> dict[str, int]:
    """How far recovery to a point between the two looks may bring each, of those that were there both times."""
    return {name: one.logged for name, one in after.items() if name in before and one.last is not None}


def within(value: int | None, last: int | None, logged: int | None) -> bool:
    """Whether a recovered value can be that of a sequence that had handed out `last`, and had logged `logged`."""
    if value == last or logged is None:
        return value == last
    if last is None:
        return value is None or value <= logged or logged < 0
    low, high = sorted((last, logged))
    return value is not None and low <= value <= high
