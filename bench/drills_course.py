"""Failovers that drills make, each held against the truth, for bench.drills."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from random import Random
from typing import ClassVar
from unittest.mock import patch

from bench.drill_truth import Truth
from bench.drills_sides import PostgresSide, RedisSide, RestoredSide, Side
from deployments.rehearsal.drill_estate import DrillEstate
from flows import drilling
from flows.drill_measured import measured
from flows.drill_round import Request, drill
from tasks.outside.together import Seen
from tasks.scenarios.postgres_failover import PostgresFailover
from tasks.scenarios.postgres_restore import PostgresRestore
from tasks.scenarios.redis_failover import RedisFailover
from tasks.scenarios.scenario import Site
from tminus import events as ev
from tminus.drills.book import Drill
from tminus.drills.course import Played
from tminus.drills.opened import open_drills
from tminus.drills.receipts import Loss

LEAD_IN = "300 ms"
"""How long the estate's writes go on at least."""
_HELD = (0.02, 0.3)  # seconds before the kill that replication is held back
_UNHELD = 0.2  # share of failovers before which it is not


@dataclass(frozen=True)
class Arm:
    """What fails over.

    Attributes:
        scenario: by its name in the rehearsal's book.
        synchronous: whether a commit waits for the standby.
    """

    name: str
    scenario: str
    side: type[Side]
    synchronous: bool = False


ARMS = {
    one.name: one
    for one in (
        Arm("postgres", "database-failover", PostgresSide),
        Arm("postgres-synchronous", "database-failover", PostgresSide, synchronous=True),
        Arm("redis", "cache-failover", RedisSide),
        Arm("restore", "records-restore", RestoredSide),
    )
}


@dataclass(frozen=True)
class Failover:
    """One drill, and the truth.

    Attributes:
        loss: what the drill counted, write by write.
        rto_s: how long the outside client saw it gone, in seconds.
        truth: by the servers' own files.
    """

    ended: ev.DrillEnded
    loss: Loss
    rto_s: float
    truth: Truth

    @property
    def error(self) -> int:
        """Writes that are lost by the drill alone, and those that are by the truth alone and that nobody left open."""
        lost, gone = self.loss.lost, self.truth.gone
        return len(lost - gone) + len(gone - lost - self.loss.unknown)


class Watcher:
    """Whoever holds replication back before a kill, and reads the truth before the undo."""

    def __init__(self, side: Side, chance: Random) -> None:
        self.side = side
        self._chance = chance
        self.truth: Truth | None = None
        self.loss: Loss | None = None

    async def kill(self, site: Site, inject: Callable[[Site], Awaitable[str]]) -> str:
        """At a moment that the seed says."""
        await asyncio.sleep(self._chance.uniform(*self.side.wait))
        await asyncio.to_thread(self.side.note, site.way["victim"])
        unheld, seconds = self._chance.random() < _UNHELD, self._chance.uniform(*_HELD)
        with nullcontext() if unheld else self.side.held(site.way["victim"]):
            await asyncio.sleep(seconds)
            return await inject(site)

    async def look(self, site: Site) -> None:
        """What was there when it died, and what is; nobody writes any more."""
        self.truth = await asyncio.to_thread(self.side.truth, site.way["victim"])

    def measured(self, played: Played, seen: Seen) -> ev.DrillMeasured:
        """As the drill has it, of which it keeps the numbers alone."""
        [(self.loss, _)] = seen.values()
        return measured(played, seen)


class Watched:
    """Before a scenario among the bases of a class: somebody looks on."""

    watcher: ClassVar[Watcher]

    async def inject(self, site: Site) -> str:
        """See Scenario."""
        return await self.watcher.kill(site, super().inject)  # type: ignore[misc]  # the next base

    async def undo(self, site: Site) -> str:
        """See Scenario."""
        await self.watcher.look(site)
        return await super().undo(site)  # type: ignore[misc, no-any-return]


class WatchedPostgres(Watched, PostgresFailover, frozen=True):
    """A failover of PostgreSQL, watched."""


class WatchedRedis(Watched, RedisFailover, frozen=True):
    """A failover of Redis, watched."""


class WatchedRestore(Watched, PostgresRestore, frozen=True):
    """A restore of PostgreSQL, watched."""


_KINDS: dict[str, type[Drill]] = {
    "postgres.failover": WatchedPostgres,
    "redis.failover": WatchedRedis,
    "postgres.restore": WatchedRestore,
}


def failovers(arm: Arm, estate: DrillEstate, count: int, seed: int) -> Iterator[Failover]:
    """So many, one after the other, on an estate that stands: each makes a primary of the other server."""
    watcher = Watcher(arm.side(estate), Random(f"{seed} {arm.name}"))
    Watched.watcher = watcher
    with patch.dict(os.environ, estate.environment()), patch.object(drilling, "measured", watcher.measured):
        for _ in range(count):
            yield _failover(arm, estate, watcher)


def _failover(arm: Arm, estate: DrillEstate, watcher: Watcher) -> Failover:
    watcher.truth = watcher.loss = None
    said: list[str] = []
    opened = open_drills(estate.book, estate.environment_file, _KINDS)
    with closing(opened.store()) as store:
        ended = asyncio.run(drill(store, opened, arm.scenario, said.append, Request()))
        found = opened.course(store, arm.scenario).drills[-1].measured
    if watcher.truth is None or watcher.loss is None or found is None or found.rto_s is None:
        raise RuntimeError(f"{arm.name}: nothing was measured: {ended.sentence} ({'; '.join(said)})")
    return Failover(ended, watcher.loss, float(found.rto_s), watcher.truth)
