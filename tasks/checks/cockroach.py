"""CockroachDB: its nodes, how its ranges are replicated, and its scheduled backups."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from tasks import cockroach_backups, cockroach_cluster
from tasks.check import Check
from tasks.cockroach_backups import Job, Schedule
from tasks.cockroach_cluster import Ranges
from tasks.estate import Estate
from tminus.clock import Duration, now
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

if TYPE_CHECKING:
    from tasks.cockroach_rows import Connection

_SHOWN = 20  # lines in the details
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
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

    `every` is the longest time that the most frequent active schedule lets pass; `newest` the time since the last
    backup that succeeded began; `retention` how far back the oldest full backup goes that is still in the collection,
    and `backups` how many full ones there are. `encrypted` is `yes` where each active schedule encrypts with a KMS key
    or a passphrase (what only the storage encrypts does not count), `incremental` where one adds to the latest full
    backup. Where there is no active schedule, no success, or nothing in the collection, the times count from 1970,
    and `retention` is 0. A collection that cannot be listed (its keys are redacted in the schedule, or this role may
    not read it) leaves `retention` and `backups` unmeasured.

    Attributes:
        database: a cluster's name in the environment's `cockroach` section.
        schedule: the label of the schedules that count; all, where none is named.
        collection: the external connection where the backups lie, where it is not the one in the schedules.
        since: how far back jobs that failed or were cancelled are counted in `failures`; the cluster forgets jobs
            after 14 days, unless told otherwise.
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
    schedule: str | None = None
    collection: str | None = Field(default=None, pattern=r"^external://[\w./-]+$")
    since: Duration = timedelta(days=7)

    async def look(self, estate: Estate) -> Observation:
        """Reads the schedules, their jobs, and the lists of their collections; raises CouldNotObserve."""
        async with estate.cockroach(self.database) as connection:
            known = await cockroach_backups.schedules(connection, self.schedule)
            jobs = [job for one in known for job in await cockroach_backups.jobs(connection, one)]
            full, unlisted = await self._full(connection, known)
        active = [one for one in known if one.active]
        failures = [job for job in jobs if job.failed and job.created > now() - self.since]
        details = [_line(one) for one in known] + ([f"collection: {unlisted}"] if unlisted else [])
        return Observation(
            found=(
                Measurement.number("every", _hours(min((one.gap() for one in active), default=now() - _NEVER)), "h"),
                Measurement.number("newest", _hours(_since(jobs, full)), "h"),
                _yes("encrypted", bool(active) and all(one.encrypts for one in active)),
                Measurement.number("failures", len(failures)),
                _yes("incremental", any(one.incremental for one in active)),
                Measurement.number("schedules", len(active), of=len(known)),
                *_kept(full),
            ),
            where=f"cockroach {self.database}",
            details=tuple(details[:_SHOWN]),
            because="" if active else f"no active schedule{f' {self.schedule!r}' if self.schedule else ''}",
        )

    async def _full(self, connection: "Connection", known: Sequence[Schedule]) -> tuple[list[datetime] | None, str]:
        """When the full backups were taken; None where they cannot be listed, with the reason."""
        import psycopg

        named = {self.collection} if self.collection else {one.collection for one in known}
        places = {place for place in named if place is not None}
        if len(places) < len(named):
            return None, "its address is not in the schedules, or without its keys; name an external connection"
        try:
            return [
                at for place in sorted(places) for at in await cockroach_backups.full_backups(connection, place)
            ], ""
        except psycopg.Error as e:
            if connection.broken:
                raise
            return None, f"it cannot be listed ({type(e).__name__} {e.sqlstate or ''})"
        except CouldNotObserve as e:
            return None, str(e)


def _wrong(ranges: Ranges, fewest: int, localities: int) -> str:
    if ranges.wanting:
        return f"told by {', '.join(f'node {number}' for number in ranges.wanting)}"
    zones = ", ".join(zone for zone, asked in ranges.zones.items() if asked == fewest)
    return f"{fewest} replicas are asked for by {zones[:200]}; the live nodes are in {localities} localities"


def _kept(full: Sequence[datetime] | None) -> list[Measurement]:
    if full is None:
        return []
    oldest = max((now() - min(full)) / _DAY, 0) if full else 0
    return [Measurement.number("retention", round(oldest, 6), "d"), Measurement.number("backups", len(full))]


def _since(jobs: Sequence[Job], full: Sequence[datetime] | None) -> timedelta:
    """Since the newest success; where it is known that nothing lies in the collection, none counts."""
    succeeded = [] if full == [] else [job.created for job in jobs if job.succeeded]
    return max(now() - max([_NEVER, *succeeded, *(full or [])]), timedelta(0))


def _hours(span: timedelta) -> float:
    return round(span / _HOUR, 6)


def _yes(name: str, holds: bool) -> Measurement:
    return Measurement(name=name, word="yes" if holds else "no")


def _line(schedule: Schedule) -> str:
    what = "incremental" if schedule.incremental else "full"
    secured = "encrypted" if schedule.encrypts else "not encrypted"
    state = "active" if schedule.active else "paused"
    return f"schedule {schedule.label[:60]!r}: {what}, {schedule.recurrence[:40]}, {state}, {secured}"
