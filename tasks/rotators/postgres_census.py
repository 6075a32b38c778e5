"""Who used a login: its sessions that live, and its log-ins since then by the server's own log."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, LiteralString

from tasks.rotators.postgres_log import log_ins
from tasks.rotators.postgres_sessions import called, sessions_of, standbys
from tasks.rotators.rotator import Census, Use
from tminus.clock import now

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_CLOCK: LiteralString = "SELECT clock_timestamp()"
_NO_LOG = "log-ins that came and went between two looks"


async def by_sessions(
    connection: "Connection", user: str, untold: str = "", promoted: datetime | None = None
) -> Census:
    """By the sessions alone, which tells nothing of who came and went; `untold` is why there is no log.

    The book accepts that, so silence counts from when the new value became current.
    """
    found = [(session.who, now()) for session in await sessions_of(connection, user)]
    blind = "; ".join([f"{_NO_LOG} ({untold})" if untold else _NO_LOG, *await _elsewhere(connection)])
    return Census(uses_of(found), "the sessions that live now (pg_stat_activity)", promoted or now(), blind)


async def by_log(connection: "Connection", user: str, since: datetime) -> Census:
    """By the sessions and the log, from `since` by this machine's clock on; raises CouldNotObserve as `log_ins`."""
    row = await (await connection.execute(_CLOCK)).fetchone()
    ahead = row[0] - now() if row is not None and isinstance(row[0], datetime) else since - since
    logged = await log_ins(connection, user, since + ahead)
    found = [(called(line.application, line.address), line.at - ahead) for line in logged.lines]
    alive = await sessions_of(connection, user)
    found += [(session.who, now()) for session in alive]
    where = f"the sessions that live now (pg_stat_activity) and {logged.where}"
    told = logged.since - ahead
    late = [f"log-ins before {told:%Y-%m-%d %H:%M:%S} UTC, of which the log does not tell"] if told > since else []
    return Census(uses_of(found), where, told, "; ".join(late + await _elsewhere(connection)))


async def _elsewhere(connection: "Connection") -> list[str]:
    if found := await standbys(connection):
        return [f"log-ins at its standbys ({', '.join(found)}), which have logs of their own"]
    return []


def uses_of(found: Sequence[tuple[str, datetime]]) -> list[Use]:
    """Who, how often seen, and last when; who was seen last comes first."""
    times: dict[str, list[datetime]] = {}
    for who, at in found:
        times.setdefault(who, []).append(at)
    uses = [Use(who, len(seen), max(seen)) for who, seen in times.items()]
    return sorted(uses, key=lambda use: use.last, reverse=True)
