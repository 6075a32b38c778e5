"""CockroachDB: its nodes, how its ranges are replicated, and its scheduled backups."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tasks import cockroach_backups, cockroach_cluster
from tasks.check import Check
from tasks.cockroach_backups import Schedule
from tasks.cockroach_cluster import Ranges
from tasks.cockroach_groups import NEVER, Group, grouped
from tasks.estate import Estate
from tminus.clock import Duration, now
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation

if TYPE_CHECKING:
    from tasks.cockroach_rows import Connection

_SHOWN = 20  # lines in the details
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


class Nodes(Check, frozen=True):
    """Whether all members of the cluster are live, and run one version.

    A member is every node that was not decommissioned; one that gossip has forgotten is not live. `version` is the
    build of the live nodes, or `mixed`. Looked at are the tables that `cockroach node status` reads
    (crdb_internal.gossip_liveness and gossip_nodes), in a session that allows itself to.

    Attributes:
        database: a cluster's name in the environment's `cockroach` section.
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"live": "", "version": "word"}

    kind: Literal["cockroach.nodes"] = "cockroach.nodes"
    database: str

    async def look(self, estate: Estate) -> Observation:
        """Asks one node about all; raises CouldNotObserve."""
        async with estate.cockroach(self.database) as connection:
            members = await cockroach_cluster.nodes(connection)
        live = [node for node in members if node.live]
        builds = {node.build for node in live}
        dead = [f"node {node.number}" for node in members if not node.live]
        return Observation(
            found=(
                Measurement.number("live", len(live), of=len(members)),
                Measurement(name="version", word=builds.pop()[:40] if len(builds) == 1 else "mixed"),
            ),
            where=f"cockroach {self.database}",
            details=tuple(node.line() for node in members[:_SHOWN]),
            because=f"not live: {', '.join(dead[:_SHOWN])}" if dead else "",
        )


class Replication(Check, frozen=True):
    """How many replicas are asked for, where they may lie, and whether all ranges have them.

    `replicas` is the fewest that any zone's configuration asks for. `under_replicated` and `unavailable` count ranges
    as the stores of the live nodes do in their metrics, as `cockroach node status --ranges` shows them (the tables of
    replication reports no longer tell the truth in current versions). `localities` is how many different ones the
    live nodes have.

    Attributes:
        database: a cluster's name in the environment's `cockroach` section.
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "replicas": "",
        "under_replicated": "",
        "unavailable": "",
        "localities": "",
    }

    kind: Literal["cockroach.replication"] = "cockroach.replication"
    database: str

    async def look(self, estate: Estate) -> Observation:
        """Asks one node about all; raises CouldNotObserve."""
        async with estate.cockroach(self.database) as connection:
            live = [node for node in await cockroach_cluster.nodes(connection) if node.live]
            ranges = await cockroach_cluster.ranges(connection, live)
        if not ranges.zones:
            raise CouldNotObserve("no zone's configuration says how many replicas it asks for")
        fewest = min(ranges.zones.values())
        localities = {node.locality for node in live if node.locality}
        return Observation(
            found=(
                Measurement.number("replicas", fewest),
                Measurement.number("under_replicated", ranges.under_replicated),
                Measurement.number("unavailable", ranges.unavailable),
                Measurement.number("localities", len(localities)),
            ),
            where=f"cockroach {self.database}",
            details=tuple(f"{target[:80]}: {asked} replicas" for target, asked in list(ranges.zones.items())[:_SHOWN]),
            because=_wrong(ranges, fewest, len(localities)),
        )


class Backups(Check, frozen=True):
    """Whether backups are scheduled, succeed, are encrypted, and go back far enough.

    Schedules of one target (the cluster, databases, tables) into one collection belong together, the full ones and the
    incremental ones. Each group is judged, and the worst counts: an hourly backup of a table makes up for none of the
    database. `every` is the longest time that a group's most frequent active schedule lets pass; `newest` the time
    since the last backup began that succeeded and that an active schedule made; `retention` how far back the oldest
    full backup goes that is still in the collection, and `backups` how many full ones there are. `encrypted` is `yes`
    where each active schedule encrypts with a KMS key or a passphrase (what only the storage encrypts does not count),
    `incremental` where in each group one adds to the latest full backup. Where a group has no active schedule, no
    success, or nothing in the collection, the times count from 1970, and `retention` is 0. A collection that cannot be
    listed (its keys are redacted in the schedule, or this role may not read it) leaves `retention` and `backups`
    unmeasured. That one schedule at least is active (`schedules`) is expected also where the book does not say so.

    Attributes:
        database: a cluster's name in the environment's `cockroach` section.
        of: the database that must be in the backups, by its name in the cluster. Only schedules of all of it or of the
            whole cluster count then; where there is none, the check fails. Without it, all schedules count.
        schedule: the label of the schedules that count; all, where none is named.
        collection: the external connection where the backups lie, where it is not the one in the schedules.
        since: how far back jobs that failed or were cancelled are counted in `failures`, also those of schedules that
            are paused now; the cluster forgets jobs after 14 days, unless told otherwise.
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "every": "h",
        "newest": "h",
        "encrypted": "word",
        "retention": "d",
        "failures": "",
        "incremental": "word",
        "schedules": "",
        "backups": "",
    }

    kind: Literal["cockroach.backups"] = "cockroach.backups"
    database: str
    of: Annotated[str, Field(min_length=1)] | None = None
    schedule: str | None = None
    collection: str | None = Field(default=None, pattern=r"^external://[\w./-]+$")
    since: Duration = timedelta(days=7)

    @model_validator(mode="after")
    def _scheduled(self) -> Self:
        self.expect.setdefault("schedules", Expectation(">= 1"))
        return self

    async def look(self, estate: Estate) -> Observation:
        """Reads the schedules, their jobs, and the lists of their collections; raises CouldNotObserve."""
        async with estate.cockroach(self.database) as connection:
            known = await cockroach_backups.schedules(connection, self.schedule, self.of)
            jobs = {one.id: await cockroach_backups.jobs(connection, one) for one in known}
            full, unlisted = await self._full(connection, known)
        groups = grouped(known, jobs, full)
        failures = [job for own in jobs.values() for job in own if job.failed and job.created > now() - self.since]
        active = [one for group in groups for one in group.active]
        details = [_line(one) for one in known] + ([f"collection: {unlisted}"] if unlisted else [])
        nothing = now() - NEVER
        return Observation(
            found=(
                Measurement.number("every", _hours(max((one.every() for one in groups), default=nothing)), "h"),
                Measurement.number("newest", _hours(max((one.newest() for one in groups), default=nothing)), "h"),
                _yes("encrypted", bool(groups) and all(one.encrypts for one in groups)),
                Measurement.number("failures", len(failures)),
                _yes("incremental", bool(groups) and all(one.incremental for one in groups)),
                Measurement.number("schedules", len(active), of=len(known)),
                *_kept(full),
            ),
            where=f"cockroach {self.database}",
            details=tuple(details[:_SHOWN]),
            because=self._because(groups),
        )

    def _because(self, groups: Sequence[Group]) -> str:
        label = f" {self.schedule!r}" if self.schedule else ""
        if not groups:
            return f"no schedule{label}" + (f" backs up all of {self.of}" if self.of else "")
        if paused := [said for group in groups if (said := group.because())]:
            return "; ".join(paused)[:300]
        oldest = max(groups, key=Group.newest)
        return f"the oldest is that of the {oldest.target}" if len(groups) > 1 else ""

    async def _full(
        self, connection: "Connection", known: Sequence[Schedule]
    ) -> tuple[dict[str | None, list[datetime]] | None, str]:
        """Collection → when the full backups in it were taken; None where one cannot be listed, with the reason."""
        import psycopg

        named = {one.collection for one in known}
        places = {self.collection} if self.collection else named
        listed: dict[str, list[datetime]] = {}
        try:
            for place in places:
                if place is None:
                    return None, "its address is not in the schedules, or without its keys; name an external connection"
                listed[place] = await cockroach_backups.full_backups(connection, place)
        except psycopg.Error as e:
            if connection.broken:
                raise
            return None, f"it cannot be listed ({type(e).__name__} {e.sqlstate or ''})"
        except CouldNotObserve as e:
            return None, str(e)
        return {one: listed[self.collection or one or ""] for one in named}, ""


def _wrong(ranges: Ranges, fewest: int, localities: int) -> str:
    if ranges.wanting:
        return f"told by {', '.join(f'node {number}' for number in ranges.wanting)}"
    zones = ", ".join(zone for zone, asked in ranges.zones.items() if asked == fewest)
    return f"{fewest} replicas are asked for by {zones[:200]}; the live nodes are in {localities} localities"


def _kept(full: Mapping[str | None, Sequence[datetime]] | None) -> list[Measurement]:
    """Of the collection that goes back least far, and of the one with the fewest."""
    if full is None:
        return []
    oldest = min((max((now() - min(taken)) / _DAY, 0) if taken else 0 for taken in full.values()), default=0)
    fewest = min((len(taken) for taken in full.values()), default=0)
    return [Measurement.number("retention", round(oldest, 6), "d"), Measurement.number("backups", fewest)]


def _hours(span: timedelta) -> float:
    return round(span / _HOUR, 6)


def _yes(name: str, holds: bool) -> Measurement:
    return Measurement(name=name, word="yes" if holds else "no")


def _line(schedule: Schedule) -> str:
    secured = "encrypted" if schedule.encrypts else "not encrypted"
    state = "active" if schedule.active else "paused"
    what = f"{'incremental' if schedule.incremental else 'full'} of the {schedule.target}"
    return f"schedule {schedule.label[:60]!r}: {what}, {schedule.recurrence[:40]}, {state}, {secured}"
