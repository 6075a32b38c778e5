"""What breaks the lines of Vatic's chapter on infrastructure."""

from collections.abc import Mapping

from bench.proofs.proof import Fault
from bench.worlds.prometheus import VOLUMES, PrometheusWorld
from bench.worlds.world import World

_FILLING = "KubePersistentVolumeFillingUp"


def prepare(worlds: Mapping[str, World]) -> None:
    """The fullest volume has room."""
    prometheus = worlds["prometheus"]
    assert isinstance(prometheus, PrometheusWorld)
    prometheus.prometheus.register(VOLUMES, "0.62")


BROKEN: Mapping[str, tuple[Fault, ...]] = {
    "vatic/6-infrastructure/kubernetes/1": (
        ("aws-cluster", "cluster_gone"),
        ("aws-cluster", "cluster_failed"),
        ("aws-cluster", "nodes_wanted", "2"),
        ("aws-cluster", "node_group_with_an_issue"),
        ("kubernetes", "changed", "node_silent"),
        ("kubernetes", "changed", "node_cordoned"),
        ("kubernetes", "changed", "node_short_of_disk"),
        ("kubernetes", "gone", "node_gone"),
    ),
    "vatic/6-infrastructure/kubernetes/2": (
        ("kubernetes", "changed", "no_limits"),
        ("kubernetes", "changed", "sidecar_without_limits"),
        ("kubernetes", "changed", "init_container_without_memory_limit"),
        ("kubernetes", "changed", "no_requests"),
        ("kubernetes", "no_pods"),
    ),
    "vatic/6-infrastructure/kubernetes/3": (
        ("kubernetes", "gone", "autoscaler_gone"),
        ("kubernetes", "changed", "autoscaler_pinned"),
        ("kubernetes", "changed", "autoscaler_aimed_elsewhere"),
        ("kubernetes", "changed", "metrics_unread"),
        ("kubernetes", "changed", "autoscaler_at_its_most"),
        ("kubernetes", "no_deployments"),
    ),
    "vatic/6-infrastructure/kubernetes/4": (
        ("kubernetes", "gone", "budget_gone"),
        ("kubernetes", "changed", "budget_for_others"),
        ("kubernetes", "changed", "everything_may_be_unavailable"),
        ("kubernetes", "changed", "nothing_may_be_unavailable"),
        ("kubernetes", "changed", "all_must_be_available"),
        ("kubernetes", "added", "second_budget"),
        ("kubernetes", "no_deployments"),
    ),
    "vatic/6-infrastructure/kubernetes/5": (
        ("kubernetes", "gone", "deny_gone"),
        ("kubernetes", "changed", "deny_opens_something"),
        ("kubernetes", "changed", "deny_for_some"),
        ("kubernetes", "changed", "deny_of_egress_only"),
        ("kubernetes", "added", "open_to_everybody"),
        ("kubernetes", "added", "one_open_to_everybody"),
        ("kubernetes", "added", "open_to_any_address"),
        ("kubernetes", "added", "open_to_all_namespaces"),
        ("kubernetes", "added", "open_on_all_ports"),
        ("kubernetes", "changed", "in_the_nodes_network"),
        ("kubernetes", "no_pods"),
    ),
    "vatic/6-infrastructure/networking/1": (
        ("aws-network", "balancer_gone"),
        ("aws-network", "balancer_failed"),
        ("aws-network", "target_unhealthy"),
        ("aws-network", "group_emptied"),
        ("aws-network", "zones_left", "1"),
        ("aws-network", "https_lost"),
    ),
    "vatic/6-infrastructure/networking/2": (
        ("istio", "changed", "no_proxy"),
        ("istio", "added", "pod_of_old"),
        ("istio", "changed", "permissive"),
        ("istio", "inherited", "PERMISSIVE"),
        ("istio", "added", "workload_permissive"),
        ("istio", "rule_says", "orders", "trafficPolicy/outlierDetection", "null"),
        ("istio", "rule_says", "orders", "trafficPolicy/outlierDetection/consecutive5xxErrors", "0"),
    ),
    "vatic/6-infrastructure/networking/3": (
        ("kubernetes", "gone", "deny_gone"),
        ("kubernetes", "added", "open_to_both_halves"),
        ("kubernetes", "changed", "enforcement_switched_off"),
        ("kubernetes", "changed", "enforcement_not_everywhere"),
        *(
            ("artifacts", "test_is", "tests/smoke.xml", "test_network_policies_refuse_what_is_not_allowed", end)
            for end in ("failure", "skipped", "gone")
        ),
        ("artifacts", "tests_ran", "tests/smoke.xml", "169"),
    ),
    "vatic/6-infrastructure/networking/4": (
        ("aws-network", "not_subscribed"),
        ("aws-network", "nothing_protected"),
        ("aws-network", "rate_only_counts"),
        ("aws-network", "acl_gone"),
        ("aws-network", "nothing_behind"),
    ),
    "vatic/6-infrastructure/networking/5": (
        ("aws-network", "acl_gone"),
        ("aws-network", "group_only_counts"),
        ("aws-network", "rule_of_group_set_to", "Count"),
        ("aws-network", "rule_of_group_excluded"),
        ("aws-network", "rate_only_counts"),
        ("aws-network", "nothing_behind"),
    ),
    "vatic/6-infrastructure/storage/1": (
        ("kubernetes", "changed", "claim_pending"),
        ("kubernetes", "changed", "claim_lost"),
        ("kubernetes", "gone", "volume_gone"),
        ("kubernetes", "changed", "volume_deleted_with_its_claim"),
        ("kubernetes", "no_claims"),
    ),
    "vatic/6-infrastructure/storage/2": (
        ("kubernetes", "gone", "class_gone"),
        ("kubernetes", "changed", "no_default_class"),
        ("kubernetes", "changed", "class_that_cannot_grow"),
        ("kubernetes", "added", "class_of_old"),
    ),
    "vatic/6-infrastructure/storage/3": (
        *(("prometheus", "metric_gone", metric) for metric in VOLUMES.split(" / ")),
        ("prometheus", "query_gives", VOLUMES, "0.099"),
        ("prometheus", "rule_gone", _FILLING),
        ("prometheus", "rule_fails", _FILLING),
        ("prometheus", "rule_blind", _FILLING),
    ),
    "vatic/6-infrastructure/storage/4": (
        ("aws-data", "plan_gone"),
        ("aws-data", "kept_for", "29"),
        ("aws-data", "nothing_selected"),
        ("aws-data", "backups_stopped", "26"),
        ("aws-data", "backups_of_one_stopped", "504"),
        ("aws-data", "backups_fail"),
    ),
    "vatic/6-infrastructure/monitoring-infrastructure/1": (
        ("prometheus", "keeps", "14d"),
        ("prometheus", "keeps", "30d"),
        ("prometheus", "keeps", "7d or 10GiB"),
    ),
    "vatic/6-infrastructure/monitoring-infrastructure/2": (
        ("grafana", "database_fails"),
        ("aws-storage", "stopped", "grafana/", "25.5"),
        ("aws-storage", "one_missing", "grafana/"),
        ("aws-storage", "newest_in_clear", "grafana/"),
        ("aws-storage", "nothing_stored"),
    ),
}
