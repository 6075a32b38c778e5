"""Deployments: those asked about, and what is wrong with each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tasks.kubernetes_api import Cluster
from tasks.kubernetes_parts import Condition, Count, Name, Part, Selector, Thing, condition
from tasks.kubernetes_pods import Pod, PodSpec, Template

APPS = "/apis/apps/v1"
Asked = Literal["all"] | Annotated[tuple[Name, ...], Field(min_length=1)]
"""Which deployments: all of the namespace, or those named."""


class DeploymentSpec(Part):
    """What a deployment is to be."""

    replicas: Count = 1
    paused: bool = False
    selector: Selector
    template: Template


class DeploymentStatus(Part):
    """What it is."""

    observed_generation: int = 0
    updated_replicas: Count = 0
    available_replicas: Count = 0
    conditions: Sequence[Condition] = ()


class Deployment(Thing):
    """A deployment."""

    spec: DeploymentSpec
    status: DeploymentStatus = DeploymentStatus()

    def unavailable(self) -> str:
        """Why it does not serve wholly as it was last written down; "" where it does."""
        wanted, status = self.spec.replicas, self.status
        if self.terminating:
            return "being deleted"
        if self.spec.paused:
            return "paused, so that no change of it is rolled out"
        if wanted == 0:
            return "scaled to 0"
        if status.observed_generation < self.metadata.generation:
            return "its last change is not yet taken up"
        if status.updated_replicas < wanted:
            return f"{status.updated_replicas} of {wanted} replicas are of its latest version"
        if status.available_replicas < wanted:
            return f"{status.available_replicas} of {wanted} replicas are available"
        available = condition(status.conditions, "Available")
        return "" if available.status == "True" else str(available)

    def ungraceful(self, period: float) -> str:
        """Why requests under way are cut off when a pod ends; "" where they are not."""
        spec = self.spec.template.spec
        grace = spec.termination_grace_period_seconds
        hooks = [one.lifecycle.pre_stop for one in spec.containers if one.lifecycle.pre_stop]
        if grace == 0:
            return "its grace period is 0 s"
        if waits := [hook.waits for hook in hooks if hook.waits >= grace]:
            return f"its preStop hook sleeps {max(waits)} s of a grace period of {grace} s"
        return "" if hooks or grace >= period else f"no preStop hook, and a grace period of {grace} s"

    def unprobed(self) -> str:
        """Which probes its containers lack; "" where each has both."""
        spec: PodSpec = self.spec.template.spec
        lacking = [f"{one.name} has no readiness probe" for one in spec.containers if one.readiness_probe is None]
        lacking += [f"{one.name} has no liveness probe" for one in spec.containers if one.liveness_probe is None]
        return ", ".join(lacking[:4])

    def together(self) -> str:
        """Why its pods may all land on one node; "" where a rule keeps them apart."""
        rules = list(self.spec.template.spec.apart)
        if not rules:
            return "nothing spreads its pods"
        own = self.spec.template.metadata.labels
        if any(rule is not None and rule.selects(own) for rule in rules):
            return ""
        return "what spreads pods does not select its own"


@dataclass(frozen=True)
class Chosen:
    """The deployments asked about.

    Attributes:
        found: by name.
        missing: the names of those asked for that do not exist.
    """

    found: Mapping[str, Deployment]
    missing: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, in order."""
        return tuple(sorted((*self.found, *self.missing)))


def ready_pods(of: Deployment, pods: Sequence[Pod]) -> tuple[Pod, ...]:
    """Its pods that take requests, the oldest first; the controller's count of them may be of a moment ago."""
    mine = [one for one in pods if one.deployment == of.name and one.ready]
    return tuple(sorted(mine, key=lambda one: (one.metadata.creation_timestamp, one.name)))


def short_of(of: Deployment, pods: Sequence[Pod]) -> str:
    """Why not all of the replicas that are wanted are ready; "" where they are."""
    ready = len(ready_pods(of, pods))
    return of.unavailable() or (f"{ready} of {of.spec.replicas} pods are ready" if ready < of.spec.replicas else "")


async def chosen(cluster: Cluster, asked: Asked) -> Chosen:
    """The deployments of the namespace that are asked about; raises CouldNotObserve."""
    there = {one.name: one for one in await cluster.listed(Deployment, APPS, "deployments")}
    if asked == "all":
        return Chosen(there, ())
    return Chosen(
        {name: one for name, one in there.items() if name in asked},
        tuple(sorted(set(asked) - set(there))),
    )
