"""A part of a Kubernetes cluster that a drill breaks: how its customers are asked."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import ClassVar, TypeVar

from tasks.estate import Estate
from tasks.kubernetes_writing import DrilledCluster
from tasks.outside.looking import look, serves
from tasks.scenarios.scenario import Clients, Scenario, Site
from tminus.errors import CouldNotObserve, Refused
from tminus.systems.drill_kubernetes import KubernetesDeployment, KubernetesNodes

T = TypeVar("T")
_GOOD = 3  # looks from outside in a row after which it counts as back
LOOK = 0.25
"""Seconds between two questions to an API server, which everybody else needs as well."""


class BrokenInCluster(Scenario, ABC, frozen=True):
    """A scenario that changes something by the API of Kubernetes."""

    needs: ClassVar[tuple[str, ...]] = ("kubernetes",)

    @abstractmethod
    def place(self, estate: Estate) -> KubernetesDeployment | KubernetesNodes:
        """What of the environment it breaks; raises NotConfigured."""

    def cluster(self, site: Site) -> DrilledCluster:
        """As whoever may change it; raises NotConfigured."""
        return DrilledCluster(site.estate, self.place(site.estate).token)

    def clients(self, estate: Estate) -> Clients:
        """See Scenario."""
        client = self.place(estate).client
        return Clients(client.store, client.references)

    async def observed(self, site: Site, ask: Callable[[], Awaitable[T]]) -> T:
        """What it comes to, once the API server answers: one that is away for a moment keeps nobody from undoing."""
        while True:
            try:
                return await ask()
            except CouldNotObserve as e:
                site.waits(str(e))
            await asyncio.sleep(LOOK)

    async def require_answers(self, site: Site) -> None:
        """Raises Refused where customers are not answered."""
        if not await serves(self.clients(site.estate)):
            raise Refused("all is ready, and customers are not answered at the address of `client`")

    async def until_good(self, site: Site) -> None:
        """Waits until customers are answered several times in a row."""
        good = 0
        while good < _GOOD:
            site.waits(f"customers are not answered in time {_GOOD} times in a row")
            good = good + 1 if (await look(self.clients(site.estate))).good else 0
            await asyncio.sleep(LOOK)
