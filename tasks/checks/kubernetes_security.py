"""Kubernetes: who may reach the pods of the namespace, and what they may do."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from tasks.check import Check
from tasks.estate import Estate
from tasks.kubernetes_api import Cluster
from tasks.kubernetes_deployments import Deployment, chosen
from tasks.kubernetes_network import Policy, denied, enforced, idle, opened, policies_of, uncovered
from tasks.kubernetes_pods import by_workload, running_pods
from tasks.kubernetes_rbac import wildcards
from tasks.kubernetes_shortfalls import Shortfalls, none_of
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation


class NetworkPolicies(Check, frozen=True):
    """Whether pods are closed unless a policy opens them, and how many are covered by one.

    `default_deny` is `yes` where a policy selects every pod, has the type Ingress and opens nothing, and no others open
    everything to everybody again, for all pods or for each that there is; `egress_deny` is the same for Egress.
    Everybody is also every namespace, or all but some, and half of all addresses of IPv4 or IPv6; every port is also
    half of a protocol's. `covered` counts the pods that a policy of type Ingress selects; one in its node's network
    (`hostNetwork`) is out of every policy's reach. `open` counts the pods for which policies, taken together, open
    every port to everybody, `idle` the policies that select no pod. `enforced` is `yes` where
    something that enforces policies (Calico, Cilium, Antrea, the Amazon VPC CNI with its policy agent switched on, …)
    is ready on every node that it is meant for; it is looked for only where it is expected, in kube-system and
    calico-system.
    """

    kind: Literal["kubernetes.network_policies"] = "kubernetes.network_policies"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "default_deny": "word",
        "egress_deny": "word",
        "covered": "",
        "open": "",
        "idle": "",
        "policies": "",
        "enforced": "word",
    }

    async def look(self, estate: Estate) -> Observation:
        """Lists policies and pods; raises NotConfigured, CouldNotObserve."""
        cluster = Cluster.of(estate)
        policies = await policies_of(cluster)
        pods = await running_pods(cluster)
        bare, wide, unused = uncovered(policies, pods), opened(policies, pods), idle(policies, pods)
        ingress, egress = (denied(policies, direction, pods) for direction in ("Ingress", "Egress"))
        found = [
            Measurement(name="default_deny", word=_yes(ingress)),
            Measurement(name="egress_deny", word=_yes(egress)),
            Measurement.number("covered", len(pods) - len(bare), of=len(pods)),
            Measurement.number("policies", len(policies)),
        ]
        if pods:
            found.append(Measurement.number("open", len(wide)))
        if policies:
            found.append(Measurement.number("idle", len(unused)))
        wrong = Shortfalls()
        wrong.add("default_deny", [] if ingress else [_undenied(policies, "Ingress")])
        wrong.add("egress_deny", [] if egress else [_undenied(policies, "Egress")])
        wrong.add("covered", [f"no policy covers {by_workload(bare)}"] if bare else none_of("pods", pods))
        wrong.add("open", [f"everybody may reach {by_workload(wide)} on every port"] if wide else [])
        wrong.add("idle", [f"policy {name} selects no pod" for name in unused])
        if "enforced" in self.expect:
            enforcing = await enforced(cluster)
            found.append(Measurement(name="enforced", word=_yes(enforcing)))
            wrong.add("enforced", [] if enforcing else ["nothing known to enforce policies is ready on every node"])
        return Observation(
            found=tuple(found),
            where=cluster.where,
            details=wrong.details(f"policy {one.name}" for one in policies),
            because=wrong.because(self.expect),
        )


class Rbac(Check, frozen=True):
    """How many roles that allow everything are bound, and how many deployments have a service account of their own.

    `wildcards` counts roles bound in the namespace, to whomever, or in the whole cluster to the namespace's service
    accounts, to which every verb is allowed on every resource (`resources: ["*"]`), be it by `*` or spelled out, in one
    rule or several: creating, changing and deleting are enough. So are `escalate` and `bind` on roles, and
    `impersonate` on users or groups, by which one takes the rest. It is not measured where the namespace has no
    deployments. `service_accounts` counts the deployments that run neither as the account `default` nor as one that
    another deployment runs as.
    """

    kind: Literal["kubernetes.rbac"] = "kubernetes.rbac"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"wildcards": "", "service_accounts": ""}

    async def look(self, estate: Estate) -> Observation:
        """Lists bindings and deployments, and reads the roles bound; raises NotConfigured, CouldNotObserve."""
        cluster = Cluster.of(estate)
        deployments = (await chosen(cluster, "all")).found
        bound = await wildcards(cluster)
        shared = _not_its_own(deployments)
        found = [
            Measurement.number("service_accounts", len(deployments) - len(shared), of=len(deployments)),
        ]
        if deployments:
            found.append(Measurement.number("wildcards", len(bound)))
        wrong = Shortfalls()
        wrong.add(
            "wildcards", [f"{role} allows everything, by {', '.join(by[:3])}" for role, by in sorted(bound.items())]
        )
        wrong.add("service_accounts", shared)
        wrong.add("service_accounts", none_of("deployments", tuple(deployments)))
        return Observation(
            found=tuple(found), where=cluster.where, details=wrong.details(), because=wrong.because(self.expect)
        )


def _not_its_own(deployments: Mapping[str, Deployment]) -> list[str]:
    """A line for each deployment that shares its service account with others."""
    accounts = {name: one.spec.template.spec.service_account_name or "default" for name, one in deployments.items()}
    lines = []
    for name, account in sorted(accounts.items()):
        others = sorted(other for other, theirs in accounts.items() if theirs == account and other != name)
        if account == "default":
            lines.append(f"{name} runs as the account default")
        elif others:
            lines.append(f"{name} runs as the account {account}, as does {', '.join(others[:3])}")
    return lines


def _undenied(policies: Sequence[Policy], direction: str) -> str:
    what = "pods" if direction == "Ingress" else "way out"
    if any(one.denies_all(direction) for one in policies):
        return f"what one policy closes, others open again: the namespace's {what} to everybody on every port"
    return f"no policy closes the namespace's {what} by default"


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"
