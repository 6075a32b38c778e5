"""A heartbeat in a primary's WAL, and how long each standby takes to replay it."""

import asyncio
from decimal import Decimal
from time import monotonic
from typing import TYPE_CHECKING, LiteralString

from pydantic import BaseModel

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_PATIENCE = 2.0  # seconds a standby has to replay the heartbeat
_POLL = 0.005  # seconds between two looks

# Columns: https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-REPLICATION-VIEW
_STANDBYS: LiteralString = """
    SELECT pid, application_name AS name, coalesce(client_addr::text, 'a local socket') AS address, state, sync_state,
           state = 'streaming' AND coalesce(flush_lsn >= %(beat)s::pg_lsn, false) AS received,
           coalesce(replay_lsn >= %(beat)s::pg_lsn, false) AS replayed,
           (extract(epoch FROM replay_lag) * 1000)::text AS lag_ms,
           greatest(pg_wal_lsn_diff(%(before)s::pg_lsn, coalesce(replay_lsn, '0/0')), 0)::text AS lag_bytes
    FROM pg_stat_replication WHERE state <> 'backup' ORDER BY application_name, pid"""


class Standby(BaseModel, frozen=True):
    """One standby.

    Attributes:
        received: it streams, and has flushed the heartbeat to its disk.
        replayed: it has replayed the heartbeat.
        lag_ms: until it had replayed the heartbeat; where it has not, PostgreSQL's own `replay_lag`, if any.
        lag_bytes: what it had not yet replayed before the heartbeat was written.
    """

    pid: int
    name: str
    address: str
    state: str
    sync_state: str
    received: bool
    replayed: bool
    lag_ms: Decimal | None
    lag_bytes: Decimal

    def line(self) -> str:
        """For the evidence."""
        lag = "unknown" if self.lag_ms is None else f"{round(self.lag_ms, 3)} ms"
        moves = "" if self.received else f", did not take a heartbeat in {_PATIENCE:g} s"
        how = f"{self.state}, {self.sync_state}, lag {lag}, {self.lag_bytes} B{moves}"
        return f"standby {self.name} at {self.address}: {how}"


async def follow(connection: "Connection") -> tuple[Decimal, list[Standby]]:
    """Writes a heartbeat and watches the standbys until all have replayed it, for 2 s at most.

    Returns the bytes of WAL ever written on this primary, and the standbys; psycopg.Error passes through.
    """
    before, wal_bytes, beat = await _heartbeat(connection)
    started = monotonic()
    standbys = {standby.pid: _timed(standby, Decimal(0)) for standby in await _standbys(connection, before, beat)}
    while not all(standby.replayed for standby in standbys.values()) and monotonic() - started < _PATIENCE:
        await asyncio.sleep(_POLL)
        for now in await _standbys(connection, before, beat):
            first = standbys.get(now.pid)
            if first is not None and not first.replayed:
                elapsed = Decimal(repr((monotonic() - started) * 1000))
                standbys[now.pid] = _timed(now, elapsed).model_copy(update={"lag_bytes": first.lag_bytes})
    return wal_bytes, list(standbys.values())


def _timed(standby: Standby, elapsed_ms: Decimal) -> Standby:
    """With the lag as timed by us where the heartbeat has been replayed."""
    return standby.model_copy(update={"lag_ms": elapsed_ms}) if standby.replayed else standby


async def _heartbeat(connection: "Connection") -> tuple[str, Decimal, str]:
    """Commits a small record locally: the WAL's position before (as LSN and bytes), and after."""
    position = await connection.execute("SELECT l::text, (l - '0/0')::text FROM pg_current_wal_flush_lsn() AS l")
    [(before, wal_bytes)] = await position.fetchall()
    async with connection.transaction():
        # Without this a synchronous standby that is gone would hold the commit for ever.
        await connection.execute("SET LOCAL synchronous_commit = local")
        await connection.execute("SELECT pg_logical_emit_message(true, 'tminus', 'heartbeat')")
    [(beat,)] = await (await connection.execute("SELECT pg_current_wal_flush_lsn()::text")).fetchall()
    return str(before), Decimal(str(wal_bytes)), str(beat)


async def _standbys(connection: "Connection", before: str, beat: str) -> list[Standby]:
    from psycopg.rows import class_row

    async with connection.cursor(row_factory=class_row(Standby)) as cursor:
        return await (await cursor.execute(_STANDBYS, {"before": before, "beat": beat})).fetchall()
