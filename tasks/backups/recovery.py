"""Recovery of an unpacked base backup: to a named point, to an instant, or to the end of its WAL, and where it got."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import LiteralString

from tasks.backups.base_files import ControlFile
from tasks.backups.damage import Damaged
from tasks.backups.postgres_cluster import Cluster, put
from tasks.backups.postgres_server import Killed, ScratchServer, run
from tasks.backups.wal_supply import WalSupply
from tminus.backups.wal_names import parse_history, parse_lsn, show_lsn
from tminus.errors import CouldNotObserve
from tminus.foreign_text import printable
from tminus.unprivileged import no_link

_POLL = 0.05  # seconds
_WITHIN = 6 * 3600.0  # seconds; what asked has a limit of its own
_ANYWHERE = "template1"
_PAUSED = "paused"
_FATAL = (" FATAL: ", " PANIC: ")
_OUR_OWN = ("No space left on device", "Cannot allocate memory", "could not resize shared memory")
_NO_LOGIN = "is not permitted to log in"  # the role that looks: says nothing of what was restored
_NOT_YET = "the database system is "  # starting up, not yet accepting connections, shutting down
_REFUSALS = 20  # sessions that were refused for another reason than that it is not up yet: it never will be
_LOG = 1 << 20  # bytes of its log, at its end, that are read
_SAID = 300  # characters of that which fit into a sentence
_LOOK = 0.5  # seconds between two looks at its log
_STANDING: LiteralString = """
    SELECT pg_is_in_recovery(),
           CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() ELSE '' END,
           coalesce(pg_last_wal_replay_lsn(), '0/0')::text, pg_last_xact_replay_timestamp()"""


@dataclass(frozen=True)
class Target:
    """Where recovery is to end: at a named point, where it waits; at an instant, or else at the end of the WAL.

    Attributes:
        timeline: which is followed: that of the base backup (`current`), or a number.
    """

    point: str = ""
    instant: datetime | None = None
    timeline: str = "current"

    def settings(self) -> dict[str, str]:
        """As PostgreSQL takes them."""
        common = {"recovery_target_timeline": self.timeline, "recovery_target_inclusive": "on"}
        if self.point:
            return {**common, "recovery_target_name": self.point, "recovery_target_action": "pause"}
        if self.instant:
            at = self.instant.astimezone(UTC).isoformat(sep=" ")
            return {**common, "recovery_target_time": at, "recovery_target_action": "promote"}
        return common


@dataclass(frozen=True)
class Reached:
    """Where a recovery got.

    Attributes:
        position: the last of the WAL that was replayed; once it is promoted, where that ended.
        last_commit: when the last transaction in it had committed, by the original's clock; None where none was seen.
        waiting: whether it waits at its point, where the WAL after it can still be replayed; else it takes writes.
        took: seconds from the start.
    """

    position: int
    last_commit: datetime | None
    waiting: bool
    took: float


@dataclass(frozen=True)
class Recovered:
    """A server that has recovered, and runs."""

    server: ScratchServer
    reached: Reached


@asynccontextmanager
async def recovered(
    cluster: Cluster, control: ControlFile, target: Target, supply: WalSupply
) -> AsyncIterator[Recovered]:
    """Runs the cluster until it has recovered to its target, and keeps it running until the block ends.

    Raises Damaged where PostgreSQL gives up, as it does where the WAL ends before the target; CouldNotObserve where it
    could not try.
    """
    put(cluster, cluster.data / "recovery.signal")
    log = cluster.scratch.folder / "server.log"
    said_before = log.stat().st_size if log.exists() else 0
    began, arrived = monotonic(), False
    settings = {**_settings(control), **target.settings(), "restore_command": supply.command}
    try:
        async with AsyncExitStack() as stack:
            server = await _entered(stack, run(cluster, settings, ready_within=_WITHIN), log, said_before)
            reached = await _arrival(server)
            took = monotonic() - began
            if not reached.waiting:
                reached = replace(reached, position=_end(cluster.data, target))
            arrived = True
            yield Recovered(server, replace(reached, took=took))
    except CouldNotObserve as e:
        if arrived or isinstance(e, Killed):
            raise
        if supply.failed is not None:
            raise CouldNotObserve(f"the WAL could not be fetched: {supply.failed}") from e
        if (why := fatal(log, said_before)) and _NO_LOGIN not in why:
            raise Damaged(f"PostgreSQL gave up on recovering it: {why}") from e
        raise


async def require_open(server: ScratchServer, database: str) -> None:
    """Raises Damaged where the server runs and lets nobody into this database; CouldNotObserve where it is gone."""
    try:
        async with server.connect(database):
            return
    except CouldNotObserve as e:
        async with server.connect(_ANYWHERE):
            raise Damaged(f"nobody can get into its database: {e}") from e


async def _entered(
    stack: AsyncExitStack, running: AbstractAsyncContextManager[ScratchServer], log: Path, since: int
) -> ScratchServer:
    """Waits until it lets somebody in; raises Damaged where it is up, and refuses everybody for want of some file."""
    entering = asyncio.create_task(stack.enter_async_context(running))
    try:
        while not (await asyncio.wait({entering}, timeout=_LOOK))[0]:
            refusals = await asyncio.to_thread(_fatal_lines, log, since)
            if len(refusals) > _REFUSALS:
                why = _cause(refusals)
                if _NO_LOGIN in why:
                    raise CouldNotObserve(f"PostgreSQL comes up, and nobody can look at it: {why}")
                raise Damaged(f"PostgreSQL comes up and lets nobody in: {why}")
        return await entering
    finally:
        entering.cancel()
        with suppress(asyncio.CancelledError, CouldNotObserve):
            await entering


def fatal(log: Path, since: int) -> str:
    """Why PostgreSQL ended itself, by its log since then; "" where that does not say, or this machine is why."""
    return _cause(_fatal_lines(log, since))


def _fatal_lines(log: Path, since: int) -> list[str]:
    try:
        with open(log, "rb", opener=no_link) as file:
            file.seek(max(since, file.seek(0, os.SEEK_END) - _LOG))
            lines = file.read(_LOG).decode(errors="replace").splitlines()
    except OSError:
        return []
    if any(text in line for line in lines for text in _OUR_OWN):
        return []
    return [line for line in lines if any(level in line for level in _FATAL) and _NOT_YET not in line]


def _cause(lines: list[str]) -> str:
    """What the last of them says, without its time."""
    said = lines[-1] if lines else ""
    return printable(said.partition("FATAL: ")[2] or said.partition("PANIC: ")[2]).strip()[:_SAID]


def _settings(control: ControlFile) -> dict[str, str]:
    """Those that recovery needs, over what keeps a scratch server quiet."""
    return {
        **control.limits,
        "wal_level": "replica",
        "hot_standby": "on",
        "max_standby_archive_delay": "-1",
        "wal_retrieve_retry_interval": "100ms",
        "checkpoint_timeout": "1d",
        "lc_messages": "C",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }


async def _arrival(server: ScratchServer) -> Reached:
    """Waits until it waits at its point, or takes writes."""
    while True:
        async with server.connect(_ANYWHERE) as connection:
            [(recovering, state, position, last_commit)] = await (await connection.execute(_STANDING)).fetchall()
        waiting = bool(recovering) and state == _PAUSED
        if waiting or not recovering:
            at = last_commit if isinstance(last_commit, datetime) else None
            return Reached(parse_lsn(str(position)), at, waiting, 0.0)
        await asyncio.sleep(_POLL)


def _end(data: Path, target: Target) -> int:
    """Where the WAL that was replayed ended: the last fork in the history of the timeline that the promotion began."""
    if target.point:
        raise CouldNotObserve(f"the recovery could not wait at {target.point}, and went on from there by itself")
    written = sorted((data / "pg_wal").glob("*.history"))
    forks = parse_history(_beginning(written[-1])) if written else ()
    if not forks:
        raise CouldNotObserve("the restored server was promoted and wrote no history of its timelines")
    return forks[-1].position


def _beginning(history: Path) -> str:
    try:
        with open(history, "rb", opener=no_link) as file:
            return file.read(_LOG).decode(errors="replace")
    except OSError as e:
        raise CouldNotObserve(f"{history.name} of the restored server cannot be read: {e.strerror}") from e


def show(reached: Reached) -> str:
    """For people."""
    last = f", the last commit in it of {reached.last_commit:%Y-%m-%d %H:%M:%S %Z}" if reached.last_commit else ""
    return f"WAL until {show_lsn(reached.position)}{last}"
