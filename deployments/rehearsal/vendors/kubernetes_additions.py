"""What there may be in Vatic's cluster that should not be there, each by a name that says what is so."""

from collections.abc import Mapping

from pydantic import JsonValue

from deployments.rehearsal.vendors.kubernetes import Manifest, put
from deployments.rehearsal.vendors.kubernetes_manifests import NAMESPACE, budget, metadata, owned_by, pod
from deployments.rehearsal.vendors.kubernetes_mesh import destination_rule, peer_authentication
from deployments.rehearsal.vendors.kubernetes_openings import OPENINGS
from deployments.rehearsal.vendors.kubernetes_platform import NODES, binding, policy, role, volume_and_claim


def _without_proxy() -> Manifest:
    made = pod("audit-log", "audit-log-9", NODES[0], owned_by("StatefulSet", "audit-log"))
    put(made, "spec/initContainers", [])
    return made


def _rule_for_all() -> Manifest:
    """A second rule for the same host, older than the first, which hashes and ejects nothing."""
    made = destination_rule("orders", {"consistentHash": {"useSourceIp": True}})
    put(made, "metadata/name", "at-first")
    put(made, "metadata/creationTimestamp", "2024-01-01T00:00:00Z")
    return made


_EVERYBODY: list[JsonValue] = [{}]
_ANYWHERE: list[JsonValue] = [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}}]}]
_ACCOUNTS: Manifest = {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:serviceaccounts:vatic"}
_ACCOUNT: Manifest = {"kind": "ServiceAccount", "name": "risk", "namespace": NAMESPACE}
_AS_A_USER: Manifest = {"kind": "User", "name": "system:serviceaccount:vatic:risk"}
_ANYBODY: Manifest = {"kind": "Group", "name": "system:unauthenticated"}
_PLAIN: Manifest = {"selector": {"matchLabels": {"app": "notifications"}}}

ADDED: Mapping[str, tuple[Manifest, ...]] = {
    "pod_by_hand": (pod("debug", "debug", NODES[0], None),),
    "second_budget": (budget("orders-too", 3, {"maxUnavailable": 1}, {"matchLabels": {"version": "2.4.0"}}, 1),),
    **OPENINGS,
    "out_to_everybody": (policy("let-all-out", {}, ["Egress"], egress=_ANYWHERE),),
    "open_to_everybody": (policy("let-all-in", {}, ["Ingress"], ingress=_EVERYBODY),),
    "one_open_to_everybody": (
        policy("let-all-in", {"matchLabels": {"app": "orders"}}, ["Ingress"], ingress=_EVERYBODY),
    ),
    "class_of_old": (
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": metadata("gp2", ""),
            "provisioner": "kubernetes.io/aws-ebs",
            "parameters": {"type": "gp2", "fsType": "ext4"},
            "reclaimPolicy": "Delete",
        },
    ),
    "volume_of_a_third": tuple(volume_and_claim("data-audit-log-2", "pvc-never-made")[:1]),
    "cluster_admin_in_the_namespace": (
        binding("helm", NAMESPACE, ("ClusterRole", "cluster-admin"), {"kind": "User", "name": "deployer"}),
    ),
    "cluster_admin_everywhere": (binding("risk-admin", "", ("ClusterRole", "cluster-admin"), _ACCOUNT),),
    "cluster_admin_for_an_account_as_user": (binding("risk-admin", "", ("ClusterRole", "cluster-admin"), _AS_A_USER),),
    "cluster_admin_for_anybody": (binding("anybody", "", ("ClusterRole", "cluster-admin"), _ANYBODY),),
    "accounts_of_the_namespace_may_all": (
        role("everything", "", [{"apiGroups": ["", "apps"], "resources": ["pods", "*"], "verbs": ["get", "*"]}]),
        binding("accounts", "", ("ClusterRole", "everything"), _ACCOUNTS),
    ),
    "pod_of_old": (_without_proxy(),),
    "rule_for_all": (_rule_for_all(),),
    "workload_permissive": (peer_authentication("old", NAMESPACE, {**_PLAIN, "mtls": {"mode": "PERMISSIVE"}}),),
    "port_in_clear": (
        peer_authentication("metrics", NAMESPACE, {**_PLAIN, "portLevelMtls": {"9090": {"mode": "DISABLE"}}}),
    ),
}
