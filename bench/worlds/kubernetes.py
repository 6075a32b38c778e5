"""Vatic's cluster, by a stand-in for its API server: nodes, deployments, and what limits, scales, guards and stores."""

from collections.abc import Iterator
from typing import ClassVar

from bench.worlds.cluster_world import ClusterWorld
from bench.worlds.world import Case, fault
from deployments.rehearsal.vendors.kubernetes import KubernetesFake
from deployments.rehearsal.vendors.kubernetes_openings import OPENINGS

_BUILT = {"available": "= all", "probed": "= all", "graceful": "= all", "spread": "= all", "replicas": ">= 2"}
_OPENED = (("added", "one_open_to_everybody"), *(("added", name) for name in OPENINGS))


def _changed(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple(("changed", name) for name in names)


class KubernetesWorld(ClusterWorld):
    """A cluster of three nodes and six services, always read in pages of seven objects."""

    system: ClassVar[str] = "kubernetes"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "kubernetes.nodes",
            expect={"ready": "= all", "zones": ">= 3"},
            broken_by=(*_changed("node_silent", "node_cordoned", "one_zone"), ("gone", "node_gone")),
        ),
        Case("kubernetes.nodes", expect={"ready": ">= 3"}, broken_by=(*_changed("node_cordoned"), "no_nodes")),
        Case("kubernetes.nodes", expect={"pressure": "= 0"}, broken_by=_changed("node_short_of_disk")),
        Case(
            "kubernetes.limits",
            expect={"limited": "= all"},
            broken_by=(
                *_changed("no_limits", "limit_of_0", "sidecar_without_limits", "init_container_without_memory_limit"),
                "no_pods",
            ),
        ),
        Case("kubernetes.limits", expect={"requested": "= all"}, broken_by=(*_changed("no_requests"), "no_pods")),
        Case("kubernetes.limits", expect={"pods": ">= 16"}, broken_by=("no_pods",)),
        Case(
            "kubernetes.autoscalers",
            expect={"scaled": "= all"},
            broken_by=(
                *_changed("autoscaler_pinned", "autoscaler_aimed_elsewhere", "autoscaler_aimed_at_another_kind"),
                *_changed("autoscaler_ending"),
                ("gone", "autoscaler_gone"),
                "no_deployments",
            ),
        ),
        Case(
            "kubernetes.autoscalers",
            {"deployments": ["orders", "market-data"]},
            {"scaled": "= all", "able": "= all", "stuck": "= 0"},
            (*_changed("metrics_unread", "autoscaler_never_looked_at", "autoscaler_at_its_most"), "no_deployments"),
        ),
        Case(
            "kubernetes.autoscalers",
            expect={"able": "= all"},
            broken_by=(*_changed("metrics_unread"), "no_autoscalers"),
        ),
        Case(
            "kubernetes.disruption_budgets",
            expect={"covered": "= all"},
            broken_by=(
                *_changed("budget_for_others", "budget_for_nobody", "everything_may_be_unavailable", "budget_ending"),
                ("gone", "budget_gone"),
                "no_deployments",
            ),
        ),
        Case(
            "kubernetes.disruption_budgets",
            {"deployments": ["orders", "risk"]},
            {"covered": "= all", "blocking": "= 0"},
            (
                *_changed("nothing_may_be_unavailable", "no_share_may_be_unavailable", "all_must_be_available"),
                *_changed("most_rounds_up_to_all", "budget_over_others_too"),
                ("added", "second_budget"),
                ("gone", "deployment_gone"),
            ),
        ),
        Case("kubernetes.disruption_budgets", expect={"refusing": "= 0"}, broken_by=_changed("no_disruption_now")),
        Case(
            "kubernetes.network_policies",
            expect={"default_deny": "= yes"},
            broken_by=(
                ("gone", "deny_gone"),
                *_changed("deny_opens_something", "deny_for_some", "deny_of_egress_only", "deny_ending"),
                ("added", "open_to_everybody"),
                *(("added", name) for name in OPENINGS),
            ),
        ),
        Case(
            "kubernetes.network_policies",
            expect={"egress_deny": "= yes"},
            broken_by=(*_changed("deny_of_ingress_only"), ("added", "out_to_everybody")),
        ),
        Case(
            "kubernetes.network_policies",
            expect={"covered": "= all", "policies": ">= 3"},
            broken_by=(*_changed("no_policy_covers_all", "in_the_nodes_network"), ("gone", "deny_gone"), "no_pods"),
        ),
        Case("kubernetes.network_policies", expect={"open": "= 0"}, broken_by=_OPENED),
        Case("kubernetes.network_policies", expect={"idle": "= 0"}, broken_by=_changed("policy_for_nobody")),
        Case(
            "kubernetes.network_policies",
            expect={"enforced": "= yes"},
            broken_by=_changed("enforcement_switched_off", "enforcement_not_everywhere", "enforcement_ending"),
        ),
        Case(
            "kubernetes.storage",
            expect={"classes": ">= 1", "default": "= gp3", "encrypted": "= all", "expandable": "= all"},
            broken_by=(
                *_changed("no_default_class", "class_in_clear", "class_that_cannot_grow"),
                ("gone", "class_gone"),
                ("added", "class_of_old"),
            ),
        ),
        Case(
            "kubernetes.storage",
            {"classes": ["gp3"]},
            {"classes": "= all", "encrypted": "= all"},
            (*_changed("class_in_clear"), ("gone", "class_gone")),
        ),
        Case(
            "kubernetes.storage",
            expect={"volumes": "= all"},
            broken_by=(*_changed("claim_pending", "claim_lost", "claim_ending"), "no_claims"),
        ),
        Case(
            "kubernetes.storage",
            expect={"volumes": ">= 2", "retained": "= all"},
            broken_by=(
                *_changed("volume_deleted_with_its_claim", "claim_pending", "volume_ending"),
                ("gone", "volume_gone"),
                ("added", "volume_of_a_third"),
                "no_claims",
            ),
        ),
        Case(
            "kubernetes.workloads",
            {"deployments": "all"},
            _BUILT,
            (
                *_changed(
                    "replica_unavailable", "rollout_stuck", "change_not_taken_up", "not_available", "scaled_to_0"
                ),
                *_changed("paused", "deployment_ending"),
                *_changed("no_readiness_probe", "no_liveness_probe", "no_grace", "short_grace", "grace_slept_away"),
                *_changed("nothing_spreads", "spread_of_others"),
                "no_deployments",
            ),
        ),
        Case(
            "kubernetes.workloads",
            {"deployments": ["orders", "risk"]},
            {"available": "= all", "restarts": "= 0", "stuck": "= 0", "nodes": ">= 2"},
            (
                *_changed("restarted", "sidecar_restarted", "crash_loop", "image_missing", "all_on_one_node"),
                *_changed("one_of_two_ending"),
                ("gone", "deployment_gone"),
            ),
        ),
        Case("kubernetes.workloads", expect={"replicas": ">= 2"}, broken_by=_changed("replica_unavailable")),
        Case("kubernetes.workloads", expect={"bare": "= 0"}, broken_by=(("added", "pod_by_hand"),)),
        Case(
            "kubernetes.rbac",
            expect={"wildcards": "= 0", "service_accounts": "= all"},
            broken_by=(
                *_changed("role_of_everything", "default_account", "no_account", "account_of_another"),
                *_changed("role_of_all_verbs", "role_of_all_verbs_by_rules", "role_that_may_escalate"),
                *_changed("role_that_may_bind", "role_that_may_bind_roles"),
                *_changed("role_that_may_impersonate", "role_that_may_impersonate_users"),
                ("added", "cluster_admin_for_an_account_as_user"),
                ("added", "cluster_admin_for_anybody"),
                ("added", "cluster_admin_in_the_namespace"),
                ("added", "cluster_admin_everywhere"),
                ("added", "accounts_of_the_namespace_may_all"),
                "no_deployments",
            ),
        ),
    )

    def furnish(self, cluster: KubernetesFake) -> None:
        """Nothing more."""

    @fault
    def no_nodes(self) -> Iterator[None]:
        """No node has joined."""
        yield from self._without("nodes")

    @fault
    def no_pods(self) -> Iterator[None]:
        """The namespace is empty, as is one that does not exist."""
        yield from self._without("pods")

    @fault
    def no_deployments(self) -> Iterator[None]:
        """The namespace has no deployments, as one that does not exist."""
        yield from self._without("deployments")

    @fault
    def no_autoscalers(self) -> Iterator[None]:
        """Nothing scales anything."""
        yield from self._without("horizontalpodautoscalers")

    @fault
    def no_claims(self) -> Iterator[None]:
        """The namespace claims no volumes."""
        yield from self._without("persistentvolumeclaims")

    def _without(self, plural: str) -> Iterator[None]:
        with self._cluster.restored():
            for where in [one for one in self._cluster.objects if one.endswith(f"/{plural}")]:
                del self._cluster.objects[where]
            yield
