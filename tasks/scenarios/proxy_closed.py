"""A link refuses: what is connected is ended, and nobody gets a new connection."""

from typing import Literal

from tasks.outside.looking import Look
from tasks.scenarios.link import DisturbedLink
from tasks.scenarios.scenario import Site
from tminus.errors import CouldNotObserve


class ProxyClosed(DisturbedLink, frozen=True):
    """As where the other side is gone, and its machine is there to say so."""

    kind: Literal["proxy.closed"] = "proxy.closed"

    async def inject(self, site: Site) -> str:
        """See Scenario."""
        await self.ask(site, "POST", "", {"enabled": False})
        if (await self.proxy(site)).enabled:
            raise CouldNotObserve(f"{self.link}: it was closed, and is open")
        return f"{self.link} is closed"

    def seen(self, one: Look) -> bool:
        """See DisturbedLink."""
        return not one.good

    async def mended(self, site: Site) -> int:
        """See DisturbedLink: open, as it was before."""
        if (await self.proxy(site)).enabled:
            return 0
        await self.ask(site, "POST", "", {"enabled": True})
        return 1
