"""What can be wrong in Vatic's cluster, each by a name that says what is so: values changed, objects gone or added."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from deployments.rehearsal.vendors.kubernetes import KubernetesFake, Manifest, put, text
from deployments.rehearsal.vendors.kubernetes_additions import ADDED
from deployments.rehearsal.vendors.kubernetes_manifests import NAMESPACE, a_condition, pods_of
from deployments.rehearsal.vendors.kubernetes_platform import NODES

_OWN = f"namespaces/{NAMESPACE}"
_NODES = "/api/v1/nodes"
_PODS = f"/api/v1/{_OWN}/pods"
_CLAIMS = f"/api/v1/{_OWN}/persistentvolumeclaims"
_VOLUMES = "/api/v1/persistentvolumes"
_DEPLOYMENTS = f"/apis/apps/v1/{_OWN}/deployments"
_AGENTS = "/apis/apps/v1/namespaces/kube-system/daemonsets"
_SCALERS = f"/apis/autoscaling/v2/{_OWN}/horizontalpodautoscalers"
_BUDGETS = f"/apis/policy/v1/{_OWN}/poddisruptionbudgets"
_POLICIES = f"/apis/networking.k8s.io/v1/{_OWN}/networkpolicies"
_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
_ROLES = f"/apis/rbac.authorization.k8s.io/v1/{_OWN}/roles"
_PEERS = f"/apis/security.istio.io/v1/{_OWN}/peerauthentications"
_RULES = f"/apis/networking.istio.io/v1/{_OWN}/destinationrules"
_VIRTUAL = f"/apis/networking.istio.io/v1/{_OWN}/virtualservices"
_POD = "orders-7c9d8f6b54-00000"
_VOLUME = "pvc-3f0c55c2-0000-4000-8000-000000000001"
_SPEC = "spec/template/spec"


@dataclass(frozen=True)
class Change:
    """One value that is otherwise: in which list and object, where inside it, and what stands there instead.

    None takes away what stands there.
    """

    where: str
    name: str
    pointer: str
    value: JsonValue


def _container(of: str, value: JsonValue) -> tuple[Change, ...]:
    return (Change(_DEPLOYMENTS, "risk", f"{_SPEC}/containers/0/{of}", value),)


def _deployment(pointer: str, value: JsonValue) -> tuple[Change, ...]:
    return (Change(_DEPLOYMENTS, "risk", pointer, value),)


def _node(pointer: str, value: JsonValue) -> tuple[Change, ...]:
    return (Change(_NODES, NODES[0], pointer, value),)


def _pod(pointer: str, value: JsonValue) -> tuple[Change, ...]:
    return (Change(_PODS, _POD, pointer, value),)


def _scaler(pointer: str, value: JsonValue) -> tuple[Change, ...]:
    return (Change(_SCALERS, "orders", pointer, value),)


def _budget(spec: Manifest, desired: int) -> tuple[Change, ...]:
    selector: Manifest = {"selector": {"matchLabels": {"app": "orders"}}}
    status: Manifest = {"observedGeneration": 1, "currentHealthy": 3, "expectedPods": 3}
    counted: Manifest = {"desiredHealthy": desired, "disruptionsAllowed": max(3 - desired, 0)}
    return (
        Change(_BUDGETS, "orders", "spec", {**selector, **spec}),
        Change(_BUDGETS, "orders", "status", {**status, **counted}),
    )


def _together() -> tuple[Change, ...]:
    return tuple(
        Change(_PODS, text(one, "metadata/name"), "spec/nodeName", NODES[0]) for one in pods_of("risk", 2, [""])
    )


_UNREAD: list[JsonValue] = [
    a_condition("AbleToScale", "True", "SucceededGetScale"),
    a_condition("ScalingActive", "False", "FailedGetResourceMetric"),
]
_POLICY = "spec/trafficPolicy"
_ENDING = "metadata/deletionTimestamp"
_SOON = "2026-11-01T08:00:00Z"


def _rules(*rules: Manifest) -> tuple[Change, ...]:
    return (Change(_ROLES, "risk", "rules", [*rules]),)


def _may(*verbs: str, on: str = "*", group: str = "*") -> Manifest:
    return {"apiGroups": [group], "resources": [on], "verbs": [*verbs]}


CHANGED: Mapping[str, tuple[Change, ...]] = {
    # nodes
    "node_silent": _node("status/conditions/3/status", "Unknown"),
    "node_cordoned": _node("spec/unschedulable", True),
    "node_short_of_disk": _node("status/conditions/1/status", "True"),
    "one_zone": tuple(
        Change(_NODES, name, "metadata/labels/topology.kubernetes.io~1zone", "eu-central-1a") for name in NODES
    ),
    # what containers may take
    "no_limits": _pod("spec/containers/0/resources/limits", None),
    "limit_of_0": _pod("spec/containers/0/resources/limits/cpu", "0"),
    "sidecar_without_limits": _pod("spec/initContainers/1/resources", {"requests": {"cpu": "100m", "memory": "64Mi"}}),
    "init_container_without_memory_limit": _pod("spec/initContainers/0/resources/limits/memory", None),
    "no_requests": _pod("spec/containers/0/resources/requests", {}),
    # what scales
    "autoscaler_pinned": _scaler("spec/maxReplicas", 3),
    "metrics_unread": _scaler("status/conditions", _UNREAD),
    "autoscaler_never_looked_at": _scaler("status", {}),
    "autoscaler_aimed_elsewhere": _scaler("spec/scaleTargetRef/name", "order"),
    "autoscaler_aimed_at_another_kind": _scaler("spec/scaleTargetRef/kind", "StatefulSet"),
    "autoscaler_ending": _scaler(_ENDING, _SOON),
    "autoscaler_at_its_most": _scaler("status/currentReplicas", 10),
    # what protects from drains
    "nothing_may_be_unavailable": _budget({"maxUnavailable": 0}, 3),
    "no_share_may_be_unavailable": _budget({"maxUnavailable": "0%"}, 3),
    "all_must_be_available": _budget({"minAvailable": 3}, 3),
    "most_rounds_up_to_all": _budget({"minAvailable": "70%"}, 3),
    "everything_may_be_unavailable": _budget({"maxUnavailable": "100%"}, 0),
    "budget_for_others": (Change(_BUDGETS, "orders", "spec/selector/matchLabels/app", "order"),),
    "budget_for_nobody": (Change(_BUDGETS, "orders", "spec/selector", None),),
    "budget_over_others_too": (Change(_BUDGETS, "orders", "spec/selector", {}),),
    "budget_ending": (Change(_BUDGETS, "orders", _ENDING, _SOON),),
    "no_disruption_now": (Change(_BUDGETS, "orders", "status/disruptionsAllowed", 0),),
    # who may reach whom
    "deny_opens_something": (Change(_POLICIES, "default-deny", "spec/ingress", [{"from": [{"podSelector": {}}]}]),),
    "deny_for_some": (Change(_POLICIES, "default-deny", "spec/podSelector", {"matchLabels": {"app": "orders"}}),),
    "deny_of_egress_only": (Change(_POLICIES, "default-deny", "spec/policyTypes", ["Egress"]),),
    "deny_of_ingress_only": (Change(_POLICIES, "default-deny", "spec/policyTypes", ["Ingress"]),),
    "deny_ending": (Change(_POLICIES, "default-deny", _ENDING, _SOON),),
    "no_policy_covers_all": (
        Change(_POLICIES, "default-deny", "spec/podSelector", {"matchLabels": {"tier": "batch"}}),
        Change(_POLICIES, "from-own-namespace", "spec/podSelector", {"matchLabels": {"app": "orders"}}),
    ),
    "policy_for_nobody": (Change(_POLICIES, "from-own-namespace", "spec/podSelector/matchLabels/tier", "services"),),
    "in_the_nodes_network": _pod("spec/hostNetwork", True),
    "enforcement_switched_off": (
        Change(_AGENTS, "aws-node", f"{_SPEC}/containers/1/args/1", "--enable-network-policy=false"),
    ),
    "enforcement_ending": (Change(_AGENTS, "aws-node", _ENDING, _SOON),),
    "enforcement_not_everywhere": (Change(_AGENTS, "aws-node", "status/numberReady", 2),),
    # where data is
    "no_default_class": (Change(_CLASSES, "gp3", "metadata/annotations", {}),),
    "class_in_clear": (Change(_CLASSES, "gp3", "parameters/encrypted", None),),
    "class_that_cannot_grow": (Change(_CLASSES, "gp3", "allowVolumeExpansion", False),),
    "claim_pending": (Change(_CLAIMS, "data-audit-log-1", "status/phase", "Pending"),),
    "claim_ending": (Change(_CLAIMS, "data-audit-log-1", _ENDING, _SOON),),
    "volume_ending": (Change(_VOLUMES, _VOLUME, _ENDING, _SOON),),
    "claim_lost": (Change(_CLAIMS, "data-audit-log-1", "status/phase", "Lost"),),
    "volume_deleted_with_its_claim": (Change(_VOLUMES, _VOLUME, "spec/persistentVolumeReclaimPolicy", "Delete"),),
    # whether deployments serve
    "replica_unavailable": _deployment("status/availableReplicas", 1),
    "rollout_stuck": _deployment("status/updatedReplicas", 1),
    "change_not_taken_up": _deployment("metadata/generation", 5),
    "not_available": _deployment("status/conditions/0/status", "False"),
    "scaled_to_0": (*_deployment("spec/replicas", 0), *_deployment("status", {"observedGeneration": 4})),
    "paused": _deployment("spec/paused", True),
    "deployment_ending": _deployment(_ENDING, _SOON),
    "no_readiness_probe": _container("readinessProbe", None),
    "no_liveness_probe": _container("livenessProbe", None),
    "no_grace": _deployment(f"{_SPEC}/terminationGracePeriodSeconds", 0),
    "short_grace": (*_container("lifecycle", {}), *_deployment(f"{_SPEC}/terminationGracePeriodSeconds", 10)),
    "grace_slept_away": _container("lifecycle/preStop", {"sleep": {"seconds": 45}}),
    "nothing_spreads": _deployment(f"{_SPEC}/topologySpreadConstraints", []),
    "spread_of_others": _deployment(
        f"{_SPEC}/topologySpreadConstraints/0/labelSelector", {"matchLabels": {"app.kubernetes.io/name": "risk"}}
    ),
    "all_on_one_node": _together(),
    "one_of_two_ending": (Change(_PODS, text(pods_of("risk", 2, [""])[1], "metadata/name"), _ENDING, _SOON),),
    "restarted": _pod("status/containerStatuses/0/restartCount", 4),
    "sidecar_restarted": _pod("status/initContainerStatuses/1/restartCount", 2),
    "crash_loop": _pod("status/containerStatuses/0/state", {"waiting": {"reason": "CrashLoopBackOff"}}),
    "image_missing": _pod("status/containerStatuses/0/state", {"waiting": {"reason": "ImagePullBackOff"}}),
    # who may do what
    "role_of_everything": _rules(_may("*")),
    "role_of_all_verbs": _rules(
        _may("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
    ),
    "role_of_all_verbs_by_rules": _rules(_may("get", "create"), _may("patch", "delete")),
    "role_that_may_escalate": _rules(_may("escalate")),
    "role_that_may_bind": _rules(_may("bind")),
    "role_that_may_bind_roles": _rules(_may("bind", on="clusterroles", group="rbac.authorization.k8s.io")),
    "role_that_may_impersonate": _rules(_may("impersonate")),
    "role_that_may_impersonate_users": _rules(_may("impersonate", on="users", group="")),
    "account_of_another": _deployment(f"{_SPEC}/serviceAccountName", "orders"),
    "default_account": _deployment(f"{_SPEC}/serviceAccountName", "default"),
    "no_account": _deployment(f"{_SPEC}/serviceAccountName", None),
    # mutual TLS
    "permissive": (Change(_PEERS, "default", "spec/mtls/mode", "PERMISSIVE"),),
    "disabled": (Change(_PEERS, "default", "spec/mtls/mode", "DISABLE"),),
    "tls_off_for_a_client": (Change(_RULES, "orders", f"{_POLICY}/tls/mode", "DISABLE"),),
    "tls_off_for_a_port": (
        Change(
            _RULES, "orders", f"{_POLICY}/portLevelSettings", [{"port": {"number": 80}, "tls": {"mode": "DISABLE"}}]
        ),
    ),
    "tls_off_for_a_subset": (Change(_RULES, "orders", "spec/subsets/0/trafficPolicy/tls", {"mode": "DISABLE"}),),
    "port_past_the_proxy": _pod("metadata/annotations", {"traffic.sidecar.istio.io/excludeInboundPorts": "8080"}),
    "ports_not_taken_in": _pod("metadata/annotations", {"traffic.sidecar.istio.io/includeInboundPorts": ""}),
    "no_proxy": _pod("spec/initContainers", []),
    "proxy_that_ends": _pod("spec/initContainers/1/restartPolicy", None),
    # how requests are treated
    "not_hashed": (Change(_RULES, "market-data", f"{_POLICY}/loadBalancer", {"simple": "ROUND_ROBIN"}),),
    "subset_not_hashed": (
        Change(_RULES, "market-data", "spec/subsets/0/trafficPolicy/loadBalancer", {"simple": "RANDOM"}),
    ),
    "no_outlier_detection": (Change(_RULES, "market-data", f"{_POLICY}/outlierDetection", None),),
    "outlier_detection_of_0": (Change(_RULES, "market-data", f"{_POLICY}/outlierDetection/consecutive5xxErrors", 0),),
    "port_without_policy": (Change(_RULES, "market-data", f"{_POLICY}/portLevelSettings", [{"port": {"number": 80}}]),),
    "no_pool": (Change(_RULES, "market-data", f"{_POLICY}/connectionPool", None),),
    "rule_for_a_short_name": (Change(_RULES, "market-data", "spec/host", "market-data.vatic"),),
    "rule_for_some_clients": (
        Change(_RULES, "market-data", "spec/workloadSelector", {"matchLabels": {"app": "orders"}}),
    ),
    "routes_of_another_host": (Change(_VIRTUAL, "market-data", "spec/hosts", ["quotes"]),),
    "routes_of_a_gateway": (Change(_VIRTUAL, "market-data", "spec/gateways", ["istio-ingress/public"]),),
    "routes_matched_at_a_gateway": (
        Change(_VIRTUAL, "market-data", "spec/http/0/match/0/gateways", ["istio-ingress/public"]),
    ),
    "no_timeout": (Change(_VIRTUAL, "market-data", "spec/http/0/timeout", None),),
    "timeout_of_0": (Change(_VIRTUAL, "market-data", "spec/http/0/timeout", "0s"),),
    "long_timeout": (Change(_VIRTUAL, "orders", "spec/http/1/timeout", "1m30s"),),
    "no_retries": (Change(_VIRTUAL, "market-data", "spec/http/0/retries", {"attempts": 0}),),
    "many_retries": (Change(_VIRTUAL, "orders", "spec/http/1/retries/attempts", 10),),
}

GONE: Mapping[str, tuple[str, str]] = {
    "node_gone": (_NODES, NODES[2]),
    "deployment_gone": (_DEPLOYMENTS, "risk"),
    "autoscaler_gone": (_SCALERS, "orders"),
    "budget_gone": (_BUDGETS, "orders"),
    "deny_gone": (_POLICIES, "default-deny"),
    "class_gone": (_CLASSES, "gp3"),
    "volume_gone": (_VOLUMES, _VOLUME),
    "rule_gone": (_RULES, "market-data"),
    "routes_gone": (_VIRTUAL, "market-data"),
    "service_gone": (f"/api/v1/{_OWN}/services", "market-data"),
}


def change(cluster: KubernetesFake, name: str) -> None:
    """Changes what is called so; raises KeyError."""
    for one in CHANGED[name]:
        put(cluster.objects[one.where][one.name], one.pointer, one.value)


def remove(cluster: KubernetesFake, name: str) -> None:
    """Takes away what is called so; raises KeyError."""
    where, gone = GONE[name]
    del cluster.objects[where][gone]


def add(cluster: KubernetesFake, name: str) -> None:
    """Adds what is called so; raises KeyError."""
    cluster.add(*ADDED[name])
