"""Pod disruption budgets: whom they protect, and whether they let a node be drained at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.kubernetes_api import Cluster
from tasks.kubernetes_parts import Count, CountOrShare, Part, Selector, Thing, of_whole
from tasks.kubernetes_pods import Pod, running_pods


class BudgetSpec(Part):
    """What must be left. Of the two at most one is set; without either nothing may be disrupted.

    A selector that is not there selects nothing, and an empty one everything in the namespace.
    """

    selector: Selector | None = None
    min_available: CountOrShare | None = None
    max_unavailable: CountOrShare | None = None


class BudgetStatus(Part):
    """What the disruption controller makes of it now."""

    disruptions_allowed: Count = 0
    expected_pods: Count = 0
    observed_generation: int = 0


class Budget(Thing):
    """A PodDisruptionBudget."""

    spec: BudgetSpec
    status: BudgetStatus = BudgetStatus()

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether a pod with these labels is among those it protects."""
        return self.spec.selector is not None and self.spec.selector.selects(labels)

    def expected(self, pods: Sequence[Pod]) -> int:
        """How many pods it counts on: as the controller says, or, before it has looked, those that there are.

        Of a budget that demands nothing the controller counts none, and yet lets none go.
        """
        demands = self.spec.min_available is not None or self.spec.max_unavailable is not None
        if demands and self.metadata.generation and self.status.observed_generation >= self.metadata.generation:
            return self.status.expected_pods
        return sum(1 for pod in pods if self.selects(pod.metadata.labels))

    def spares(self, expected: int) -> int:
        """How many of so many healthy pods may be taken at a time.

        Source: https://kubernetes.io/docs/tasks/run-application/configure-pdb/, which rounds percentages up.
        """
        if self.spec.max_unavailable is not None:
            return min(of_whole(self.spec.max_unavailable, expected), expected)
        least = 0 if self.spec.min_available is None else of_whole(self.spec.min_available, expected)
        return 0 if self.spec.min_available is None else max(expected - least, 0)

    @property
    def says(self) -> str:
        """What it demands, in words."""
        if self.spec.max_unavailable is not None:
            return f"maxUnavailable {self.spec.max_unavailable}"
        return "nothing" if self.spec.min_available is None else f"minAvailable {self.spec.min_available}"


@dataclass(frozen=True)
class Budgets:
    """The namespace's budgets, and its pods."""

    budgets: Sequence[Budget]
    pods: Sequence[Pod]

    def protect(self, labels: Mapping[str, str], replicas: int) -> bool:
        """Whether any budget that stays selects pods with these labels, and keeps some of so many replicas."""
        guards = [one for one in self.budgets if one.selects(labels) and not one.terminating]
        return any(one.spares(replicas) < replicas for one in guards)

    def blocking(self) -> Mapping[str, str]:
        """Budget → why no pod of it can ever be evicted while all of them are well.

        Two budgets over the same pod block it too, since the eviction API refuses a pod that has more than one.
        """
        found = {}
        for budget in self.budgets:
            expected = budget.expected(self.pods)
            if expected and not budget.spares(expected):
                found[budget.name] = f"{budget.says} of {expected} pods leaves none to evict"
            elif rivals := self._rivals(budget):
                found[budget.name] = f"its pods are also under {', '.join(rivals[:3])}, and then none can be evicted"
        return found

    def refusing(self) -> Mapping[str, str]:
        """Budget → that it allows no eviction at this moment, for whatever reason."""
        counted = [budget for budget in self.budgets if budget.expected(self.pods)]
        return {one.name: "allows no disruption now" for one in counted if one.status.disruptions_allowed == 0}

    def _rivals(self, budget: Budget) -> list[str]:
        own = [pod.metadata.labels for pod in self.pods if budget.selects(pod.metadata.labels)]
        others = [one for one in self.budgets if one.name != budget.name]
        return sorted(one.name for one in others if any(one.selects(labels) for labels in own))


async def budgets(cluster: Cluster) -> Budgets:
    """Reads them; raises CouldNotObserve."""
    found = await cluster.listed(Budget, "/apis/policy/v1", "poddisruptionbudgets")
    return Budgets(found, await running_pods(cluster))
