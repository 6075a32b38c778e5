"""Kubernetes: whether deployments grow with the load, and survive the loss of a node."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from tasks.check import Check
from tasks.estate import Estate
from tasks.kubernetes_api import Cluster
from tasks.kubernetes_autoscalers import Autoscaler, autoscalers
from tasks.kubernetes_budgets import budgets
from tasks.kubernetes_deployments import Asked, Chosen, chosen
from tasks.kubernetes_shortfalls import Shortfalls, none_of
from tasks.kubernetes_workloads import several
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation


class Autoscalers(Check, frozen=True):
    """How many deployments are scaled by load, and whether what scales them can.

    `scaled` counts deployments that an autoscaler is aimed at whose most is more than its least. `able` counts, of the
    autoscalers, those that may scale and can read their metrics (AbleToScale and ScalingActive). `stuck` counts
    autoscalers at their most: more load finds nothing left.

    Attributes:
        deployments: `all` of the namespace, or a list of names. With `all`, an autoscaler that is aimed at no
            deployment that exists counts among those that should be able; with names, only theirs do.
    """

    kind: Literal["kubernetes.autoscalers"] = "kubernetes.autoscalers"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"scaled": "", "able": "", "stuck": ""}

    deployments: Asked = "all"

    async def look(self, estate: Estate) -> Observation:
        """Lists deployments and autoscalers; raises NotConfigured, CouldNotObserve."""
        cluster = Cluster.of(estate)
        which = await chosen(cluster, self.deployments)
        every = [one for one in await autoscalers(cluster) if one.deployment is not None]
        own = [one for one in every if self.deployments == "all" or one.deployment in which.names]
        scaled = {one.deployment for one in own if one.scales} & set(which.found)
        aimed = {one.deployment for one in own}
        wrong = Shortfalls()
        wrong.add("scaled", _missing(which))
        wrong.add("scaled", [f"{name}: no autoscaler is aimed at it" for name in sorted(set(which.found) - aimed)])
        wrong.add("scaled", [f"{one.name}: {_unscaling(one)}" for one in own if not one.scales])
        wrong.add("able", [f"{one.name}: {one.unable}" for one in own if one.unable] or none_of("autoscalers", own))
        wrong.add("stuck", [f"{one.name}: at its most, {one.spec.max_replicas}" for one in own if one.stuck])
        found = [
            Measurement.number("scaled", len(scaled), of=len(which.names)),
            Measurement.number("able", sum(1 for one in own if not one.unable), of=len(own)),
        ]
        if own:
            found.append(Measurement.number("stuck", sum(1 for one in own if one.stuck)))
        return Observation(
            found=tuple(found), where=cluster.where, details=wrong.details(), because=wrong.because(self.expect)
        )


class DisruptionBudgets(Check, frozen=True):
    """How many deployments are protected when nodes are drained, and whether nodes can be drained at all.

    `covered` counts, of the deployments with more than one replica, those whose pods a budget selects that does not let
    all of them go at once. `blocking` counts budgets that never let a pod go, even while all are well: `maxUnavailable:
    0`, `minAvailable` of all replicas (percentages are rounded up), or two budgets over the same pod. `refusing` counts
    those that let no pod go at this moment, also where that is because some are not well.

    Attributes:
        deployments: `all` of the namespace, or a list of names; budgets are always looked at all.
    """

    kind: Literal["kubernetes.disruption_budgets"] = "kubernetes.disruption_budgets"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"covered": "", "blocking": "", "refusing": ""}

    deployments: Asked = "all"

    async def look(self, estate: Estate) -> Observation:
        """Lists deployments, budgets and pods; raises NotConfigured, CouldNotObserve."""
        cluster = Cluster.of(estate)
        which = await chosen(cluster, self.deployments)
        seen = await budgets(cluster)
        wide = several(which)
        covered = [
            name for name, one in wide.items() if seen.protect(one.spec.template.metadata.labels, one.spec.replicas)
        ]
        blocking, refusing = seen.blocking(), seen.refusing()
        wrong = Shortfalls()
        wrong.add("covered", _missing(which))
        wrong.add("covered", [f"{name}: no budget protects it" for name in sorted(set(wide) - set(covered))])
        wrong.add("blocking", [f"{name}: {why}" for name, why in sorted(blocking.items())])
        wrong.add("refusing", [f"{name}: {why}" for name, why in sorted(refusing.items())])
        found = [Measurement.number("covered", len(covered), of=len(wide) + len(which.missing))]
        if seen.budgets:
            found += [
                Measurement.number("blocking", len(blocking)),
                Measurement.number("refusing", len(refusing)),
            ]
        return Observation(
            found=tuple(found), where=cluster.where, details=wrong.details(), because=wrong.because(self.expect)
        )


def _unscaling(one: Autoscaler) -> str:
    return "being deleted" if one.terminating else "its most is not more than its least"


def _missing(which: Chosen) -> list[str]:
    return [f"{name}: there is no such deployment" for name in which.missing] or none_of("deployments", which.names)
