"""Vatic's CockroachDB, as a fake that speaks PostgreSQL's protocol: three nodes, three zones, hourly backups."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from bench.worlds.cockroach_cases import CASES, LAST, ORDERS, P99
from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.vendors.cockroach import CockroachFake
from deployments.rehearsal.vendors.cockroach_state import COLLECTION, Job, Node, Schedule, now

_SECRET = "TMINUS_WORLD_COCKROACH"  # noqa: S105 - the name of a variable


class CockroachWorld(World):
    """A fake of a cluster, since its binary is not to be had.

    Books' own queries are registered with what they give in the healthy state: `world.fake.gives(QUERY, value)` before
    or while it runs, where `value` is a number, text, bool, datetime, timedelta or Decimal, or a list of rows. The
    fault `("query_gives", QUERY, VALUE)` then makes one give something else; VALUE is JSON, or plain text, where
    `{"hours_ago": 26}` is a time and `{"seconds": 0.5}` an interval.
    """

    system: ClassVar[str] = "cockroach"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = CASES

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fake = CockroachFake()
        self._dsn = ""
        self.fake.gives(ORDERS, 0)
        self.fake.gives(P99, timedelta(milliseconds=31))
        self.fake.gives(LAST, now() - timedelta(minutes=2))

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Served on a port of this machine."""
        with self.fake.running() as self._dsn:
            yield

    def sections(self) -> Sections:
        """The cluster, by its SQL port."""
        return {"cockroach": {"main": {"dsn": f"env:{_SECRET}"}}}

    def secrets(self) -> dict[str, str]:
        """Its connection string."""
        return {_SECRET: self._dsn}

    @fault
    def node_dead(self) -> Iterator[None]:
        """A node no longer answers, and still belongs to the cluster."""
        self._second.is_live = False
        yield
        self._second.is_live = True

    @fault
    def node_forgotten(self) -> Iterator[None]:
        """A node is a member that gossip no longer knows."""
        rows = self.fake.state.gossip_nodes
        self.fake.state.gossip_nodes = lambda: rows()[:-1]  # type: ignore[method-assign]
        yield
        del self.fake.state.gossip_nodes

    @fault
    def versions_mixed(self) -> Iterator[None]:
        """An upgrade stopped half way."""
        self._second.build_tag = "v24.3.9"
        yield
        self._second.build_tag = "v24.3.4"

    @fault
    def ranges(self, state: str) -> Iterator[None]:
        """Some ranges are `unavailable`, or `underreplicated`."""
        setattr(self._second, state, 4)
        yield
        setattr(self._second, state, 0)

    @fault
    def zone_asks_for(self, target: str, replicas: str) -> Iterator[None]:
        """Somebody configured fewer replicas for a part of the data."""
        self.fake.state.replicas[target] = int(replicas)
        yield
        del self.fake.state.replicas[target]

    @fault
    def one_zone(self) -> Iterator[None]:
        """All nodes lie in the same zone."""
        before = [node.locality for node in self.fake.state.nodes]
        for node in self.fake.state.nodes:
            node.locality = before[0]
        yield
        for node, locality in zip(self.fake.state.nodes, before, strict=True):
            node.locality = locality

    @fault
    def schedule_paused(self, number: str) -> Iterator[None]:
        """Somebody paused a schedule."""
        one = self._schedule(number)
        one.paused = True
        yield
        one.paused = False

    @fault
    def scratch_besides(self, how: str) -> Iterator[None]:
        """A scratch table is backed up every hour, and the rest is `paused`, `stale` for half a day, or `gone`."""
        state = self.fake.state
        before = (list(state.schedules), list(state.jobs), dict(state.collections))
        for one in state.schedules:
            one.paused = how == "paused"
        if how == "stale":
            state.jobs = [job for job in state.jobs if job.created < now() - timedelta(hours=12)]
        state.schedules = [] if how == "gone" else list(state.schedules)
        place = "external://scratch"
        state.collections[place] = list(state.collections[COLLECTION])
        for number, into in ((889_003, f"LATEST IN '{place}'"), (889_004, f"'{place}'")):
            command = f"BACKUP TABLE vatic.public.scratch INTO {into} WITH OPTIONS (kms = 'aws-kms:///a', detached)"
            state.schedules.append(Schedule(number, "@hourly", command, label="scratch"))
        state.jobs.append(Job(900, 889_003, "succeeded", now() - timedelta(minutes=5)))
        yield
        state.schedules, state.jobs, state.collections = before
        for one in state.schedules:
            one.paused = False

    @fault
    def backed_up_only(self, what: str) -> Iterator[None]:
        """The schedules back up something else, or less."""
        before = {one.schedule_id: one.command for one in self.fake.state.schedules}
        for one in self.fake.state.schedules:
            one.command = one.command.replace("BACKUP INTO", f"BACKUP {what} INTO")
        yield
        for one in self.fake.state.schedules:
            one.command = before[one.schedule_id]

    @fault
    def schedule_recurs(self, number: str, recurrence: str) -> Iterator[None]:
        """A schedule runs less often."""
        one = self._schedule(number)
        before, one.recurrence = one.recurrence, recurrence
        yield
        one.recurrence = before

    @fault
    def schedules_dropped(self) -> Iterator[None]:
        """Nothing is scheduled."""
        before, self.fake.state.schedules = self.fake.state.schedules, []
        yield
        self.fake.state.schedules = before

    @fault
    def schedule_relabelled(self) -> Iterator[None]:
        """There are schedules, and none of the name that was asked for."""
        for one in self.fake.state.schedules:
            one.label = "other"
        yield
        for one in self.fake.state.schedules:
            one.label = "vatic"

    @fault
    def backups_stale(self) -> Iterator[None]:
        """No backup was made for half a day."""
        before = list(self.fake.state.jobs)
        self.fake.state.jobs = [job for job in before if job.created < now() - timedelta(hours=12)]
        yield
        self.fake.state.jobs = before

    @fault
    def newest_backup_is(self, minutes: str) -> Iterator[None]:
        """The newest backup is so many minutes old, and those before it are as much older."""
        before = list(self.fake.state.jobs)
        late = max(job.created for job in before) - (now() - timedelta(minutes=float(minutes)))
        self.fake.state.jobs = [replace(job, created=job.created - late) for job in before]
        yield
        self.fake.state.jobs = before

    @fault
    def backup_failed(self) -> Iterator[None]:
        """One job failed, and the next succeeded."""
        self.fake.state.jobs[2].status = "failed"
        yield
        self.fake.state.jobs[2].status = "succeeded"

    @fault
    def not_encrypted(self) -> Iterator[None]:
        """One of the schedules was made anew, without the key."""
        one = self._schedule("889002")
        before, one.command = one.command, f"BACKUP INTO '{COLLECTION}' WITH OPTIONS (detached)"
        yield
        one.command = before

    @fault
    def deleted_early(self) -> Iterator[None]:
        """The bucket deletes what is older than a week."""
        before = self.fake.state.collections[COLLECTION]
        self.fake.state.collections[COLLECTION] = before[:7]
        yield
        self.fake.state.collections[COLLECTION] = before

    @fault
    def collection_empty(self) -> Iterator[None]:
        """Jobs succeeded, and somebody deleted what they wrote."""
        before = self.fake.state.collections[COLLECTION]
        self.fake.state.collections[COLLECTION] = []
        yield
        self.fake.state.collections[COLLECTION] = before

    @fault
    def query_gives(self, query: str, value: str) -> Iterator[None]:
        """A query gives something else; see the class."""
        before = dict(self.fake.state.queries)
        self.fake.gives(query, _value(value))
        yield
        self.fake.state.queries = before

    @property
    def _second(self) -> Node:
        return self.fake.state.nodes[1]

    def _schedule(self, number: str) -> Schedule:
        return next(one for one in self.fake.state.schedules if one.schedule_id == int(number))


def _value(text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, dict) and "hours_ago" in value:
        return now() - timedelta(hours=value["hours_ago"])
    if isinstance(value, dict) and "seconds" in value:
        return timedelta(seconds=value["seconds"])
    return value
