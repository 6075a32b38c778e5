"""The servers of a PostgreSQL cluster as each describes itself: who takes writes, who follows, how far behind."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString, TypeVar

from pydantic import BaseModel

from tasks.estate import CONNECT_WITHIN, Estate, named
from tasks.scenarios.whereabouts import whereabouts
from tminus.credentials import resolve
from tminus.errors import CouldNotObserve, Refused
from tminus.loopback import dsn_is_local
from tminus.systems.drills import PostgresCluster

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

M = TypeVar("M", bound=BaseModel)
_WRITTEN = "SELECT pg_logical_emit_message(true, 'tminus', 'a drill proves that this takes writes')"

# Columns: https://www.postgresql.org/docs/current/monitoring-stats.html, functions-admin.html#FUNCTIONS-RECOVERY-INFO
_SELF: LiteralString = """
    SELECT pg_is_in_recovery() AS follows,
           coalesce((SELECT status = 'streaming' FROM pg_stat_wal_receiver), false) AS streams,
           (CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), '0/0') ELSE pg_current_wal_lsn() END
             - '0/0')::bigint AS position,
           (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming') AS followers,
           current_setting('synchronous_standby_names') AS synchronous,
           (SELECT system_identifier FROM pg_control_system())::text AS cluster"""


_IDENTITY: LiteralString = "SELECT system_identifier::text AS cluster FROM pg_control_system()"


class Identity(BaseModel, frozen=True):
    """Whose data a server has: the same on all servers of a cluster."""

    cluster: str


class Described(BaseModel, frozen=True):
    """What a server says of itself.

    Attributes:
        follows: it is a standby; else it takes writes.
        streams: it receives what its primary writes, now.
        position: how far its WAL goes, in bytes since the beginning of the cluster.
        followers: how many standbys stream from it.
        synchronous: for whom a commit waits (`synchronous_standby_names`); "" where it does for nobody.
        cluster: the cluster's identity, the same on all of its servers.
    """

    follows: bool
    streams: bool
    position: int
    followers: int
    synchronous: str
    cluster: str


@dataclass(frozen=True)
class Seen:
    """All servers, each asked at the same moment; None for one that does not answer."""

    nodes: Mapping[str, Described | None]

    @property
    def primaries(self) -> Sequence[str]:
        """Those that take writes."""
        return [name for name, one in self.nodes.items() if one is not None and not one.follows]

    @property
    def standbys(self) -> Sequence[str]:
        """Those that follow and receive."""
        return [name for name, one in self.nodes.items() if one is not None and one.follows and one.streams]

    @property
    def silent(self) -> Sequence[str]:
        """Those that do not answer."""
        return [name for name, one in self.nodes.items() if one is None]

    @property
    def clusters(self) -> frozenset[str]:
        """The identities of those that answer; one, where they are what they should be."""
        return frozenset(one.cluster for one in self.nodes.values() if one)

    def behind(self, standby: str, primary: str) -> int:
        """Bytes of WAL that a standby has not received."""
        ahead, here = self.nodes[primary], self.nodes[standby]
        return max(0, ahead.position - here.position) if ahead is not None and here is not None else 0

    def steady(self) -> dict[str, str]:
        """By roles."""
        waits = any(one.synchronous for name, one in self.nodes.items() if name in self.primaries and one)
        return {
            "servers that take writes": str(len(self.primaries)),
            "standbys that stream": str(len(self.standbys)),
            "servers that do not answer": str(len(self.silent)),
            "commits wait for a standby": "yes" if waits else "no",
            "clusters": str(len(self.clusters)),
        }


def cluster_of(estate: Estate, name: str) -> PostgresCluster:
    """What the environment says of it; raises NotConfigured."""
    drills = estate.environment.drills
    return named(drills.postgres if drills else {}, name, "drills.postgres")


async def see(estate: Estate, cluster: PostgresCluster) -> Seen:
    """Asks all of them at once. A server that does not answer is not an error; raises MissingSecret."""
    asked = await asyncio.gather(*(described(estate, node.dsn, _SELF, Described) for node in cluster.nodes.values()))
    return Seen(dict(zip(cluster.nodes, asked, strict=True)))


async def described(estate: Estate, reference: str, question: LiteralString, row: type[M]) -> M | None:
    """What one server says of itself; None where it does not answer. Raises MissingSecret."""
    import psycopg
    from psycopg.rows import class_row

    try:
        connection = await connected(estate, reference)
        async with connection, connection.cursor(row_factory=class_row(row)) as cursor:
            return await (await cursor.execute(question)).fetchone()
    except (CouldNotObserve, psycopg.Error):
        return None


async def connected(estate: Estate, reference: str) -> "Connection":
    """A connection to one server; raises CouldNotObserve, MissingSecret."""
    import psycopg

    dsn = await asyncio.to_thread(resolve, reference)
    if estate.environment.clock.compressed and not dsn_is_local(dsn.get_secret_value()):
        raise CouldNotObserve(f"{reference}: with a compressed clock nothing but loopback is opened")
    try:
        return await psycopg.AsyncConnection.connect(
            dsn.get_secret_value(),
            autocommit=True,
            connect_timeout=int(CONNECT_WITHIN),
            application_name="tminus",
            options="-c statement_timeout=5s",
        )
    except psycopg.Error as e:
        raise CouldNotObserve(f"{reference}: no connection ({type(e).__name__}); is it up?") from e


async def one(connection: "Connection", question: str) -> object:
    """The first column of the first row, where there is one. Raises CouldNotObserve."""
    import psycopg

    try:
        answer = await connection.execute(question.encode())
        row = await answer.fetchone() if answer.description else None
    except psycopg.Error as e:
        raise CouldNotObserve(f"{question}: {type(e).__name__} {e.sqlstate or ''}".strip()) from e
    return row[0] if row else None


async def require_not_the_ledger(estate: Estate, cluster: str, references: Iterable[str]) -> None:
    """Raises Refused where tminus' own ledger lies there: once it is gone nobody can say what was broken, or undo it.

    Args:
        estate: the environment, with its ledger.
        cluster: the identity of what is to be broken.
        references: its servers' dsns, for a ledger that does not say its identity.
    """
    ledger = estate.environment.ledger.postgres
    if ledger is None:
        return
    own = await described(estate, ledger, _IDENTITY, Identity)
    places = [whereabouts(await asyncio.to_thread(resolve, one)) for one in (ledger, *references)]
    if (own is not None and own.cluster == cluster) or places[0] in places[1:]:
        raise Refused(
            f"tminus' own ledger ({places[0]}) lies on what this would break: nobody could say then what is broken, "
            "nor undo it. Keep the ledger on a server of its own. Nothing was broken"
        )


async def commit(estate: Estate, reference: str) -> None:
    """A transaction that writes, and leaves no row. Raises CouldNotObserve, MissingSecret."""
    async with await connected(estate, reference) as connection:
        await one(connection, _WRITTEN)
