"""Kubernetes: the nodes, what containers may take, and where volumes come from."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from tasks.check import Check
from tasks.estate import Estate
from tasks.kubernetes_api import Cluster
from tasks.kubernetes_deployments import Asked
from tasks.kubernetes_nodes import workers
from tasks.kubernetes_pods import Container, Pod, by_workload, running_pods
from tasks.kubernetes_shortfalls import Shortfalls, none_of
from tasks.kubernetes_storage import storage
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation


class Nodes(Check, frozen=True):
    """How many nodes take pods, in how many zones they stand, and how many are short of something.

    A node is `ready` where its Ready condition is True and it is neither cordoned nor being deleted. `zones` are those
    of ready nodes. `pressure` counts nodes short of memory, disk, process ids or network, and those that no longer say.
    Nodes tainted for the control plane are not counted.
    """

    kind: Literal["kubernetes.nodes"] = "kubernetes.nodes"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"ready": "", "zones": "", "pressure": ""}

    async def look(self, estate: Estate) -> Observation:
        """Lists the nodes; raises NotConfigured, CouldNotObserve."""
        cluster = Cluster.of(estate)
        nodes = await workers(cluster)
        ready = [node for node in nodes if not node.out]
        found = [
            Measurement.number("ready", len(ready), of=len(nodes)),
            Measurement.number("zones", len({node.zone for node in ready if node.zone})),
        ]
        if nodes:
            found.append(Measurement.number("pressure", sum(1 for node in nodes if node.short)))
        wrong = Shortfalls()
        wrong.add("ready", [f"{node.name}: {node.out}" for node in nodes if node.out] or none_of("nodes", nodes))
        wrong.add("pressure", [f"{node.name}: {', '.join(node.short)}" for node in nodes if node.short])
        return Observation(
            found=tuple(found),
            where=cluster.where,
            details=wrong.details(f"{node.name}: zone {node.zone[:63] or 'not said'}" for node in ready),
            because=wrong.because(self.expect),
        )


class Limits(Check, frozen=True):
    """How many containers of the namespace's pods have limits and requests, both for cpu and memory.

    Pods are looked at, not deployments, so that injected sidecars, init containers and pods that no deployment made
    count as well. What is set for the pod as a whole counts for each of its containers; a limit of 0 is none.
    """

    kind: Literal["kubernetes.limits"] = "kubernetes.limits"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"limited": "", "requested": "", "pods": ""}

    async def look(self, estate: Estate) -> Observation:
        """Lists the pods; raises NotConfigured, CouldNotObserve."""
        cluster = Cluster.of(estate)
        pods = await running_pods(cluster)
        each = [(pod, container) for pod in pods for container in pod.spec.all_containers]
        unlimited = [(pod, one) for pod, one in each if not _both(one.resources.limited, pod.spec.resources.limited)]
        unasked = [(pod, one) for pod, one in each if not _both(one.resources.requested, pod.spec.resources.requested)]
        wrong = Shortfalls()
        wrong.add("limited", _lacking("limits", unlimited) or none_of("pods", pods))
        wrong.add("requested", _lacking("requests", unasked) or none_of("pods", pods))
        return Observation(
            found=(
                Measurement.number("limited", len(each) - len(unlimited), of=len(each)),
                Measurement.number("requested", len(each) - len(unasked), of=len(each)),
                Measurement.number("pods", len(pods)),
            ),
            where=cluster.where,
            details=wrong.details(),
            because=wrong.because(self.expect),
        )


def _both(own: frozenset[str], of_the_pod: frozenset[str]) -> bool:
    return {"cpu", "memory"} <= own | of_the_pod


def _lacking(what: str, which: Sequence[tuple[Pod, Container]]) -> list[str]:
    by_name: dict[str, list[Pod]] = {}
    for pod, container in which:
        by_name.setdefault(container.name, []).append(pod)
    return [f"container {name} lacks {what} in {by_workload(pods)}" for name, pods in sorted(by_name.items())]


class Storage(Check, frozen=True):
    """Which storage classes there are, and whether the namespace's claims have volumes that outlive them.

    `default` is the name of the class that claims get which name none, or `none`. A class is `encrypted` where its own
    parameters say so; that the cloud account may encrypt by default is not seen from here. `volumes` counts the claims
    that are bound and not being deleted, `retained` those whose volume is kept when the claim is deleted (reclaim
    policy Retain). Volumes are read only where `retained` is expected, since that needs a permission for the whole
    cluster.

    Attributes:
        classes: the storage classes that are looked at; one of those named that does not exist counts as neither
            encrypted nor expandable.
    """

    kind: Literal["kubernetes.storage"] = "kubernetes.storage"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "classes": "",
        "default": "word",
        "encrypted": "",
        "expandable": "",
        "volumes": "",
        "retained": "",
    }

    classes: Asked = "all"

    async def look(self, estate: Estate) -> Observation:
        """Lists classes and claims; raises NotConfigured, CouldNotObserve."""
        cluster = Cluster.of(estate)
        asks = "retained" in self.expect
        seen = await storage(cluster, volumes=asks)
        there = {one.name: one for one in seen.classes}
        names = sorted(there) if self.classes == "all" else sorted(set(self.classes))
        plain = [name for name in names if name not in there or not there[name].encrypted]
        fixed = [name for name in names if name not in there or not there[name].allow_volume_expansion]
        unbound = [claim for claim in seen.claims if not claim.bound]
        lost = [claim for claim in seen.claims if not seen.kept(claim)] if asks else []
        found = [
            Measurement.number("classes", len(names) - len(set(names) - set(there)), of=len(names)),
            Measurement(name="default", word=seen.default),
            Measurement.number("encrypted", len(names) - len(plain), of=len(names)),
            Measurement.number("expandable", len(names) - len(fixed), of=len(names)),
            Measurement.number("volumes", len(seen.claims) - len(unbound), of=len(seen.claims)),
        ]
        if asks:
            found.append(Measurement.number("retained", len(seen.claims) - len(lost), of=len(seen.claims)))
        wrong = Shortfalls()
        wrong.add("classes", [f"class {name} is not there" for name in names if name not in there])
        wrong.add("default", ["no class is the default"] if seen.default == "none" else [])
        wrong.add("encrypted", [f"class {name} does not say that it encrypts" for name in plain])
        wrong.add("expandable", [f"class {name} lets no volume grow" for name in fixed])
        wrong.add("volumes", [f"claim {claim.name} is {claim.state}" for claim in unbound])
        wrong.add("retained", [f"claim {claim.name}: its volume does not outlive it" for claim in lost])
        for name in ("volumes", "retained"):
            wrong.add(name, [] if seen.claims else ["the namespace claims no volumes"])
        return Observation(
            found=tuple(found),
            where=cluster.where,
            details=wrong.details(f"claim {one.name}: class {one.spec.storage_class_name}" for one in seen.claims),
            because=wrong.because(self.expect),
        )
