"""Horizontal pod autoscalers: which deployments they scale, whether they can, and whether they are at their most."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from tasks.kubernetes_api import Cluster
from tasks.kubernetes_parts import Condition, Count, Name, Part, Thing, condition

_NEEDS = ("AbleToScale", "ScalingActive")  # both must be True: it may scale, and it can read its metrics


class Target(Part):
    """What is scaled."""

    kind: str
    name: Name


class AutoscalerSpec(Part):
    """How far it may scale."""

    scale_target_ref: Target
    min_replicas: Count = 1
    max_replicas: Annotated[int, Field(ge=1, le=2**31 - 1)]


class AutoscalerStatus(Part):
    """What it does; a new one that no controller has looked at yet says nothing."""

    current_replicas: Count = 0
    desired_replicas: Count = 0
    conditions: Sequence[Condition] = ()


class Autoscaler(Thing):
    """A HorizontalPodAutoscaler; others, such as KEDA's, make one of these."""

    spec: AutoscalerSpec
    status: AutoscalerStatus = AutoscalerStatus()

    @property
    def deployment(self) -> str | None:
        """The deployment that it is aimed at; None where it is aimed at something else."""
        target = self.spec.scale_target_ref
        return target.name if target.kind == "Deployment" else None

    @property
    def scales(self) -> bool:
        """Whether it stays, and there is anything between its least and its most."""
        return not self.terminating and self.spec.max_replicas > self.spec.min_replicas

    @property
    def unable(self) -> str:
        """Why it cannot scale; "" where it can."""
        conditions = [condition(self.status.conditions, kind) for kind in _NEEDS]
        return ", ".join(str(one) for one in conditions if one.status != "True")

    @property
    def stuck(self) -> bool:
        """Whether it is at its most, so that more load finds nothing left."""
        return max(self.status.current_replicas, self.status.desired_replicas) >= self.spec.max_replicas


async def autoscalers(cluster: Cluster) -> tuple[Autoscaler, ...]:
    """The namespace's autoscalers; raises CouldNotObserve."""
    return await cluster.listed(Autoscaler, "/apis/autoscaling/v2", "horizontalpodautoscalers")
