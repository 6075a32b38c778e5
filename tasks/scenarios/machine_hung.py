"""An instance of a service hangs: it is there, takes connections, and does nothing."""

from typing import Literal

from tasks.machines import Switch
from tasks.scenarios.scenario import Site, Way
from tasks.scenarios.service_machine import BrokenService, ordered


class MachineHung(BrokenService, frozen=True):
    """It stands still (SIGSTOP); whoever starts it anew ends it first."""

    kind: Literal["machine.hung"] = "machine.hung"

    async def plan(self, site: Site) -> Way:
        """See BrokenService."""
        ordered(self.place(site.estate).hang, "hang", self.machine)
        return await super().plan(site)

    async def inject(self, site: Site) -> str:
        """See Scenario."""
        await self.switch(site).order(ordered(self.place(site.estate).hang, "hang", self.machine))
        return f"{self.machine} hangs"

    async def mend(self, site: Site, switch: Switch) -> None:
        """See BrokenService: it goes on."""
        await switch.order(ordered(self.place(site.estate).resume, "resume", self.machine))
