"""Redis' primary is killed, the Sentinels choose another, and what was the primary comes back as a replica."""

import asyncio
from typing import Literal

from tasks.machines import Switch, require_on
from tasks.scenarios.killed import LOOK, KilledPrimary
from tasks.scenarios.redis_group import group_of
from tasks.scenarios.redis_scenario import RedisScenario
from tasks.scenarios.scenario import Site, Way
from tminus.errors import Refused


class RedisFailover(RedisScenario, KilledPrimary, frozen=True):
    """The primary dies as in a power cut, and whom the Sentinels choose takes over."""

    kind: Literal["redis.failover"] = "redis.failover"

    async def plan(self, site: Site) -> Way:
        """See Scenario: the primary dies; who takes over is the Sentinels' to choose."""
        seen = await self.seen(site)
        if len(seen.primaries) != 1:
            raise Refused(f"{self.group}: {seen.line()}; there must be one that takes writes")
        return {"victim": seen.primaries[0]}

    async def require_ready(self, site: Site) -> None:
        """See Scenario: of every server."""
        await require_on({name: self.switch(site, name) for name in group_of(site.estate, self.group).nodes})

    async def answers(self, site: Site, name: str) -> bool:
        """See KilledPrimary."""
        return (await self.seen(site)).nodes[name] is not None

    async def recover(self, site: Site) -> str:
        """See Scenario: until the Sentinels have one take over, which they do by themselves."""
        victim = site.way["victim"]
        while True:
            seen = await self.seen(site)
            if [seen.believed] == list(seen.primaries) != [victim]:
                return f"the Sentinels had {seen.believed} take over"
            site.waits(f"{self.group}: {seen.line()}; one other than {victim} must take writes")
            await asyncio.sleep(LOOK)

    async def verify(self, site: Site) -> str:
        """See Scenario: a write on the new primary, while nobody else takes one."""
        seen = await self.seen(site)
        if len(seen.primaries) != 1 or seen.primaries[0] == site.way["victim"]:
            raise Refused(f"{self.group}: {seen.line()}; one other than {site.way['victim']} must take writes")
        [heir] = seen.primaries
        return await self.prove_writable(site, heir)

    async def undo(self, site: Site) -> str:
        """See Scenario: whoever is off follows whoever took over, or is started where nobody did."""
        victim = site.way["victim"]
        switch = self.switch(site, victim)
        did = f"{victim} was not off"
        started = [name for name in group_of(site.estate, self.group).nodes if name != victim]
        started = [name for name in started if await self.switch(site, name).power() == "off"]
        for name in started:  # all ran before: another's `kill` may have ended it
            await self.switch(site, name).start()
        off = await switch.settled() == "off"
        seen = await self.seen(site)
        if off or victim in seen.silent:
            others = [name for name in seen.primaries if name != victim]
            if others and switch.machine.rejoin is not None:
                await switch.rejoin(seen.places[others[0]])
            else:
                await switch.start()
            did = f"{victim} was started"
        await self.until_steady(site)
        [primary] = (await self.seen(site)).primaries
        also = f"; {', '.join(started)} was off too, and was started" if started else ""
        return f"{did}, and {'takes writes' if primary == victim else f'follows {primary}'}{also}"

    def switch(self, site: Site, name: str) -> Switch:
        """See KilledPrimary."""
        return Switch.of(site, self.group, name, group_of(site.estate, self.group).nodes[name])
