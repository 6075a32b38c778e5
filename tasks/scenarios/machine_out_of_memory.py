"""An instance of a service runs out of memory, and somebody starts it again."""

from typing import Literal

from tasks.machines import Switch
from tasks.scenarios.scenario import Site, Way
from tasks.scenarios.service_machine import BrokenService, ordered


class MachineOutOfMemory(BrokenService, frozen=True):
    """It gets no more memory; whether it ends then, or stays and serves nobody, is its own."""

    kind: Literal["machine.out_of_memory"] = "machine.out_of_memory"

    async def plan(self, site: Site) -> Way:
        """See BrokenService."""
        ordered(self.place(site.estate).exhaust, "exhaust", self.machine)
        return await super().plan(site)

    async def inject(self, site: Site) -> str:
        """See Scenario."""
        await self.switch(site).order(ordered(self.place(site.estate).exhaust, "exhaust", self.machine))
        return f"{self.machine} gets no more memory"

    async def mend(self, site: Site, switch: Switch) -> None:
        """See BrokenService: it has its memory again, where the environment names a command for that."""
        relieve = self.place(site.estate).relieve
        if relieve is not None:
            await switch.order(relieve)
