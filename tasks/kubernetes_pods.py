"""Pods and the templates that they are made from: containers, their resources, who made the pod."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from tasks.kubernetes_api import Cluster
from tasks.kubernetes_parts import Condition, Count, Meta, Name, Part, Quantities, Selector, Thing, condition

_NEEDED = ("cpu", "memory")
_CORE = "/api/v1"
_MIRROR = "kubernetes.io/config.mirror"


class Resources(Part):
    """What containers may take, and what is kept for them.

    A limit of 0 is no limit, so only a positive quantity counts.
    """

    limits: Quantities = Field(default_factory=dict)
    requests: Quantities = Field(default_factory=dict)

    @property
    def limited(self) -> frozenset[str]:
        """Which of cpu and memory have a limit."""
        return frozenset(name for name in _NEEDED if self.limits.get(name, 0) > 0)

    @property
    def requested(self) -> frozenset[str]:
        """Which of cpu and memory are asked for."""
        return frozenset(name for name in _NEEDED if self.requests.get(name, 0) > 0)


class Sleep(Part):
    """A hook that only waits."""

    seconds: Count = 0


class Exec(Part):
    """A hook that runs a command."""

    command: Sequence[str] = ()


class Hook(Part):
    """What runs before a container is told to stop."""

    sleep: Sleep | None = None
    exec: Exec | None = None

    @property
    def waits(self) -> int:
        """The seconds that it surely takes: those it sleeps."""
        if self.sleep is not None:
            return self.sleep.seconds
        said = re.search(r"\bsleep\s+([0-9]{1,6})\b", " ".join(self.exec.command if self.exec else ()))
        return int(said[1]) if said else 0


class Lifecycle(Part):
    """A container's hooks."""

    pre_stop: Hook | None = None


class Probe(Part):
    """A probe; what it asks is not looked at."""


class Container(Part):
    """A container of a pod or a template."""

    name: Name
    resources: Resources = Resources()
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    lifecycle: Lifecycle = Lifecycle()
    restart_policy: Literal["Always", "Never", "OnFailure"] | None = None
    args: Sequence[str] = ()
    command: Sequence[str] = ()

    @property
    def sidecar(self) -> bool:
        """Whether an init container stays: a sidecar as Kubernetes 1.29 has them."""
        return self.restart_policy == "Always"


class AntiAffinityTerm(Part):
    """Which pods a pod keeps away from."""

    label_selector: Selector | None = None
    topology_key: str


class WeightedTerm(Part):
    """The same, as a wish."""

    pod_affinity_term: AntiAffinityTerm


class AntiAffinity(Part):
    """How a pod keeps away from others."""

    required: Sequence[AntiAffinityTerm] = Field(default=(), alias="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: Sequence[WeightedTerm] = Field(default=(), alias="preferredDuringSchedulingIgnoredDuringExecution")


class Affinity(Part):
    """Where a pod wants to run."""

    pod_anti_affinity: AntiAffinity = AntiAffinity()


class Spread(Part):
    """How pods are spread over nodes or zones."""

    label_selector: Selector | None = None
    topology_key: str


class EmptyDir(Part):
    """A folder of a pod's own, which is gone with it; what it is made of is not looked at."""


class Volume(Part):
    """A volume of a pod."""

    name: Name
    empty_dir: EmptyDir | None = None


class PodSpec(Part):
    """How a pod is to run."""

    containers: Sequence[Container] = Field(min_length=1)
    init_containers: Sequence[Container] = ()
    resources: Resources = Resources()
    node_name: str = ""
    host_network: bool = False
    service_account_name: str = ""
    termination_grace_period_seconds: Count = 30
    affinity: Affinity = Affinity()
    topology_spread_constraints: Sequence[Spread] = ()
    volumes: Sequence[Volume] = ()

    @property
    def all_containers(self) -> tuple[Container, ...]:
        """Those that stay, and those that run first."""
        return (*self.init_containers, *self.containers)

    @property
    def apart(self) -> Iterator[Selector | None]:
        """What each rule that keeps pods apart selects."""
        yield from (one.label_selector for one in self.topology_spread_constraints)
        yield from (one.label_selector for one in self.affinity.pod_anti_affinity.required)
        yield from (one.pod_affinity_term.label_selector for one in self.affinity.pod_anti_affinity.preferred)


class TemplateMeta(Part):
    """A template's metadata; it has no name of its own."""

    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Template(Part):
    """What a controller makes its pods from."""

    metadata: TemplateMeta = TemplateMeta()
    spec: PodSpec


class Waiting(Part):
    """Why a container does not run."""

    reason: str = ""


class ContainerState(Part):
    """What a container is doing."""

    waiting: Waiting | None = None


class ContainerStatus(Part):
    """How a container fares."""

    name: Name
    restart_count: Count
    state: ContainerState = ContainerState()


class PodStatus(Part):
    """How a pod fares."""

    phase: Literal["Pending", "Running", "Succeeded", "Failed", "Unknown"]
    conditions: Sequence[Condition] = ()
    container_statuses: Sequence[ContainerStatus] = ()
    init_container_statuses: Sequence[ContainerStatus] = ()


class Pod(Thing):
    """A pod."""

    spec: PodSpec
    status: PodStatus

    @property
    def finished(self) -> bool:
        """Whether it ran to its end, as a job's pod does."""
        return self.status.phase in {"Succeeded", "Failed"}

    @property
    def statuses(self) -> tuple[ContainerStatus, ...]:
        """How each of its containers fares."""
        return (*self.status.init_container_statuses, *self.status.container_statuses)

    @property
    def deployment(self) -> str | None:
        """The deployment that made it, through a ReplicaSet named after its `pod-template-hash`; None for any other."""
        suffix = f"-{self.metadata.labels.get('pod-template-hash', '')}"
        owner = _controller(self.metadata)
        if owner is None or owner[0] != "ReplicaSet" or not owner[1].removesuffix(suffix) or suffix == "-":
            return None
        return owner[1].removesuffix(suffix) if owner[1].endswith(suffix) else None

    @property
    def bare(self) -> bool:
        """Whether nobody made it, so that nobody makes it anew when its node is lost."""
        return _controller(self.metadata) is None

    @property
    def ready(self) -> bool:
        """Whether it takes requests, and is not being deleted."""
        return not self.terminating and condition(self.status.conditions, "Ready").status == "True"

    @property
    def stays_with_its_node(self) -> bool:
        """Whether a drain leaves it: it is a DaemonSet's, a file's on the node (a mirror pod), or ran to its end."""
        owner = _controller(self.metadata)
        return (
            self.finished
            or (owner is not None and owner[0] in {"DaemonSet", "Node"})
            or _MIRROR in self.metadata.annotations
        )

    @property
    def workload(self) -> str:
        """What it belongs to: `orders`, `statefulset/queue`, or `pod/debug` where it belongs to nothing."""
        if self.deployment is not None:
            return self.deployment
        kind, name = _controller(self.metadata) or ("Pod", self.name)
        return f"{kind[:40].lower()}/{name}"


def _controller(metadata: Meta) -> tuple[str, str] | None:
    return next(((owner.kind, owner.name) for owner in metadata.owner_references if owner.controller), None)


async def running_pods(cluster: Cluster) -> tuple[Pod, ...]:
    """The namespace's pods that have neither run to their end nor are being deleted; raises CouldNotObserve."""
    return tuple(pod for pod in await cluster.listed(Pod, _CORE, "pods") if not (pod.finished or pod.terminating))


def by_workload(pods: Sequence[Pod]) -> str:
    """What pods belong to, in few words: `orders (3 pods), pod/debug`."""
    counts: dict[str, int] = {}
    for pod in pods:
        counts[pod.workload] = counts.get(pod.workload, 0) + 1
    shown = [f"{name} ({count} pods)" if count > 1 else name for name, count in sorted(counts.items())]
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")  # noqa: PLR2004 - few words
