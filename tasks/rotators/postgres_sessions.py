"""The sessions of a login that live now (pg_stat_activity), by the name of the application and where it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, LiteralString

from tasks.rotators.postgres_admin import administered
from tasks.rotators.rotator import NotYet, Turn
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.foreign_text import one_line, printable

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_SESSIONS: LiteralString = """
    SELECT pid, application_name, coalesce(host(client_addr), ''), backend_start
    FROM pg_stat_activity WHERE usename = %s AND leader_pid IS NULL AND pid <> pg_backend_pid()
    ORDER BY backend_start, pid"""
_STANDBYS: LiteralString = """
    SELECT application_name, coalesce(host(client_addr), '') FROM pg_stat_replication ORDER BY 1, 2"""
_END: LiteralString = "SELECT pg_terminate_backend(%s, 5000)"  # waits for so many milliseconds
LOCAL = "a local socket"
_SOON = timedelta(minutes=1)  # until it is asked again whether sessions that were told to end did
_NAMED = 5  # users that a sentence names


@dataclass(frozen=True)
class Session:
    """One session: `who` is `application@address`."""

    pid: int
    who: str
    began: datetime


def called(application: object, address: object) -> str:
    """`application@address`, as a census names a user."""
    return f"{one_line(printable(str(application or ''))) or 'unnamed'}@{address or LOCAL}"


async def sessions_of(connection: "Connection", user: str) -> list[Session]:
    """Those that live now; raises CouldNotObserve where the rotator may not see whose they are."""
    found = []
    for pid, application, address, began in await (await connection.execute(_SESSIONS, (user,))).fetchall():
        if not isinstance(began, datetime):
            may = f"GRANT pg_read_all_stats TO {connection.info.user}"
            raise CouldNotObserve(f"{user} has sessions, and who they are may not be seen; {may}")
        found.append(Session(int(str(pid)), called(application, address), began))
    return found


async def end_sessions(connection: "Connection", user: str, sessions: Sequence[Session]) -> None:
    """Ends them; raises CouldNotObserve where the rotator may not."""
    from psycopg.errors import InsufficientPrivilege

    for session in sessions:
        try:
            await connection.execute(_END, (session.pid,))
        except InsufficientPrivilege as e:
            may = f"GRANT pg_signal_backend TO {connection.info.user}"
            raise CouldNotObserve(f"{len(sessions)} sessions of {user} live on and may not be ended; {may}") from e


async def standbys(connection: "Connection") -> list[str]:
    """Who follows this server, where people log in with the same passwords: `name@address` each."""
    rows = await (await connection.execute(_STANDBYS)).fetchall()
    return [called(application, address) for application, address in rows]


def named(sessions: Sequence[Session]) -> str:
    """`3 of batch@10.0.0.7, 1 of report@10.0.0.9`; the rest is counted."""
    counted: dict[str, int] = {}
    for session in sessions:
        counted[session.who] = counted.get(session.who, 0) + 1
    shown = [f"{times} of {who}" for who, times in sorted(counted.items())]
    rest = f" and of {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
    return ", ".join(shown[:_NAMED]) + rest


async def cut(server: str, turn: Turn, user: str) -> NotYet | str:
    """Ends every session of a login that leaked; when to look again, where some live on.

    Returns what is to be said of those on standbys, which nobody can end from here; "" where there are none.
    """
    async with administered(turn.estate, server) as connection:
        await end_sessions(connection, user, await sessions_of(connection, user))
        alive = await sessions_of(connection, user)
        followers = await standbys(connection)
    if alive:
        return NotYet(now() + _SOON, f"sessions of {user} were told to end, and live: {named(alive)}")
    there = f"sessions of {user} on {', '.join(followers)} may live: end them there (pg_terminate_backend)"
    return there if followers else ""
