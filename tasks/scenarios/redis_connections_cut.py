"""All connections of clients to Redis' primary are cut, and the clients come back by themselves."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from tasks.outside.plan import WRITERS
from tasks.scenarios.killed import LOOK
from tasks.scenarios.redis_group import connected, group_of
from tasks.scenarios.redis_scenario import RedisScenario
from tasks.scenarios.scenario import Site, Way
from tminus.credentials import resolve
from tminus.errors import ActionFailed, Refused

if TYPE_CHECKING:
    import redis.asyncio

_TYPES = ("normal", "pubsub")  # not the replicas', which are no clients


class Connected(BaseModel, frozen=True):
    """One line of CLIENT LIST. See https://redis.io/docs/latest/commands/client-list/."""

    id: int


class RedisConnectionsCut(RedisScenario, frozen=True):
    """The primary stays what it is, and ends every connection of a client, as a proxy that is restarted would.

    Attributes:
        back: how many percent of the connections of before must be there again, besides those of the outside client.
    """

    kind: Literal["redis.connections_cut"] = "redis.connections_cut"
    back: Annotated[int, Field(ge=0, le=100)] = 50

    async def plan(self, site: Site) -> Way:
        """See Scenario: those of the primary; ids only grow, so that the last one tells those of before from others."""
        seen = await self.seen(site)
        if len(seen.primaries) != 1:
            raise Refused(f"{self.group}: {seen.line()}; there must be one that takes writes")
        there = await self._connected(site, seen.primaries[0])
        newest = max((one.id for one in there), default=0)
        return {"cut off": seen.primaries[0], "connections": str(len(there)), "newest": str(newest)}

    def varying(self) -> frozenset[str]:
        """See Scenario."""
        return frozenset({"connections", "newest"})

    async def inject(self, site: Site) -> str:
        """See Scenario."""
        primary = site.way["cut off"]
        async with self._client(site, primary) as client:
            await site.fence()
            cut = [await client.client_kill_filter(_type=kind, skipme=True) for kind in _TYPES]
        if not sum(cut):
            raise ActionFailed(f"{primary}: nobody was connected, so nothing was cut")
        return f"{sum(cut)} connections to {primary} were cut"

    async def detect(self, site: Site) -> str:
        """See Scenario: none of the connections of before is left."""
        primary, newest = site.way["cut off"], int(site.way["newest"])
        site.waits(f"connections of before the cut are still there on {primary}")
        while any(one.id <= newest for one in await self._connected(site, primary)):
            await asyncio.sleep(LOOK)
        return f"of the {site.way['connections']} connections that {primary} had none is left"

    async def recover(self, site: Site) -> str:
        """See Scenario: until enough of the clients are back."""
        primary, before = site.way["cut off"], int(site.way["connections"])
        wanted = before * self.back / 100 + WRITERS  # which were not there before
        while (now := len(await self._connected(site, primary))) < wanted:
            site.waits(f"{now} connections are there on {primary}, of {wanted:g} that must be")
            await asyncio.sleep(LOOK)
        return f"{now} connections are there, of which the outside client has {WRITERS}; before it there were {before}"

    async def verify(self, site: Site) -> str:
        """See Scenario: the same primary takes a write, alone."""
        seen = await self.seen(site)
        if list(seen.primaries) != [site.way["cut off"]]:
            raise Refused(f"{self.group}: {seen.line()}; {site.way['cut off']} alone must take writes, as before")
        return await self.prove_writable(site, site.way["cut off"])

    async def undo(self, site: Site) -> str:
        """See Scenario: nothing is left to undo; until the servers and Sentinels agree again."""
        await self.until_steady(site)
        return "nothing is left of it"

    async def _connected(self, site: Site, name: str) -> Sequence[Connected]:
        """Who is connected now, but for ourselves."""
        async with self._client(site, name) as client:
            own = await client.client_id()
            lines = [line for kind in _TYPES for line in await client.client_list(_type=kind)]
        there = TypeAdapter(tuple[Connected, ...]).validate_python(lines)
        return [one for one in there if one.id != own]

    @asynccontextmanager
    async def _client(self, site: Site, name: str) -> "AsyncIterator[redis.asyncio.Redis]":
        url = await asyncio.to_thread(resolve, group_of(site.estate, self.group).nodes[name].url)
        async with connected(site.estate, url) as client:
            yield client
