"""A PostgreSQL server loses its data, and is restored from its backup and the archive of its WAL."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Annotated, ClassVar, Literal, LiteralString

from pydantic import BaseModel, Field

from tasks.command import run
from tasks.estate import Estate, named
from tasks.machines import Switch, require_on
from tasks.scenarios.killed import LOOK, KilledPrimary
from tasks.scenarios.postgres_cluster import commit, described, require_not_the_ledger
from tasks.scenarios.scenario import Clients, Site, Steady, Way
from tminus.clock import Duration, now
from tminus.errors import CouldNotObserve, Refused
from tminus.systems.drills import RestorablePostgres

NEWEST = "newest"
"""As far as the archive goes."""
_SILENT_FOR = timedelta(seconds=10)
_NONE = 3  # exit status of `ready` where there is no backup

# Columns: https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ARCHIVER-VIEW
_SELF: LiteralString = """
    SELECT NOT pg_is_in_recovery() AS writable,
           current_setting('archive_mode') <> 'off'
             AND coalesce(last_failed_time <= last_archived_time, last_failed_time IS NULL) AS archives,
           (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming') AS followers,
           (SELECT system_identifier FROM pg_control_system())::text AS cluster
      FROM pg_stat_archiver"""


class Described(BaseModel, frozen=True):
    """What the server says of itself.

    Attributes:
        archives: its WAL is archived, and the last try did not fail.
        followers: how many standbys stream from it, or take its WAL away.
        cluster: the cluster's identity, which a restore keeps.
    """

    writable: bool
    archives: bool
    followers: int
    cluster: str


def _lacks(seen: Described | None) -> str:
    """What is not as it must be, of what it says."""
    if seen is None:
        return "it does not answer"
    return "its WAL is not archived, or the last try failed" if seen.writable else "it takes no writes"


class PostgresRestore(KilledPrimary, frozen=True):
    """The server's data are gone as with its disk, and come back from the backup: to an instant, or to the newest.

    What was lost is kept aside by whoever runs the server, and put back where the restore did not come so far that the
    server takes writes. Where it did, what was written since counts, and stays.

    Attributes:
        server: which of the environment's `drills.restorable`.
        before: how long before the loss the instant is to which it is restored; as far as the archive goes where it is
            0. What was acknowledged after that instant is lost, and counted.
    """

    sections: ClassVar[Mapping[str, str]] = {"server": "restorable"}

    kind: Literal["postgres.restore"] = "postgres.restore"
    server: str
    before: Annotated[Duration, Field(ge=timedelta(0))] = timedelta(0)

    async def steady(self, site: Site) -> Steady:
        """See Scenario."""
        seen = await self._seen(site)
        if seen is None or not seen.writable:
            raise Refused(f"{self.server}: {'it does not answer' if seen is None else 'it takes no writes'}")
        if seen.followers:
            raise Refused(
                f"{self.server}: {seen.followers} stream from it, and could not after a restore; "
                "this kind of drill is for a server that nobody follows"
            )
        if not seen.archives:
            raise Refused(
                f"{self.server}: its WAL is not archived, or the last try failed: what is written now could not be "
                "restored. See pg_stat_archiver"
            )
        await self._require_backup(site)
        return {"servers that take writes": "1", "WAL is archived": "yes", "backup": "there", "cluster": seen.cluster}

    async def plan(self, site: Site) -> Way:  # noqa: ARG002  # there is one server
        """See Scenario."""
        ago = f"{self.before.total_seconds():g} s before its loss" if self.before else "the newest"
        return {"victim": self.server, "restored to": ago}

    async def require_ready(self, site: Site) -> None:
        """See Scenario."""
        await require_on({self.server: self._switch(site)})
        if (seen := await self._seen(site)) is not None:
            await require_not_the_ledger(site.estate, seen.cluster, [self._node(site.estate).dsn])

    async def answers(self, site: Site, name: str) -> bool:  # noqa: ARG002  # there is one server
        """See KilledPrimary."""
        return await self._seen(site) is not None

    async def inject(self, site: Site) -> str:
        """See Scenario."""
        await self._switch(site).does(self._node(site.estate).lose, wanted="off")
        return f"{self.server} lost its data, and is off"

    async def recover(self, site: Site) -> str:
        """See Scenario."""
        until, said = NEWEST, "as far as its archive goes"
        if self.before:
            until = said = (site.began["inject"] - self.before).astimezone(UTC).isoformat(timespec="microseconds")
        await self._switch(site).does(self._node(site.estate).restore, {"until": until}, wanted="on")
        while not ((seen := await self._seen(site)) and seen.writable):
            site.waits(f"{self.server} was restored, and {_lacks(seen)}")
            await asyncio.sleep(LOOK)
        return f"{self.server} was restored, {said}"

    async def verify(self, site: Site) -> str:
        """See Scenario: a commit, on the same cluster as before."""
        await commit(site.estate, self._node(site.estate).dsn)
        return f"{self.server} took a write"

    async def undo(self, site: Site) -> str:
        """See Scenario: what was lost is put back, unless what was restored takes writes."""
        switch = self._switch(site)
        runs = await switch.settled() == "on"  # what was begun before a kill has had its effect by then
        seen = await self._answered(site) if runs else None
        restored = seen is not None and seen.writable and "recover" in site.began
        did = f"{self.server} takes writes"
        if seen is None or not seen.writable:
            await switch.does(self._node(site.estate).give_back, wanted="on")
            did = f"{self.server} has its data again"
        elif restored:
            did = (
                f"{self.server} keeps what was restored, since that takes writes: what was acknowledged after the "
                "instant of the restore is not there. What was lost lies aside, where `lose` keeps it"
            )
        while not ((seen := await self._seen(site)) and seen.writable and seen.archives):
            site.waits(f"{self.server}: {_lacks(seen)}")
            await asyncio.sleep(LOOK)
        return did

    async def _answered(self, site: Site) -> Described | None:
        """What it says, once it says something within a while: one that is full, or starts, is not lost."""
        until = now() + _SILENT_FOR
        while (seen := await self._seen(site)) is None and now() < until:
            await asyncio.sleep(LOOK)
        return seen

    def clients(self, estate: Estate) -> Clients:
        """See Scenario."""
        return Clients("postgres", (self._node(estate).dsn,))

    def switch(self, site: Site, name: str) -> Switch:  # noqa: ARG002  # there is one server
        """See KilledPrimary."""
        return self._switch(site)

    def _switch(self, site: Site) -> Switch:
        return Switch.of(site, "restorable", self.server, self._node(site.estate))

    def _node(self, estate: Estate) -> RestorablePostgres:
        drills = estate.environment.drills
        return named(drills.restorable if drills else {}, self.server, "drills.restorable")

    async def _require_backup(self, site: Site) -> None:
        """Raises Refused where there is none, CouldNotObserve where nobody can tell."""
        said = await run(self._node(site.estate).ready, {})
        if said.exit == _NONE:
            raise Refused(f"{self.server}: there is no backup from which it could be restored: {said}")
        if said.exit != 0:
            raise CouldNotObserve(f"{self.server}: nobody can tell whether there is a backup: {said}")

    async def _seen(self, site: Site) -> Described | None:
        """None where it does not answer."""
        return await described(site.estate, self._node(site.estate).dsn, _SELF, Described)
