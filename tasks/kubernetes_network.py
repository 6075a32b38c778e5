"""Network policies: what is closed unless one opens it, whom they cover, and whether anything enforces them."""

from collections.abc import Sequence
from typing import Literal

from tasks.kubernetes_api import Cluster
from tasks.kubernetes_deployments import APPS
from tasks.kubernetes_parts import Count, Part, Selector, Thing
from tasks.kubernetes_peers import Rule, wide_open
from tasks.kubernetes_pods import Pod, Template

# DaemonSets that enforce policies wherever they run, by the names that their own manifests give them.
_ENFORCERS = frozenset({"calico-node", "canal", "cilium", "antrea-agent", "kube-router", "weave-net", "anetd"})
_SWITCHED_ON = "--enable-network-policy=true"  # Amazon's VPC CNI enforces them only so
_WHERE = ("kube-system", "calico-system")


class PolicySpec(Part):
    """Whom a policy is for, and what it lets through."""

    pod_selector: Selector = Selector()
    policy_types: Sequence[Literal["Ingress", "Egress"]] | None = None
    ingress: Sequence[Rule] = ()
    egress: Sequence[Rule] = ()


class Policy(Thing):
    """A NetworkPolicy."""

    spec: PolicySpec = PolicySpec()

    def covers(self, direction: str) -> bool:
        """Whether it closes what it does not open; where it names no types, Ingress always counts.

        Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/#networkpolicy-resource.
        """
        if self.spec.policy_types is not None:
            return direction in self.spec.policy_types
        return direction == "Ingress" or bool(self.spec.egress)

    def rules(self, direction: str) -> Sequence[Rule]:
        """What it opens."""
        return self.spec.ingress if direction == "Ingress" else self.spec.egress

    def denies_all(self, direction: str) -> bool:
        """Whether it closes every pod of the namespace and opens nothing; one that is being deleted soon does not."""
        closes = self.spec.pod_selector.empty and self.covers(direction) and not self.rules(direction)
        return closes and not self.terminating


def denied(policies: Sequence[Policy], direction: str, pods: Sequence[Pod] = ()) -> bool:
    """Whether what no policy opens is closed for all pods; policies add up, so those that open everything undo it.

    They do where they are for all pods, and where each of the pods that there are is selected by such ones.
    """
    rules = [
        rule
        for one in policies
        if one.spec.pod_selector.empty and one.covers(direction)
        for rule in one.rules(direction)
    ]
    undone = wide_open(rules) or (bool(pods) and len(opened(policies, pods, direction)) == len(pods))
    return any(one.denies_all(direction) for one in policies) and not undone


def uncovered(policies: Sequence[Policy], pods: Sequence[Pod]) -> tuple[Pod, ...]:
    """The pods that no policy guards from outside; one in its node's own network is out of every policy's reach."""
    guards = [one.spec.pod_selector for one in policies if one.covers("Ingress") and not one.terminating]
    return tuple(
        pod for pod in pods if pod.spec.host_network or not any(one.selects(pod.metadata.labels) for one in guards)
    )


def opened(policies: Sequence[Policy], pods: Sequence[Pod], direction: str = "Ingress") -> tuple[Pod, ...]:
    """The pods for which policies, taken together, open every port to everybody."""
    doors = [one for one in policies if one.covers(direction) and one.rules(direction)]
    known: dict[tuple[str, ...], bool] = {}

    def is_open(pod: Pod) -> bool:
        own = [one for one in doors if one.spec.pod_selector.selects(pod.metadata.labels)]
        names = tuple(one.name for one in own)
        if names not in known:
            known[names] = wide_open([rule for one in own for rule in one.rules(direction)])
        return known[names]

    return tuple(pod for pod in pods if is_open(pod))


def idle(policies: Sequence[Policy], pods: Sequence[Pod]) -> tuple[str, ...]:
    """The names of policies that select no pod."""
    return tuple(
        one.name for one in policies if not any(one.spec.pod_selector.selects(p.metadata.labels) for p in pods)
    )


async def policies_of(cluster: Cluster) -> tuple[Policy, ...]:
    """The namespace's policies; raises CouldNotObserve."""
    return await cluster.listed(Policy, "/apis/networking.k8s.io/v1", "networkpolicies")


class _DaemonSetSpec(Part):
    template: Template


class _DaemonSetStatus(Part):
    desired_number_scheduled: Count = 0
    number_ready: Count = 0


class _DaemonSet(Thing):
    spec: _DaemonSetSpec
    status: _DaemonSetStatus = _DaemonSetStatus()

    @property
    def enforces(self) -> bool:
        containers = self.spec.template.spec.containers
        return self.name in _ENFORCERS or any(_SWITCHED_ON in (*one.command, *one.args) for one in containers)

    @property
    def everywhere(self) -> bool:
        return not self.terminating and 0 < self.status.desired_number_scheduled <= self.status.number_ready


async def enforced(cluster: Cluster) -> bool:
    """Whether something that enforces policies is ready on every node that it is meant for; raises CouldNotObserve."""
    for namespace in _WHERE:
        found = await cluster.listed_in(namespace, _DaemonSet, APPS, "daemonsets")
        if any(one.enforces and one.everywhere for one in found):
            return True
    return False
