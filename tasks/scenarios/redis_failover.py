"""Redis' primary is killed, the Sentinels choose another, and what was the primary comes back as a replica."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Literal

from tasks.estate import Estate
from tasks.machines import Switch
from tasks.scenarios.killed import LOOK, KilledPrimary
from tasks.scenarios.redis_group import Seen, connected, group_of, see
from tasks.scenarios.scenario import Clients, Site, Steady, Way
from tminus.credentials import resolve
from tminus.errors import Refused

_PROOF = "tminus:drill:proof"
_PROOF_LIVES = 60  # seconds


class RedisFailover(KilledPrimary, frozen=True):
    """The primary dies as in a power cut, and whom the Sentinels choose takes over.

    Attributes:
        group: which of the environment's `drills.redis`.
    """

    sections: ClassVar[Mapping[str, str]] = {"group": "redis"}

    kind: Literal["redis.failover"] = "redis.failover"
    group: str

    async def steady(self, site: Site) -> Steady:
        """See Scenario."""
        seen = await self._seen(site)
        if len(seen.primaries) != 1 or seen.silent or not seen.replicas:
            raise Refused(f"{self.group}: {seen.line()}; one must take writes, and all others follow")
        if seen.believed != seen.primaries[0] or not all(one.able for one in seen.sentinels):
            raise Refused(f"{self.group}: {seen.line()}; all Sentinels must see that primary, and be able to fail over")
        return seen.steady()

    async def plan(self, site: Site) -> Way:
        """See Scenario: the primary dies; who takes over is the Sentinels' to choose."""
        seen = await self._seen(site)
        if len(seen.primaries) != 1:
            raise Refused(f"{self.group}: {seen.line()}; there must be one that takes writes")
        return {"victim": seen.primaries[0]}

    async def answers(self, site: Site, name: str) -> bool:
        """See KilledPrimary."""
        return (await self._seen(site)).nodes[name] is not None

    async def recover(self, site: Site) -> str:
        """See Scenario: until the Sentinels have one take over, which they do by themselves."""
        victim = site.way["victim"]
        while True:
            seen = await self._seen(site)
            if [seen.believed] == list(seen.primaries) != [victim]:
                return f"the Sentinels had {seen.believed} take over"
            await asyncio.sleep(LOOK)

    async def verify(self, site: Site) -> str:
        """See Scenario: a write on the new primary, while nobody else takes one."""
        seen = await self._seen(site)
        if len(seen.primaries) != 1 or seen.primaries[0] == site.way["victim"]:
            raise Refused(f"{self.group}: {seen.line()}; one other than {site.way['victim']} must take writes")
        [heir] = seen.primaries
        url = await asyncio.to_thread(resolve, group_of(site.estate, self.group).nodes[heir].url)
        async with connected(site.estate, url) as client:
            await client.set(_PROOF, site.drill, ex=_PROOF_LIVES)
        return f"{heir} took a write, and is the only one that does"

    async def undo(self, site: Site) -> str:
        """See Scenario: whoever is off follows whoever took over, or is started where nobody did."""
        victim = site.way["victim"]
        switch = self.switch(site, victim)
        did = f"{victim} was not off"
        if await switch.power() == "off":
            seen = await self._seen(site)
            others = [name for name in seen.primaries if name != victim]
            if others and switch.machine.rejoin is not None:
                await switch.rejoin(seen.places[others[0]])
            else:
                await switch.start()
            did = f"{victim} follows {others[0]}" if others else f"{victim} was started, since nobody took over"
        await self._until_steady(site)
        return did

    def clients(self, estate: Estate) -> Clients:
        """See Scenario."""
        return Clients("redis", tuple(node.url for node in group_of(estate, self.group).nodes.values()))

    def switch(self, site: Site, name: str) -> Switch:
        """See KilledPrimary."""
        return Switch.of(site.estate, self.group, name, group_of(site.estate, self.group).nodes[name])

    async def _until_steady(self, site: Site) -> None:
        """The Sentinels make whoever comes back follow; until they did two may take writes, which they end."""
        while True:
            seen = await self._seen(site)
            one = len(seen.primaries) == 1 and len(seen.replicas) == len(seen.nodes) - 1
            if one and seen.believed == seen.primaries[0] and all(belief.able for belief in seen.sentinels):
                return
            await asyncio.sleep(LOOK)

    async def _seen(self, site: Site) -> Seen:
        return await see(site.estate, group_of(site.estate, self.group))
