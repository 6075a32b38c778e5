"""An instance of a service is killed, and somebody starts it again."""

from typing import Literal

from tasks.scenarios.scenario import Site
from tasks.scenarios.service_machine import BrokenService


class MachineKilled(BrokenService, frozen=True):
    """It ends as in a power cut: no goodbye to anybody."""

    kind: Literal["machine.killed"] = "machine.killed"

    async def inject(self, site: Site) -> str:
        """See Scenario."""
        await self.switch(site).kill()
        return f"{self.machine} was killed, and is off"
