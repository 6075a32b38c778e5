"""Redis as it is set up and used: persistence, keys, and its own figures."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import time
from typing import Annotated, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from tasks import redis_keys, redis_persistence
from tasks.check import Check
from tasks.estate import Estate
from tasks.redis_keys import Key
from tminus.clock import Duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_T = TypeVar("_T", bound=BaseModel)
_SHOWN = 20  # namespaces in the details
_LONGEST_WITHIN = timedelta(seconds=10)
_FEWEST = 100  # lookups; by chance a rate of 90 % of so few comes out 3 % off
_HOUR_S, _HOUR_MS = 3600, 3_600_000


class _Figures(BaseModel, frozen=True):
    """The fields of INFO that are judged. See https://redis.io/docs/latest/commands/info/."""

    used_memory: int = Field(ge=0)
    maxmemory: int = Field(ge=0)
    total_system_memory: int = Field(gt=0)
    maxmemory_policy: str
    keyspace_hits: int = Field(ge=0)
    keyspace_misses: int = Field(ge=0)
    evicted_keys: int = Field(ge=0)
    uptime_in_seconds: int = Field(ge=0)
    connected_clients: int = Field(ge=0)
    blocked_clients: int = Field(ge=0)


class Persistence(Check, frozen=True):
    """How data survives a crash: what is written to disk, how often, and whether the last time succeeded.

    `rpo` is the most that a crash can lose by the settings: with an append-only file 0, 1 or 30 s for `appendfsync`
    always, everysec and no (30 s also with no-appendfsync-on-rewrite); with snapshots alone the shortest rule of `save`
    that one change fulfils. Where nothing bounds it, or the last append or snapshot did not succeed, it counts from
    1970. `fsync` is `appendfsync`, whether `aof` is on or off. `failing` is `yes` where the last append, rewrite or
    snapshot did not succeed. `last_save` is the time since the last snapshot, or since the start.

    Attributes:
        redis: a server's name in the environment's `redis` section.
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "aof": "word",
        "fsync": "word",
        "rpo": "s",
        "last_save": "h",
        "failing": "word",
    }

    kind: Literal["redis.persistence"] = "redis.persistence"
    redis: str

    async def look(self, estate: Estate) -> Observation:
        """Reads INFO and CONFIG; where CONFIG is taken away, `fsync` and `rpo` stay unmeasured."""
        async with estate.redis(self.redis) as client, _understood(self.redis):
            state = _read(redis_persistence.State, await client.info("persistence"), self.redis)
            set_to = await redis_persistence.settings(client)
        failing = state.failing()
        saved = max(time() - state.rdb_last_save_time, 0) / _HOUR_S
        found = [
            Measurement(name="aof", word="on" if state.aof_enabled else "off"),
            Measurement.number("last_save", round(saved, 6), "h"),
            Measurement(name="failing", word="yes" if failing else "no"),
        ]
        if set_to is not None:
            loss = redis_persistence.worst_loss(state, set_to)
            found.append(Measurement(name="fsync", word=set_to.appendfsync))
            found.append(Measurement.number("rpo", round(time()) if loss is None else loss, "s"))
        saved_at = datetime.fromtimestamp(state.rdb_last_save_time, UTC)
        return Observation(
            found=tuple(found),
            where=f"redis {self.redis}",
            details=(
                f"last snapshot {saved_at:%Y-%m-%d %H:%M} UTC",
                *([f"save {set_to.save[:60]!r}"] if set_to else []),
            ),
            because=f"the last {' and '.join(failing)} did not succeed" if failing else "",
        )


class Keys(Check, frozen=True):
    """How keys are named, whether they expire, and whether big values are compressed.

    All databases of the server are looked at. `keys` counts them all, and `expiring` those with a time to live, as
    INFO does: of every key, not of a sample. For the rest a sample is drawn at random, anew with each look: all keys
    where there are no more than `sample`, and `sampled` says how many of all they were. A key is `namespaced` where it
    begins with one of `namespaces`, or, where none are given, with a word of letters and a colon. `longest` is the
    longest time to live. `compressed` counts the strings of at least `big` bytes that begin as gzip, zstd, LZ4, zlib,
    Snappy, XZ or bzip2 does, of all as big; `uncompressed` is the others, 0 also where no value is that big. No key's
    name and no value becomes evidence, only namespaces. Nothing but `keys` is measured of an empty Redis. What
    `tminus mark` leaves there, the key `tminus:marker`, is not counted.

    Attributes:
        redis: a server's name in the environment's `redis` section.
        sample: how many keys are looked at, shared among the databases by how many each has.
        namespaces: what keys may begin with (`session:`).
        big: bytes from which a string should be compressed.
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "keys": "",
        "namespaced": "",
        "expiring": "",
        "compressed": "",
        "uncompressed": "",
        "longest": "h",
        "sampled": "",
    }

    kind: Literal["redis.keys"] = "redis.keys"
    redis: str
    sample: Annotated[int, Field(ge=1, le=10_000)] = 500
    namespaces: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    big: Annotated[int, Field(ge=64)] = 10 * 1024

    async def look(self, estate: Estate) -> Observation:
        """Draws keys, and asks each of them for its type, size and time to live."""
        async with estate.redis(self.redis) as client, _understood(self.redis):
            int(await client.dbsize())
            databases = await redis_keys.keyspace(client)
            keys = await redis_keys.sample(client, databases, self.sample, self.big)
        count = sum(one.keys for one in databases.values())
        found = [Measurement.number("keys", count)]
        if keys:
            found.append(Measurement.number("expiring", sum(one.expires for one in databases.values()), of=count))
            found.append(Measurement.number("sampled", len(keys), of=count))
            found += self._measured(keys)
        strange = redis_keys.namespaces([key for key in keys if not self._named(key)])
        return Observation(
            found=tuple(found),
            where=f"redis {self.redis}",
            details=tuple(
                f"{name or 'without a namespace'}: {number} of {len(keys)} keys looked at"
                for name, number in redis_keys.namespaces(keys).most_common(_SHOWN)
            ),
            because=f"in no namespace: {', '.join(name or 'no name' for name in list(strange)[:5])}" if strange else "",
        )

    def _measured(self, keys: list[Key]) -> list[Measurement]:
        lives = [key.ttl_ms for key in keys if key.ttl_ms is not None]
        big = [key for key in keys if key.size is not None and key.size >= self.big]
        compressed = sum(key.compressed for key in big)
        found = [
            Measurement.number("namespaced", sum(self._named(key) for key in keys), of=len(keys)),
            Measurement.number("compressed", compressed, of=len(big)),
            Measurement.number("uncompressed", len(big) - compressed),
        ]
        return [*found, Measurement.number("longest", round(max(lives) / _HOUR_MS, 6), "h")] if lives else found

    def _named(self, key: Key) -> bool:
        if not self.namespaces:
            return bool(key.namespace)
        return key.name.startswith(tuple(prefix.encode() for prefix in self.namespaces))


class Stats(Check, frozen=True):
    """What a Redis counts about itself: hits, memory, evictions, clients.

    `hit_rate` and `evicted` count from the server's start, which is `since` ago, or from when its statistics were last
    reset, of which Redis tells nothing: after months a cache that answers nothing any more still has the rate of
    better days. `hit_rate_lately` is the rate of the lookups between two reads that are `within` apart; of fewer than
    100 it is not measured. Without any lookup there is no hit rate. What a day or a quarter brought is known only to
    whoever keeps a history of these counts. `memory` is the share of `maxmemory` that is used; where no limit is set
    (`limit` is 0 B then), the share of the machine's memory. `policy` says what is evicted when it is full.

    Attributes:
        redis: a server's name in the environment's `redis` section.
        within: how far apart the two reads are for `hit_rate_lately`, 10 s at most.
    """

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "hit_rate": "%",
        "hit_rate_lately": "%",
        "since": "s",
        "memory": "%",
        "limit": "B",
        "evicted": "",
        "clients": "",
        "blocked": "",
        "policy": "word",
    }

    kind: Literal["redis.stats"] = "redis.stats"
    redis: str
    within: Annotated[Duration, Field(gt=timedelta(0), le=_LONGEST_WITHIN)] | None = None

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if "hit_rate_lately" in self.expect and self.within is None:
            raise ValueError("hit_rate_lately is that of the time between two reads; write how far apart: `within: 5s`")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Reads INFO, and again after `within`."""
        before: _Figures | None = None
        async with estate.redis(self.redis) as client, _understood(self.redis):
            if self.within is not None:
                before = _read(_Figures, await client.info(), self.redis)
                await asyncio.sleep(self.within.total_seconds())
            seen = _read(_Figures, await client.info(), self.redis)
        lookups = seen.keyspace_hits + seen.keyspace_misses
        found = [
            Measurement.number("since", seen.uptime_in_seconds, "s"),
            Measurement.number("memory", 100 * seen.used_memory / (seen.maxmemory or seen.total_system_memory), "%"),
            Measurement.number("limit", seen.maxmemory, "B"),
            Measurement.number("evicted", seen.evicted_keys),
            Measurement.number("clients", seen.connected_clients),
            Measurement.number("blocked", seen.blocked_clients),
            Measurement(name="policy", word=seen.maxmemory_policy[:40]),
        ]
        if lookups:
            found.append(Measurement.number("hit_rate", 100 * seen.keyspace_hits / lookups, "%"))
        lately, said = _lately(before, seen) if before else ([], [])
        return Observation(
            found=(*found, *lately),
            where=f"redis {self.redis}",
            details=(f"{lookups} lookups", *said, *(() if seen.maxmemory else ("no maxmemory is set",))),
        )


def _lately(before: _Figures, after: _Figures) -> tuple[list[Measurement], list[str]]:
    """The rate between two reads, where it is one, and how many lookups there were."""
    hits, misses = after.keyspace_hits - before.keyspace_hits, after.keyspace_misses - before.keyspace_misses
    if hits < 0 or misses < 0:
        return [], ["its statistics were reset between the two reads"]
    if hits + misses < _FEWEST:
        return [], [f"{hits + misses} lookups between the two reads, which tell no rate; {_FEWEST} do"]
    rate = Measurement.number("hit_rate_lately", 100 * hits / (hits + misses), "%")
    return [rate], [f"{hits + misses} lookups between the two reads"]


@asynccontextmanager
async def _understood(name: str) -> AsyncIterator[None]:
    """The block in which an answer that redis-py cannot read is said to be none."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, LookupError) as e:
        raise CouldNotObserve(f"redis {name}: an answer that is not Redis' ({type(e).__name__}); is it one?") from e


def _read(model: type[_T], info: object, name: str) -> _T:
    try:
        return model.model_validate(info)
    except ValidationError as e:
        missing = ", ".join(sorted({str(error["loc"][0]) for error in e.errors() if error["loc"]}))
        raise CouldNotObserve(
            f"redis {name}: INFO does not say {missing or 'anything'} in a way that can be read"
        ) from e
