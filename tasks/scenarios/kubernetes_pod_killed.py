"""A pod of a Deployment is killed, and Kubernetes makes another one."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from tasks.estate import Estate, named
from tasks.kubernetes_deployments import APPS, Deployment, ready_pods, short_of
from tasks.kubernetes_pods import Pod
from tasks.scenarios.kubernetes_part import LOOK, BrokenInCluster
from tasks.scenarios.scenario import Site, Steady, Way
from tminus.errors import Refused
from tminus.systems.drill_kubernetes import KubernetesDeployment

_LEAST = 2  # replicas; with fewer nobody serves meanwhile, which needs no drill to be known


class KubernetesPodKilled(BrokenInCluster, frozen=True):
    """One ready pod is deleted with a grace period of 0: no goodbye to anybody.

    Attributes:
        deployment: which of the environment's `drills.kubernetes`.
    """

    sections: ClassVar[Mapping[str, str]] = {"deployment": "kubernetes"}

    kind: Literal["kubernetes.pod_killed"] = "kubernetes.pod_killed"
    deployment: str

    async def steady(self, site: Site) -> Steady:
        """See Scenario: all replicas that are wanted are ready, two at least, and customers are answered."""
        found, pods = await self._seen(site)
        if why := short_of(found, pods):
            raise Refused(f"{self.deployment}: {why}")
        if found.spec.replicas < _LEAST:
            raise Refused(f"{self.deployment} has {found.spec.replicas} replica, so nobody serves meanwhile; have two")
        await self.require_answers(site)
        return {"ready": "all replicas", "answers": "yes"}

    async def plan(self, site: Site) -> Way:
        """See Scenario: the oldest pod that is ready."""
        found, pods = await self._seen(site)
        ready = ready_pods(found, pods)
        if len(ready) < _LEAST:
            raise Refused(f"{self.deployment}: {len(ready)} pods are ready, and one would be killed")
        return {"victim": ready[0].name, "uid": ready[0].metadata.uid}

    def varying(self) -> frozenset[str]:
        """See Scenario."""
        return frozenset({"victim", "uid"})

    async def inject(self, site: Site) -> str:
        """See Scenario. Raises Refused where it is another pod by now."""
        await site.fence()
        await self.cluster(site).kill(self.place(site.estate).namespace, site.way["victim"], site.way["uid"])
        return f"{site.way['victim']} was deleted, with no grace"

    async def detect(self, site: Site) -> str:
        """See Scenario: the cluster has no such pod any more."""
        while site.way["uid"] in [one.metadata.uid for one in (await self._known(site))[1]]:
            site.waits(f"{site.way['victim']} is still there")
            await asyncio.sleep(LOOK)
        return f"{site.way['victim']} is gone"

    async def recover(self, site: Site) -> str:
        """See Scenario: Kubernetes makes another one by itself."""
        await self._until_ready(site)
        return f"all replicas of {self.deployment} are ready, and customers are answered"

    async def verify(self, site: Site) -> str:
        """See Scenario: all replicas are ready without it."""
        found, pods = await self._seen(site)
        if site.way["uid"] in [one.metadata.uid for one in pods]:
            raise Refused(f"{site.way['victim']} is still there")
        await self.steady(site)
        return f"{len(ready_pods(found, pods))} pods of {self.deployment} are ready, none of them {site.way['victim']}"

    async def undo(self, site: Site) -> str:
        """See Scenario: waits until as many are ready again as are wanted."""
        await self._until_ready(site)
        return f"all replicas of {self.deployment} are ready"

    def breaks(self, estate: Estate) -> frozenset[str]:
        """See Scenario: the Deployment, whoever stands before it."""
        place = self.place(estate)
        return frozenset({f"deployment {place.namespace}/{place.deployment}"})

    def place(self, estate: Estate) -> KubernetesDeployment:
        """See BrokenInCluster."""
        drills = estate.environment.drills
        return named(drills.kubernetes if drills else {}, self.deployment, "drills.kubernetes")

    async def _until_ready(self, site: Site) -> None:
        while why := short_of(*await self._known(site)):
            site.waits(f"{self.deployment}: {why}")
            await asyncio.sleep(LOOK)
        await self.until_good(site)

    async def _known(self, site: Site) -> tuple[Deployment, Sequence[Pod]]:
        return await self.observed(site, lambda: self._seen(site))

    async def _seen(self, site: Site) -> tuple[Deployment, Sequence[Pod]]:
        place, cluster = self.place(site.estate), self.cluster(site).seen
        found = await cluster.one(Deployment, APPS, "deployments", place.deployment, place.namespace)
        if found is None:
            raise Refused(f"{self.deployment}: there is no Deployment {place.deployment} in {place.namespace}")
        return found, await cluster.listed_in(place.namespace, Pod, "/api/v1", "pods")
