"""A node is drained, as before it is taken away: its pods go elsewhere, and their services go on."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from tasks.estate import Estate, named
from tasks.kubernetes_deployments import APPS, Deployment, short_of
from tasks.kubernetes_drain import moved, out_of_use, why_not_drained
from tasks.kubernetes_nodes import Node
from tasks.kubernetes_pods import Pod, by_workload
from tasks.scenarios.kubernetes_part import LOOK, BrokenInCluster
from tasks.scenarios.scenario import Site, Steady, Way
from tminus.errors import CouldNotObserve, Refused
from tminus.systems.drill_kubernetes import KubernetesNodes

OURS = "tminus-drill"
"""The annotation of a node that a drill cordoned: the drill's name."""
_PASSED = "tminus-drill-undone"  # there for a moment, so that what was sent before a kill comes too late
_SHOWN = 3  # reasons in a sentence


class KubernetesNodeDrained(BrokenInCluster, frozen=True):
    """A node is cordoned, and its pods are evicted one by one; disruption budgets are waited for, never overruled.

    Attributes:
        nodes: which of the environment's `drills.kubernetes_nodes`.
        empty_dirs: whether pods may be evicted that keep something in an emptyDir.
    """

    sections: ClassVar[Mapping[str, str]] = {"nodes": "kubernetes_nodes"}

    kind: Literal["kubernetes.node_drained"] = "kubernetes.node_drained"
    nodes: str
    empty_dirs: bool = False

    async def steady(self, site: Site) -> Steady:
        """See Scenario: all nodes with the label take pods, all Deployments of the namespaces are ready."""
        out = [why for one in await self._labelled(site) if (why := out_of_use(one))]
        if wrong := [*out, *await self._short(site)]:
            raise Refused(f"{self.nodes}: {'; '.join(wrong[:_SHOWN])}")
        await self.require_answers(site)
        return {"nodes": "ready and schedulable", "deployments": "all ready", "answers": "yes"}

    async def plan(self, site: Site) -> Way:
        """See Scenario: the first node by its name that carries pods. Raises Refused where it could not be drained."""
        place, cluster = self.place(site.estate), self.cluster(site)
        for node in sorted(await self._labelled(site), key=lambda one: one.name):
            there = await cluster.on_node(node.name)
            if not moved(there):
                continue
            if why := list(why_not_drained(there, place.namespaces, empty_dirs=self.empty_dirs)):
                raise Refused(f"{node.name} is not drained: {'; '.join(why)}")
            return {"victim": node.name, "uid": node.metadata.uid, "pods": by_workload(moved(there))}
        raise Refused(f"no node with {place.label}={place.value} carries a pod that a drain would move")

    def varying(self) -> frozenset[str]:
        """See Scenario."""
        return frozenset({"pods"})

    async def inject(self, site: Site) -> str:
        """See Scenario. Raises Refused where it is another node by now, or somebody else cordoned it."""
        await self._cordon(site)
        evicted: set[str] = set()
        while left := [one for one in await self._to_move(site) if not one.terminating]:
            held = []
            for one in left:
                await site.fence()
                if await self.cluster(site).evict(one):
                    evicted.add(one.metadata.uid)
                else:
                    held.append(one)
            if held:
                site.waits(f"disruption budgets hold back {by_workload(held)}")
                await asyncio.sleep(LOOK)
        return f"{site.way['victim']} was cordoned, and {len(evicted)} pods were evicted"

    async def detect(self, site: Site) -> str:
        """See Scenario: no pod that a drain moves is left there."""
        while left := await self.observed(site, lambda: self._to_move(site)):
            site.waits(f"{site.way['victim']} still carries {by_workload(left)}")
            await asyncio.sleep(LOOK)
        return f"{site.way['victim']} carries nothing any more that is not its own"

    async def recover(self, site: Site) -> str:
        """See Scenario: all Deployments are ready, elsewhere."""
        await self._until_ready(site)
        return f"all Deployments are ready without {site.way['victim']}"

    async def verify(self, site: Site) -> str:
        """See Scenario: they are, the node is still cordoned by this drill, and empty."""
        node, left, short = await self._victim(site), await self._to_move(site), await self._short(site)
        open_to_pods = node is None or not (self._is_ours(node, site) and node.spec.unschedulable)
        wrong = [*(["it is not cordoned by this drill"] if open_to_pods else []), *short]
        if left:
            wrong.append(f"it carries {by_workload(left)}")
        if wrong:
            raise Refused(f"{site.way['victim']}: {'; '.join(wrong[:_SHOWN])}")
        await self.require_answers(site)
        return f"{site.way['victim']} is cordoned and empty, and all Deployments are ready elsewhere"

    async def undo(self, site: Site) -> str:
        """See Scenario: what this drill cordoned is uncordoned, and nothing else; pods stay where they are by then."""
        did = await self.observed(site, lambda: self._uncordoned(site))
        while why := [
            out for one in await self.observed(site, lambda: self._labelled(site)) if (out := out_of_use(one))
        ]:
            site.waits("; ".join(why[:_SHOWN]))
            await asyncio.sleep(LOOK)
        await self._until_ready(site)
        return f"{did}, and all Deployments are ready"

    def breaks(self, estate: Estate) -> frozenset[str]:
        """See Scenario: the nodes that have the label."""
        place = self.place(estate)
        return frozenset({f"nodes {place.label}={place.value}"})

    def place(self, estate: Estate) -> KubernetesNodes:
        """See BrokenInCluster."""
        drills = estate.environment.drills
        return named(drills.kubernetes_nodes if drills else {}, self.nodes, "drills.kubernetes_nodes")

    async def _cordon(self, site: Site) -> None:
        """Only a node that takes pods: what somebody else cordoned is theirs, and must stay so."""
        while True:
            node = await self._victim(site)
            if node is None or not self._has_label(node, site) or out_of_use(node):
                raise Refused(f"{site.way['victim']} is not as it was planned; nothing was changed")
            await site.fence()
            if await self.cluster(site).change(node, {OURS: _name(site)}, cordoned=True):
                return

    async def _uncordoned(self, site: Site) -> str:
        cluster, name = self.cluster(site), site.way["victim"]
        while True:
            node = await self._victim(site)
            if node is None:
                return f"{name} is not there any more"
            await site.fence()
            if self._is_ours(node, site):
                if await cluster.change(node, {OURS: None, _PASSED: None}, cordoned=False):
                    return f"{name} was uncordoned"
            elif _PASSED in node.metadata.annotations:
                if await cluster.change(node, {_PASSED: None}):
                    return f"{name} was not cordoned by this drill any more"
            else:
                await cluster.change(node, {_PASSED: _name(site)})

    async def _victim(self, site: Site) -> Node | None:
        """The node that was planned; None where it is gone, be it that another one has its name."""
        node = await self.cluster(site).node(site.way["victim"])
        return node if node is not None and node.metadata.uid == site.way["uid"] else None

    async def _to_move(self, site: Site) -> Sequence[Pod]:
        """What is still there and to be moved; raises Refused where something came that must not be."""
        there = await self.cluster(site).on_node(site.way["victim"])
        place = self.place(site.estate)
        if why := list(why_not_drained(there, place.namespaces, empty_dirs=self.empty_dirs)):
            raise Refused(f"{site.way['victim']} is not drained any further: {'; '.join(why)}")
        return moved(there)

    async def _labelled(self, site: Site) -> Sequence[Node]:
        place = self.place(site.estate)
        nodes = await self.cluster(site).seen.listed_everywhere(Node, "/api/v1", "nodes")
        found = [one for one in nodes if self._has_label(one, site)]
        if not found:
            raise CouldNotObserve(f"{self.nodes}: no node has the label {place.label}={place.value}")
        return found

    async def _short(self, site: Site) -> list[str]:
        """Which Deployments are not ready, and why; those that are to have no replicas are."""
        cluster, short = self.cluster(site).seen, []
        for namespace in self.place(site.estate).namespaces:
            pods = await cluster.listed_in(namespace, Pod, "/api/v1", "pods")
            found = await cluster.listed_in(namespace, Deployment, APPS, "deployments")
            whys = {one.name: short_of(one, pods) for one in found if one.spec.replicas}
            short += [f"{namespace}/{name}: {why}" for name, why in whys.items() if why]
        return short

    async def _until_ready(self, site: Site) -> None:
        while short := await self.observed(site, lambda: self._short(site)):
            site.waits("; ".join(short[:_SHOWN]))
            await asyncio.sleep(LOOK)
        await self.until_good(site)

    def _has_label(self, node: Node, site: Site) -> bool:
        place = self.place(site.estate)
        return node.metadata.labels.get(place.label) == place.value

    def _is_ours(self, node: Node, site: Site) -> bool:
        return node.metadata.annotations.get(OURS) == _name(site)


def _name(site: Site) -> str:
    """The drill's, and the part's of one that has several."""
    return "-".join(filter(None, (site.drill, site.part)))
