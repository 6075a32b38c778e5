"""What a CockroachDB tells about itself, read into models."""

import asyncio
from typing import TYPE_CHECKING, LiteralString, TypeVar

from pydantic import BaseModel, ValidationError

from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import psycopg
    import psycopg.sql

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_T = TypeVar("_T", bound=BaseModel)
_WITHIN = 10.0  # seconds


async def rows_of(
    connection: "Connection",
    model: type[_T],
    query: "LiteralString | psycopg.sql.Composed",
    *,
    within: float = _WITHIN,
) -> list[_T]:
    """Every row of one query; raises CouldNotObserve where it is refused, takes too long, or gives something else."""
    import psycopg
    from psycopg.rows import dict_row

    try:
        async with asyncio.timeout(within), connection.cursor(row_factory=dict_row) as cursor:
            found = await (await cursor.execute(query)).fetchall()
        return [model.model_validate(row) for row in found]
    except TimeoutError as e:
        raise CouldNotObserve(f"CockroachDB gave no answer within {within:g} s") from e
    except psycopg.errors.InsufficientPrivilege as e:
        raise CouldNotObserve(
            "CockroachDB does not let this role look (42501); GRANT SYSTEM VIEWCLUSTERMETADATA, VIEWJOB TO it"
        ) from e
    except ValidationError as e:
        wrong = ", ".join(sorted({str(error["loc"][0]) for error in e.errors() if error["loc"]}))
        raise CouldNotObserve(f"what should be a CockroachDB answers without a usable {wrong or 'row'}") from e


async def see_internals(connection: "Connection") -> None:
    """Lets this session read crdb_internal, which since version 25.4 each session must allow itself.

    `cockroach node status` reads the same tables. Older versions do not know the variable, and need it not.
    """
    import psycopg

    try:
        async with asyncio.timeout(_WITHIN):
            await connection.execute("SET allow_unsafe_internals = true")
    except TimeoutError as e:
        raise CouldNotObserve(f"CockroachDB gave no answer within {_WITHIN:g} s") from e
    except psycopg.errors.UndefinedObject:
        return
