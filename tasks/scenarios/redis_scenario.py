"""What scenarios of a Redis that Sentinels watch have in common: its steady state, its clients, its proof."""

import asyncio
from abc import ABC
from collections.abc import Mapping
from typing import ClassVar

from tasks.estate import Estate
from tasks.scenarios.killed import LOOK
from tasks.scenarios.redis_group import Seen, connected, group_of, see
from tasks.scenarios.scenario import Clients, Scenario, Site, Steady
from tminus.credentials import resolve
from tminus.errors import Refused

_PROOF = "tminus:drill:proof"
_PROOF_LIVES = 60  # seconds


class RedisScenario(Scenario, ABC, frozen=True):
    """A scenario of one group of servers.

    Attributes:
        group: which of the environment's `drills.redis`.
    """

    sections: ClassVar[Mapping[str, str]] = {"group": "redis"}

    group: str

    async def steady(self, site: Site) -> Steady:
        """See Scenario."""
        seen = await self.seen(site)
        if len(seen.primaries) != 1 or seen.silent or not seen.replicas:
            raise Refused(f"{self.group}: {seen.line()}; one must take writes, and all others follow")
        if seen.believed != seen.primaries[0] or not all(one.able for one in seen.sentinels):
            raise Refused(f"{self.group}: {seen.line()}; all Sentinels must see that primary, and be able to fail over")
        return seen.steady()

    def clients(self, estate: Estate) -> Clients:
        """See Scenario."""
        return Clients("redis", tuple(node.url for node in group_of(estate, self.group).nodes.values()))

    async def prove_writable(self, site: Site, name: str) -> str:
        """A write on that server; raises CouldNotObserve."""
        url = await asyncio.to_thread(resolve, group_of(site.estate, self.group).nodes[name].url)
        async with connected(site.estate, url) as client:
            await client.set(_PROOF, site.drill, ex=_PROOF_LIVES)
        return f"{name} took a write, and is the only one that does"

    async def until_steady(self, site: Site) -> None:
        """The Sentinels make whoever comes back follow; until they did two may take writes, which they end."""
        while True:
            seen = await self.seen(site)
            one = len(seen.primaries) == 1 and len(seen.replicas) == len(seen.nodes) - 1
            if one and seen.believed == seen.primaries[0] and all(belief.able for belief in seen.sentinels):
                return
            site.waits(f"{self.group}: {seen.line()}; one must take writes, all follow it, and all Sentinels see that")
            await asyncio.sleep(LOOK)

    async def seen(self, site: Site) -> Seen:
        """All servers and Sentinels as they are now."""
        return await see(site.estate, group_of(site.estate, self.group))
