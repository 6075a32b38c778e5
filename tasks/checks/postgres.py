"""PostgreSQL: the standbys that follow a primary, and whether the primary can do its work."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Literal, LiteralString, Self

from pydantic import BaseModel, model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.pg_standbys import Standby, follow
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

if TYPE_CHECKING:
    import psycopg

_COMMIT = 2.0  # seconds within which a primary that can be written to has made one commit durable

_SITUATION: LiteralString = """
    SELECT pg_is_in_recovery() AS in_recovery, pg_has_role(current_user, 'pg_monitor', 'USAGE') AS may_see,
           current_setting('transaction_read_only')::bool AS read_only,
           (extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()) * 1000)::text AS age_ms"""
_SESSIONS: LiteralString = """
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int AS used,
           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
               - coalesce(current_setting('reserved_connections', true), '0')::int AS usable,
           greatest(coalesce((SELECT max(extract(epoch FROM clock_timestamp() - xact_start)) FROM pg_stat_activity
                              WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()), 0),
                    coalesce((SELECT max(extract(epoch FROM clock_timestamp() - prepared)) FROM pg_prepared_xacts), 0)
           )::text AS longest"""


class _Situation(BaseModel, frozen=True):
    """What a server is, what the role may see, and how long it has been up (ms)."""

    in_recovery: bool
    may_see: bool
    read_only: bool
    age_ms: Decimal


class _Sessions(BaseModel, frozen=True):
    """Client connections now, how many ordinary roles may open, the longest open transaction in seconds."""

    used: int
    usable: int
    longest: Decimal


class StreamingReplicas(Check, frozen=True):
    """How many standbys stream, and how far the slowest of them is behind.

    A heartbeat of some 100 bytes is written to the WAL, and each standby is timed until it has replayed
    it: that is its `lag`. One that has received but not replayed it within 2 s counts with the
    `replay_lag` that PostgreSQL gives, one that has not even received it does not count as streaming.
    `lag_bytes` is what was missing before the heartbeat. Where no standby streams, `lag` counts from the
    server's start and `lag_bytes` from the first byte of WAL.

    Attributes:
        database: a primary's name in the environment's `postgres` section.
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"streaming": "", "lag": "ms", "lag_bytes": "B"}

    kind: Literal["postgres.streaming_replicas"] = "postgres.streaming_replicas"
    database: str

    @model_validator(mode="after")
    def _counts_them(self) -> Self:
        if "streaming" not in self.expect:
            raise ValueError("expect must say how many are `streaming`: a standby that is gone has no lag")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Times the standbys; raises CouldNotObserve on a standby, or where the role may not see them."""
        async with estate.postgres(self.database) as connection:
            situation = await _situation(connection, self.database)
            if situation.in_recovery:
                raise CouldNotObserve(f"postgres {self.database} is a standby; point its dsn at the primary")
            wal_bytes, standbys = await follow(connection)
        streaming = [standby for standby in standbys if standby.received]
        found = [Measurement.number("streaming", len(streaming), of=len(standbys))]
        found += _lags(streaming) if streaming else _nobody_follows(situation.age_ms, wal_bytes)
        details = tuple(standby.line() for standby in standbys) or ("no standby is connected",)
        stuck = [standby.name for standby in standbys if not standby.received]
        because = f"no heartbeat reached {', '.join(stuck)}" if stuck else ""
        return Observation(found=tuple(found), where=f"postgres {self.database}", details=details, because=because)


class Health(Check, frozen=True):
    """Whether a database takes writes, how full it is of connections, and its longest open transaction.

    `writable` is proven by one small commit to the WAL (`pg_logical_emit_message`, which leaves no row
    behind), made durable within 2 s: so a full disk and a synchronous standby that is gone both show.
    `connections_used` is of those that ordinary roles may open; a prepared transaction counts as open.

    Attributes:
        database: a database's name in the environment's `postgres` section.
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"connections_used": "%", "writable": "word", "longest_transaction": "s"}

    kind: Literal["postgres.health"] = "postgres.health"
    database: str

    async def look(self, estate: Estate) -> Observation:
        """Asks the server; raises CouldNotObserve where the role may not see other sessions."""
        from psycopg.rows import class_row

        async with estate.postgres(self.database) as connection:
            situation = await _situation(connection, self.database)
            async with connection.cursor(row_factory=class_row(_Sessions)) as cursor:
                sessions = (await (await cursor.execute(_SESSIONS)).fetchall())[0]
            refusal = await _write_refusal(connection, situation)
        used = Decimal(sessions.used * 100) / Decimal(max(sessions.usable, 1))
        return Observation(
            found=(
                Measurement.number("connections_used", round(used, 3), "%"),
                Measurement(name="writable", word="no" if refusal else "yes"),
                Measurement.number("longest_transaction", sessions.longest, "s"),
            ),
            where=f"postgres {self.database}",
            details=(f"{sessions.used} of {sessions.usable} connections are open",),
            because=refusal or "",
        )


def _lags(streaming: list[Standby]) -> list[Measurement]:
    """The worst of each; what any standby leaves unsaid stays unmeasured, and so cannot pass."""
    found = [Measurement.number("lag_bytes", max(standby.lag_bytes for standby in streaming), "B")]
    lags = [standby.lag_ms for standby in streaming if standby.lag_ms is not None]
    if len(lags) == len(streaming):
        found.append(Measurement.number("lag", round(max(lags), 3), "ms"))
    return found


def _nobody_follows(age_ms: Decimal, wal_bytes: Decimal) -> list[Measurement]:
    return [Measurement.number("lag", round(age_ms), "ms"), Measurement.number("lag_bytes", wal_bytes, "B")]


async def _situation(connection: "psycopg.AsyncConnection[tuple[object, ...]]", database: str) -> _Situation:
    from psycopg.rows import class_row

    async with connection.cursor(row_factory=class_row(_Situation)) as cursor:
        situation = (await (await cursor.execute(_SITUATION)).fetchall())[0]
    if not situation.may_see:
        raise CouldNotObserve(f"postgres {database}: the role may not see other sessions; GRANT pg_monitor TO it")
    return situation


async def _write_refusal(
    connection: "psycopg.AsyncConnection[tuple[object, ...]]", situation: _Situation
) -> str | None:
    """Why nothing can be committed there now; None where a commit was made durable."""
    import psycopg

    if situation.in_recovery or situation.read_only:
        return "it is a standby" if situation.in_recovery else "default_transaction_read_only is on"
    try:
        async with asyncio.timeout(_COMMIT):
            await connection.execute("SELECT pg_logical_emit_message(true, 'tminus', 'writable')")
    except TimeoutError:
        return f"a commit was not durable within {_COMMIT:g} s; look at synchronous_standby_names and the disk"
    except psycopg.OperationalError as e:
        if connection.broken:
            raise
        return f"{type(e).__name__} {e.sqlstate}"
    return None
