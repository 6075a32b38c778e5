"""Restores a Redis into databases of the same server that are empty, and swaps them with those that are live."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from tasks.backups.asked import Asked, Seen
from tasks.backups.redis_wire import Wire
from tasks.backups.verify_redis import VerifyRedis
from tasks.restores import redis_copy
from tasks.restores.asked import Live, Restorer, Stands, Way
from tasks.restores.live_redis import LiveRedis, Mark, mark_of
from tminus.backups.book import RedisAof, RedisRdb
from tminus.backups.contents import Marker, RedisContents
from tminus.backups.manifest import BackupKind
from tminus.clock import now
from tminus.errors import ActionFailed, CouldNotObserve, NotConfigured
from tminus.expectation import Measurement

_TRIES = 3


class RedisRestorer(Restorer):
    """RDB files and append-only files: each database of the backup into an empty one, and SWAPDB, all at once."""

    kinds: ClassVar[tuple[BackupKind, ...]] = ("redis.rdb", "redis.aof")

    async def plan(self, live: Live, stamp: str) -> Way:
        """See Restorer."""
        server = await _server(live)
        async with live.estate.redis(server.name) as client:
            about = await client.info("cluster")
            said = await client.config_get("databases")
        if str(about.get("cluster_enabled", "0")) != "0":
            raise NotConfigured(f"redis {server.name} is a cluster, which has one database only: there is no beside")
        count = int(str(said.get("databases") or 0))
        used = sorted(await asyncio.to_thread(server.used))
        if count < 2 * max(1, len(used)):
            raise NotConfigured(f"redis {server.name} has {count} databases, {len(used)} of them used: too few beside")
        return {
            "database": server.name,
            "databases": str(count),
            "live": ",".join(map(str, used)),
            "mark": f"tminus:restored:{stamp}",
            "kept": "in the databases that were empty before",
            "undone": "in the databases that were empty before",
        }

    def said(self, way: Way) -> Sequence[str]:
        """See Restorer."""
        return (
            "every key into empty databases of the same server, which needs memory for both; looked at there",
            f"once nobody trades: each is swapped with the live one ({way['live'] or 'none'}), all in one transaction",
            "functions and ACL users are the server's, and stay as they are",
        )

    async def beside(self, live: Live, asked: Asked, way: Way) -> Seen:
        """See Restorer."""
        wanted = asked.manifest.contents
        if not isinstance(wanted, RedisContents):
            raise CouldNotObserve(f"{asked.manifest.backup} says nothing of what a Redis held")
        server = await _server(live)
        pairs = _pairs(way, wanted)
        copying = _Copying(server, pairs, way["mark"], Mark(restore=live.restore, database=0, token=live.token))
        seen = await copying.verify(asked)
        if not copying.done:
            return seen
        taken_at = asked.manifest.taken_at
        wrong = await asyncio.to_thread(redis_copy.differences, server, pairs, way["mark"], wanted, taken_at)
        return _with(seen, wrong)

    async def identified(self, live: Live, way: Way) -> Way:
        """See Restorer."""
        server = await _server(live)
        found = await asyncio.to_thread(_marked, server, way, live.restore, range(int(way["databases"])))
        if not found:
            raise CouldNotObserve(f"redis {server.name}: no database is marked by this restore; were they flushed?")
        return {**way, "pairs": ",".join(f"{database}:{beside}" for beside, database in sorted(found.items()))}

    async def stands(self, live: Live, way: Way) -> Stands:
        """See Restorer."""
        return await asyncio.to_thread(_stands, await _server(live), way, live.restore)

    async def switch(self, live: Live, way: Way, to: Stands, until: datetime) -> None:
        """See Restorer."""
        await asyncio.to_thread(_switch, await _server(live), way, live.restore, to, until)

    def by_hand(self, way: Way, to: Stands) -> Sequence[str]:
        """See Restorer."""
        del to  # a swap is its own way back
        return ("MULTI", *(f"SWAPDB {one} {other}" for one, other in _read(way).items()), "EXEC")

    async def discard(self, live: Live, way: Way) -> None:
        """See Restorer."""
        await asyncio.to_thread(_discard, await _server(live), way, live.restore)


class _Copying(VerifyRedis):
    """Copies what the scratch server holds while it runs, once that was looked at."""

    kinds: ClassVar[tuple[BackupKind, ...]] = ()

    def __init__(self, server: LiveRedis, pairs: Mapping[int, int], key: str, mine: Mark) -> None:
        self._to = (server, pairs, key, mine)
        self.done = False

    def besides(self, asked: Asked, wire: Wire, mark: Marker | None) -> None:
        """See VerifyRedis."""
        del mark
        redis_copy.copy(wire, *self._to, asked.manifest.taken_at)
        self.done = True


async def _server(live: Live) -> LiveRedis:
    if not isinstance(live.store, RedisRdb | RedisAof):
        raise CouldNotObserve(f"{live.store.title} is no store of a Redis")
    return await asyncio.to_thread(LiveRedis.of, live.estate, live.store.redis)


def _pairs(way: Way, wanted: RedisContents) -> dict[int, int]:
    """Database → the empty one beside: for each that is live, or was. The same whenever it is asked."""
    used = sorted({*(int(one) for one in way["live"].split(",") if one), *wanted.databases}) or [0]
    free = [number for number in reversed(range(int(way["databases"]))) if number not in used]
    if len(free) < len(used):
        raise CouldNotObserve(f"the backup has {len(used)} databases, and {len(free)} are empty: too few beside")
    return dict(zip(used, free, strict=False))


def _read(way: Way) -> dict[int, int]:
    parts = (pair.partition(":") for pair in way["pairs"].split(",") if pair)
    return {int(database): int(beside) for database, _, beside in parts}


def _marked(server: LiveRedis, way: Way, restore: str, among: Sequence[int]) -> dict[int, int]:
    """Of these databases those that are marked: → whose name each is to take."""
    found = {}
    for number in among:
        with server.database(number) as client:
            mark = mark_of(client, way["mark"])
        if mark is not None and mark.restore == restore:
            found[number] = mark.database
    return found


def _stands(server: LiveRedis, way: Way, restore: str) -> Stands:
    pairs = _read(way)
    found = _marked(server, way, restore, [*pairs, *pairs.values()])
    if found == {database: database for database in pairs}:
        return Stands.NEW
    if found == {beside: database for database, beside in pairs.items()}:
        return Stands.OLD
    raise CouldNotObserve(
        f"redis {server.name}: of {len(pairs)} databases {len(found)} bear this restore's mark, and not all where they "
        f"should; somebody swapped or flushed them. Nothing was done"
    )


def _switch(server: LiveRedis, way: Way, restore: str, to: Stands, until: datetime) -> None:
    """By WATCH: what was swapped by anybody since it was looked at is not swapped again."""
    import redis

    pairs = _read(way)
    for _ in range(_TRIES):
        with server.database(next(iter(pairs))) as client, client.pipeline(transaction=True) as pipe:
            pipe.watch(way["mark"])  # type: ignore[no-untyped-call]
            if _stands(server, way, restore) is to:
                return
            pipe.multi()
            for one, other in pairs.items():
                pipe.execute_command("SWAPDB", one, other)  # type: ignore[no-untyped-call]
            if now() >= until:
                late = f"redis {server.name} was not swapped until {until:%Y-%m-%d %H:%M:%S} UTC, and is not after that"
                raise ActionFailed(f"{late}; nothing was changed", began=False)
            try:
                pipe.execute()
            except redis.WatchError:
                continue
    if _stands(server, way, restore) is not to:
        raise ActionFailed(f"redis {server.name} was not swapped, and nothing was changed", began=False)


def _discard(server: LiveRedis, way: Way, restore: str) -> None:
    """Flushes what is marked and does not bear its own name: what does is live."""
    for number, database in _marked(server, way, restore, range(int(way["databases"]))).items():
        if number != database:
            with server.database(number) as client:
                client.flushdb()


def _with(seen: Seen, wrong: Sequence[str]) -> Seen:
    """What was seen of the backup, and of the copy."""
    if not wrong:
        return seen
    others = [one for one in seen.found if one.name != "databases_differ"]
    found = (*others, Measurement.number("databases_differ", len(wrong)))
    return replace(seen, found=found, details=(*wrong, *seen.details), because=seen.because or wrong[0])
