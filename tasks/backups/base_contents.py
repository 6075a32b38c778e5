"""What a base backup must give, restored to its named point: counted on a server that goes on writing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tasks.backups import sequence_bounds
from tasks.backups.postgres_contents import count, marker, settle
from tasks.backups.quiet_instant import Instant, instant, settled
from tminus.backups.contents import Marker, PostgresContents
from tminus.backups.manifest import RestorePoint
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import psycopg

    Database = psycopg.AsyncConnection[tuple[object, ...]]


@dataclass(frozen=True)
class Counted:
    """What there was, and the newest mark in it."""

    contents: PostgresContents
    marker: Marker | None


class Moment:
    """A moment whose snapshot is held, and whose point is in the WAL.

    Attributes:
        point: where the WAL was then.
        quiet: whether nothing was being written then: else what moved is found by counting twice.
    """

    def __init__(
        self, counting: "Database", beside: "Database", found: Instant, before: dict[str, sequence_bounds.Handed]
    ) -> None:
        self._counting = counting
        self._beside = beside
        self._instant = found
        self._before = before
        self._after: dict[str, sequence_bounds.Handed] = {}

    @property
    def point(self) -> RestorePoint:
        """The point's name and place."""
        return self._instant.point

    @property
    def taken_at(self) -> datetime:
        """By the server's clock."""
        return self._instant.taken_at

    @property
    def quiet(self) -> bool:
        """Whether snapshot and point are the same."""
        return self._instant.quiet

    async def look_after(self) -> None:
        """Reads how far the sequences are, and has the point flushed to the server's disk."""
        self._after = await sequence_bounds.read(self._beside)
        async with self._beside.transaction():
            # Without this a synchronous standby that is gone would hold the commit for ever.
            await self._beside.execute("SET LOCAL synchronous_commit = local")
            await self._beside.execute("SELECT pg_logical_emit_message(true, 'tminus', 'restore point')")

    async def count(self) -> Counted:
        """Reads every table once in the snapshot; where the moment was not quiet, once more in a later one."""
        newest = await marker(self._counting)
        found = await count(self._counting, unlogged=False)
        if not self.quiet:
            found = found.model_copy(update={"moving": await self._moving(found)})
        handed = {name: self._before.get(name, one).last for name, one in self._after.items()}
        bounds = sequence_bounds.upto(self._before, self._after)
        return Counted(found.model_copy(update={"sequences": handed, "sequences_upto": bounds}), newest)

    async def _moving(self, found: PostgresContents) -> tuple[str, ...]:
        """The tables that are not as before once all that was running at the point has ended; all, where it has not."""
        if not await settled(self._beside, self._instant):
            return tuple(sorted(found.tables))
        await self._counting.execute("ROLLBACK")
        await self._counting.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        later = (await count(self._counting, unlogged=False)).tables
        return tuple(sorted(name for name in {*found.tables, *later} if found.tables.get(name) != later.get(name)))


@asynccontextmanager
async def moment_of(counting: "Database", beside: "Database", name: str) -> AsyncIterator[Moment]:
    """A moment whose point is called `name` and a number; its snapshot is held until the block ends.

    Raises CouldNotObserve where the role may not write restore points; other errors of psycopg pass through.
    """
    import psycopg

    await settle(counting)
    before = await sequence_bounds.read(beside)
    try:
        async with instant(counting, beside, name) as found:
            moment = Moment(counting, beside, found, before)
            await moment.look_after()
            yield moment
    except psycopg.errors.InsufficientPrivilege as e:
        raise CouldNotObserve(
            "the role may not do what a base backup wants of it: GRANT pg_read_all_data, pg_monitor and EXECUTE ON "
            "FUNCTION pg_create_restore_point(text) to it, and ALTER ROLE … REPLICATION"
        ) from e
