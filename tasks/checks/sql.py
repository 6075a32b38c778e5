"""SQL: whether one query that only reads gives a value that is as it should be."""

import asyncio
import re
from collections.abc import Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal, LiteralString, Self

from pydantic import field_validator, model_validator

from tasks.check import Check
from tasks.cockroach_rows import see_internals
from tasks.estate import Estate
from tasks.sql_answer import UNITS, measured, never
from tasks.sql_statement import one_that_reads, setting_shown
from tminus.clock import Duration, show_duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

if TYPE_CHECKING:
    import psycopg

_MOST_ROWS = 10_000
_GRACE = 2.0  # seconds after which a server that does not end the query in time is no longer waited for
_OWN_SETTING = "statement_timeout"
_INTERNALS = re.compile(r"\b(crdb_internal|system)\s*\.", re.IGNORECASE)
_OF_THE_PAST = re.compile(r"\bAS\s+OF\s+SYSTEM\s+TIME\b", re.IGNORECASE)
_PAST: LiteralString = "SET TRANSACTION AS OF SYSTEM TIME {}"
_OF_THE_QUERY = "42"  # SQLSTATE class: syntax error or access rule violation; its messages name no data

Rows = list[tuple[object, ...]]


class Query(Check, frozen=True):
    """Runs one query that only reads, and judges the value that it gives: one row, one column.

    The query is run in a READ ONLY transaction that ends after `within`; text that has several statements, or does not
    begin with SELECT, SHOW, WITH, VALUES or TABLE, is refused in the book already. Functions with side effects outside
    of tables (`pg_terminate_backend`, `dblink`) are not held back by any of this: the role in `dsn` should not be
    allowed to call them.

    The name under which the value is expected says what it is: `value` a plain number, `ratio` a share of 1 (judged
    in %), `percent`, `seconds` and `milliseconds` (a number, an interval, or a setting's text such as `30s`), `bytes`
    (a number, or `128MB` with PostgreSQL's units of 1024), `word` a text of at most 80 characters, or `yes` and `no`
    of a truth value, `age` the time since a timestamp or date (without a zone: UTC). NULL, no row, several rows or
    columns, NaN and infinity are no value: the outcome is unknown. Only `rows`, their number up to 10,000, can be
    judged then. `SHOW some_timeout` that gives 0 means that nothing is ever timed out: it counts as the time since
    1970; CockroachDB's plain numbers there are milliseconds. A query that names statement_timeout is not given that
    setting by this check, so that it sees the server's.

    What a query reads, the database reads: a `count(*)` of a whole table reads all of it, also where the rows that it
    counts are few, and takes the time and the disk from everybody else. Bound it: by an index, a LIMIT inside
    (`SELECT count(*) FROM (SELECT 1 FROM t LIMIT 1)`), `within`, or on CockroachDB `as_of`, so that it waits for no
    writer and no writer waits for it. A count of rows that are wrong is 0 of an empty table too, and `NOT LIKE` is
    never true of NULL: ask also whether there are rows, and for `IS NULL`.
    A query of CockroachDB's crdb_internal or system is run in a session that allows itself to read them.

    Attributes:
        database: a name in the environment's `postgres` or `cockroach` section.
        on: in which of the two.
        query: the statement.
        within: how long it may take.
        as_of: how long ago the state is that is read, on CockroachDB only (AS OF SYSTEM TIME, which a query cannot set
            itself inside of the transaction; https://www.cockroachlabs.com/docs/stable/as-of-system-time).
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {**UNITS, "rows": ""}

    kind: Literal["sql.query"] = "sql.query"
    database: str
    on: Literal["postgres", "cockroach"] = "postgres"
    query: str
    within: Duration = timedelta(seconds=10)
    as_of: Duration | None = None

    @field_validator("query")
    @classmethod
    def _reads(cls, query: str) -> str:
        if _OF_THE_PAST.search(query):
            raise ValueError(
                "AS OF SYSTEM TIME is refused inside of a transaction; write `as_of: 10s` beside the query"
            )
        return one_that_reads(query)

    @model_validator(mode="after")
    def _past_is_known(self) -> Self:
        if self.as_of is not None and (self.on != "cockroach" or self.as_of < timedelta(seconds=1)):
            raise ValueError(
                "as_of is how long ago, 1 s at least, on cockroach only; write `on: cockroach` and `as_of: 10s`"
            )
        return self

    async def look(self, estate: Estate) -> Observation:
        """Runs the query; raises CouldNotObserve where it is refused, takes too long, or gives no value."""
        opened = estate.postgres(self.database) if self.on == "postgres" else estate.cockroach(self.database)
        async with opened as connection:
            if self.on == "cockroach" and _INTERNALS.search(self.query):
                await see_internals(connection)
            rows = await self._asked(connection)
        names = [name for name in self.expect if name != "rows"]
        return Observation(
            found=(*self._found(names, rows), Measurement.number("rows", len(rows))),
            where=f"{self.on} {self.database}",
        )

    def _found(self, names: list[str], rows: Rows) -> list[Measurement]:
        if not names:
            return []
        value, shown = _only(rows), setting_shown(self.query) or ""
        if shown.endswith("_timeout") and value == "0":
            return [never(name) if name in {"seconds", "milliseconds"} else measured(name, value) for name in names]
        if shown.endswith("_timeout") and self.on == "cockroach" and isinstance(value, str) and value.isdecimal():
            return [measured(name, f"{value}ms" if name != "value" else value) for name in names]
        return [measured(name, value) for name in names]

    async def _asked(self, connection: "psycopg.AsyncConnection[tuple[object, ...]]") -> Rows:
        import psycopg
        from psycopg import sql

        seconds = self.within.total_seconds()
        try:
            async with asyncio.timeout(seconds + _GRACE):
                await connection.set_read_only(True)
                async with connection.transaction():
                    if self.as_of is not None:  # before anything else is read
                        await connection.execute(sql.SQL(_PAST).format(sql.Literal(_ago(self.as_of))))
                    if _OWN_SETTING not in self.query.lower():
                        await connection.execute(f"SET LOCAL {_OWN_SETTING} = {round(seconds * 1000)}")
                    return await self._rows(connection)
        except (TimeoutError, psycopg.errors.QueryCanceled) as e:
            raise CouldNotObserve(f"{self._where()}: the query took longer than {show_duration(self.within)}") from e
        except psycopg.errors.ReadOnlySqlTransaction as e:
            raise CouldNotObserve(f"{self._where()}: the query writes, and is only allowed to read") from e
        except RuntimeError as e:  # psycopg reads times and intervals in one style only
            raise CouldNotObserve(f"{self._where()}: DateStyle or IntervalStyle is not that of PostgreSQL") from e
        except psycopg.Error as e:
            if connection.broken:
                raise
            state = e.sqlstate or ""
            said = f": {e.diag.message_primary}" if state.startswith(_OF_THE_QUERY) else ""
            raise CouldNotObserve(f"{self._where()} refuses the query ({type(e).__name__} {state}){said[:200]}") from e

    async def _rows(self, connection: "psycopg.AsyncConnection[tuple[object, ...]]") -> Rows:
        """All rows, read one by one in the extended protocol, which takes one statement only."""
        rows: Rows = []
        async with connection.cursor() as cursor, aclosing(cursor.stream(self.query)) as stream:  # type: ignore[type-var]
            async for row in stream:
                rows.append(row)
                if len(rows) > _MOST_ROWS:
                    raise CouldNotObserve(f"{self._where()}: more than {_MOST_ROWS} rows; count them in the query")
        return rows

    def _where(self) -> str:
        return f"{self.on} {self.database}"


def _ago(span: timedelta) -> str:
    """As CockroachDB writes it: an interval before now, in whole seconds."""
    return f"-{round(span.total_seconds())}s"


def _only(rows: Rows) -> object:
    """The one value; raises CouldNotObserve where there is none, or more than one."""
    if len(rows) != 1 or len(rows[0]) != 1:
        columns = len(rows[0]) if rows else 0
        raise CouldNotObserve(f"the query gives {len(rows)} rows of {columns} columns, and one value was wanted")
    [[value]] = rows
    if value is None:
        raise CouldNotObserve("the query gives NULL, which is no value; nothing was counted?")
    return value
