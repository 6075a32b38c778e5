"""Verifying a base backup: restored to its point, held against what was counted there, and on to the WAL's end."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from tasks.backups.asked import Asked, Seen, Verifier
from tasks.backups.base_compare import compare, held
from tasks.backups.base_files import bad_pages, corrupt_files
from tasks.backups.base_soundness import broken_indexes, broken_tables
from tasks.backups.damage import Damaged
from tasks.backups.looked import Looked
from tasks.backups.postgres_contents import marker
from tasks.backups.postgres_invariants import ask
from tasks.backups.recovery import Recovered, require_open, show
from tasks.backups.restore_base import Fetching, Unpacked, fetched, make_ready, unpacked
from tasks.backups.together_asking import ask_sql
from tasks.backups.wal_pages import ends_whole
from tasks.backups.wal_supply import WalSupply
from tasks.giving_up import in_thread
from tminus.backups.book import Invariant
from tminus.backups.contents import PostgresContents
from tminus.backups.loss import loss
from tminus.backups.manifest import BackupKind
from tminus.backups.wal_plan import WalPlan
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]


_UNSEALED = "the WAL after the backup has no seal: whoever may write to the bucket could have made it up (backups.seal)"


class BaseVerifier(Verifier):
    """Base backups with their WAL.

    Recovery is done twice on the same files: first from the backup alone to its point, where it waits and is compared;
    then, from the start, through the archive to the end. The second is what a restore is, and is timed.

    Args:
        instant: to which the second goes instead, for a restore to it: what came after that, an incident, a gap in the
            WAL, says nothing of it. Neither the WAL nor the book's invariants are counted then; the copy's are.
    """

    kinds: ClassVar[tuple[BackupKind, ...]] = ("postgres.base",)

    def __init__(self, instant: datetime | None = None) -> None:
        self._instant = instant

    async def verify(self, asked: Asked) -> Seen:
        """See Verifier."""
        looked = Looked()
        try:
            await _verify(asked, looked, self._instant)
        except Damaged as e:
            looked.found = [one for one in looked.found if one.name != "restored"]
            looked.word("restored", "no")
            looked.wrong.insert(0, str(e))
        return looked.seen()


async def _verify(asked: Asked, looked: Looked, instant: datetime | None) -> None:
    wanted = asked.manifest.contents
    if not isinstance(wanted, PostgresContents):
        raise CouldNotObserve(f"{asked.manifest.backup} says nothing of what a PostgreSQL held")
    fetching, wal, identity = await fetched(asked)
    looked.count("files_damaged", fetching.differs)
    if asked.store.encrypted:
        looked.word("readable_without_key", fetching.base.readable_without_key)
    fetching.require_ours()
    ready = await unpacked(asked, wal, identity)
    corrupt = await corrupt_files(ready.cluster.programs, ready.cluster.data)
    await asyncio.to_thread(make_ready, ready)
    try:
        await _at_point(ready, wanted, looked)
        corrupt += await _at_end(ready, fetching, looked, instant)
        if ready.control.checksums:
            corrupt += await bad_pages(ready.cluster)
    finally:
        looked.count("files_corrupt", corrupt)


async def _at_point(ready: Unpacked, wanted: PostgresContents, looked: Looked) -> None:
    """From the backup alone to its point: what was counted there must be there."""
    async with ready.to_point() as (there, supply):
        looked.details += supply.damaged.values()
        await require_open(there.server, ready.asked.manifest.origin.database)
        compare(looked, wanted, await held(there.server, ready.asked.manifest.origin.database))
        looked.details += there.server.cluster.account.exposed


async def _at_end(ready: Unpacked, fetching: Fetching, looked: Looked, instant: datetime | None) -> list[str]:
    """On to the end of the archive's WAL, or an instant: how long that takes, what is lost, and what is not sound.

    Returns a line for each table that is not.
    """
    way = await in_thread(ready.plan)
    async with ready.onwards(way, instant) as (there, supply):
        looked.word("restored", "yes")
        looked.number("restore_time", fetching.took + there.reached.took, "s")
        looked.details.append(show(there.reached))
        if way.last is not None and not (await asyncio.to_thread(ready.archive)).sealed:
            looked.details.append(_UNSEALED)
        if way.strangers:
            named = ", ".join(str(one) for one in way.strangers)
            looked.details.append(f"the archive has timelines that do not come from this backup: {named}")
        tables = await _look(ready, there, looked, invariants=instant is None)
        if instant is None:
            looked.count("wal_missing", await in_thread(_gaps, ready, way, there, supply))
    return tables


async def _look(ready: Unpacked, there: Recovered, looked: Looked, *, invariants: bool) -> list[str]:
    """The newest of the data: mark, invariants of the book, tables, indexes. Returns a line for each broken table."""
    async with there.server.connect(ready.asked.manifest.origin.database) as connection:
        newest = await marker(connection)
        if invariants:
            looked.count("invariants_broken", await _broken_invariants(connection, ready.asked.store.invariants))
        looked.count("indexes_broken", await broken_indexes(connection, ready.cluster.major))
        tables = await broken_tables(connection)
        await ask_sql(ready.asked, connection, newest)
    looked.also(*loss(ready.asked.needed_at, newest, there.reached.last_commit or ready.asked.manifest.taken_at))
    return tables


async def _broken_invariants(connection: "Connection", invariants: Sequence[Invariant]) -> list[str]:
    import psycopg

    try:
        return [one.line for one in await ask(connection, invariants) if not one.holds]
    except psycopg.OperationalError as e:
        if connection.broken:
            raise
        return [f"the invariants cannot be asked: {type(e).__name__}"]


def _gaps(ready: Unpacked, way: WalPlan, there: Recovered, supply: WalSupply) -> list[str]:
    """Every segment that keeps recovery from what the archive has, and each stop before its end. Blocks."""
    size = ready.control.segment
    gaps = [
        f"the WAL segment {one.name(size)} is missing: what was written after it cannot be restored"
        for one in way.missing
    ]
    gaps += supply.damaged.values()
    if not gaps and way.last is not None and not _whole(ready, way, there):
        gaps.append(
            f"recovery ended early, at {show(there.reached)}; the archive's WAL goes on until {way.last.name(size)}"
        )
    return gaps


def _whole(ready: Unpacked, way: WalPlan, there: Recovered) -> bool:
    """Whether recovery came to the end of the last segment."""
    if way.last is None:
        return True
    size, position = ready.control.segment, there.reached.position
    if not way.last.number * size <= position <= (way.last.number + 1) * size:
        return position > way.last.number * size
    name = way.last.name(size)
    into = ready.asked.scratch.folder / f"{name}.last"
    if ready.archive().fetch(name, into, ready.identity) is None:
        return False
    with into.open("rb") as file:
        return ends_whole(name, file, position)
