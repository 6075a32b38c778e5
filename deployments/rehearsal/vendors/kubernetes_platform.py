"""Vatic's cluster as it should be: nodes in three zones, its services, what guards them and where their data is."""

from pydantic import JsonValue

from deployments.rehearsal.vendors.kubernetes import KubernetesFake, Manifest
from deployments.rehearsal.vendors.kubernetes_manifests import (
    NAMESPACE,
    a_condition,
    autoscaler,
    budget,
    deployment,
    metadata,
    owned_by,
    pod,
    pods_of,
)

SERVICES = {"orders": 3, "market-data": 3, "risk": 2, "withdrawals": 2, "notifications": 2, "auth": 2}
"""Service → its replicas."""

_ZONES = ("eu-central-1a", "eu-central-1b", "eu-central-1c")
_RBAC = "rbac.authorization.k8s.io"
NODES = tuple(f"ip-10-20-{number}-17.eu-central-1.compute.internal" for number in range(1, 4))


def platform(token: str) -> KubernetesFake:
    """The cluster, healthy, in pages of seven objects."""
    cluster = KubernetesFake(token=token, page=7)
    cluster.add(*(node(name, zone) for name, zone in zip(NODES, _ZONES, strict=True)))
    for service, replicas in SERVICES.items():
        cluster.add(deployment(service, replicas), autoscaler(service, replicas, 10), service_of(service))
        cluster.add(*pods_of(service, replicas, list(NODES)), *access(service))
    cluster.add(*budgets(), *network(), enforcer(), *storage(), *roles())
    owner = owned_by("StatefulSet", "audit-log")
    cluster.add(*(pod("audit-log", f"audit-log-{number}", NODES[number], owner) for number in range(2)))
    cluster.add(
        pod("reconcile", "reconcile-29384710-x2x9k", NODES[0], owned_by("Job", "reconcile-29384710"), "Succeeded")
    )
    return cluster


def node(name: str, zone: str) -> Manifest:
    """A node that takes pods and is short of nothing."""
    where: Manifest = {"topology.kubernetes.io/zone": zone, "topology.kubernetes.io/region": zone[:-1]}
    pressures: list[JsonValue] = [
        a_condition(f"{kind}Pressure", "False", f"KubeletHasNo{kind}Pressure") for kind in ("Memory", "Disk", "PID")
    ]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata(name, "", labels={"kubernetes.io/hostname": name, **where}),
        "spec": {"providerID": f"aws:///{zone}/i-0a1b2c3d4e5f60718"},
        "status": {
            "capacity": {"cpu": "8", "memory": "32329136Ki", "pods": "58"},
            "allocatable": {"cpu": "7910m", "memory": "31312304Ki", "pods": "58"},
            "conditions": [*pressures, a_condition("Ready", "True", "KubeletReady")],
        },
    }


def service_of(name: str) -> Manifest:
    """The Service in front of a deployment."""
    port: Manifest = {"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}
    spec: Manifest = {"type": "ClusterIP", "selector": {"app": name}, "ports": [port], "clusterIP": "172.20.10.1"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata(name), "spec": spec}


def budgets() -> list[Manifest]:
    """One for each service, by each way of saying whom it is for and what must be left."""
    found = [
        budget(service, replicas, {"maxUnavailable": 1}, {"matchLabels": {"app": service}}, 1)
        for service, replicas in SERVICES.items()
    ]
    by_expression: Manifest = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["market-data"]}]}
    found.append(budget("market-data", 3, {"minAvailable": "60%"}, by_expression, 1))
    excluded = sorted((set(SERVICES) | {"audit-log", "reconcile"}) - {"risk"})
    by_exclusion: Manifest = {
        "matchExpressions": [
            {"key": "app", "operator": "NotIn", "values": [*excluded]},
            {"key": "tier", "operator": "Exists"},
            {"key": "canary", "operator": "DoesNotExist"},
        ]
    }
    found.append(budget("risk", 2, {"minAvailable": 1}, by_exclusion, 1))
    return found


def policy(name: str, selector: Manifest, types: list[JsonValue], **rules: JsonValue) -> Manifest:
    """A NetworkPolicy."""
    spec: Manifest = {"podSelector": selector, "policyTypes": types, **rules}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata(name), "spec": spec}


def network() -> list[Manifest]:
    """Everything is closed, and what is needed is opened."""
    mesh: Manifest = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}}
    names: Manifest = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    asked: Manifest = {"from": [mesh], "ports": [{"port": 8080, "protocol": "TCP"}]}
    return [
        policy("default-deny", {}, ["Ingress", "Egress"]),
        policy("from-own-namespace", {"matchLabels": {"tier": "service"}}, ["Ingress"], ingress=[asked]),
        policy("to-dns", {}, ["Egress"], egress=[{"to": [names], "ports": [{"port": 53, "protocol": "UDP"}]}]),
    ]


def enforcer() -> Manifest:
    """Amazon's network plugin on every node, with its policy agent switched on."""
    containers: list[JsonValue] = [
        {"name": "aws-node", "image": "amazon-k8s-cni:v1.20.3"},
        {
            "name": "aws-eks-nodeagent",
            "image": "aws-network-policy-agent:v1.2.7",
            "args": ["--enable-ipv6=false", "--enable-network-policy=true", "--metrics-bind-addr=:8162"],
        },
    ]
    labels: Manifest = {"k8s-app": "aws-node"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": metadata("aws-node", "kube-system", generation=2),
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers, "hostNetwork": True}},
        },
        "status": {
            "currentNumberScheduled": 3,
            "desiredNumberScheduled": 3,
            "numberReady": 3,
            "numberMisscheduled": 0,
            "observedGeneration": 2,
        },
    }


def storage() -> list[Manifest]:
    """One class, the default, and the volumes that the audit log claims from it."""
    default: Manifest = {"storageclass.kubernetes.io/is-default-class": "true"}
    encrypted: Manifest = {"type": "gp3", "encrypted": "true", "kmsKeyId": "alias/vatic-volumes"}
    found: list[Manifest] = [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": metadata("gp3", "", annotations=default),
            "provisioner": "ebs.csi.aws.com",
            "parameters": encrypted,
            "reclaimPolicy": "Retain",
            "allowVolumeExpansion": True,
            "volumeBindingMode": "WaitForFirstConsumer",
        }
    ]
    for number in range(2):
        claim, volume = f"data-audit-log-{number}", f"pvc-3f0c55c2-0000-4000-8000-00000000000{number}"
        found += volume_and_claim(claim, volume)
    return found


def volume_and_claim(claim: str, volume: str) -> list[Manifest]:
    """A claim, and the volume that it is bound to."""
    shape: Manifest = {"accessModes": ["ReadWriteOnce"], "storageClassName": "gp3", "volumeMode": "Filesystem"}
    whose: Manifest = {"kind": "PersistentVolumeClaim", "namespace": NAMESPACE, "name": claim}
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": metadata(claim, labels={"app": "audit-log"}),
            "spec": {**shape, "resources": {"requests": {"storage": "100Gi"}}, "volumeName": volume},
            "status": {"phase": "Bound", "capacity": {"storage": "100Gi"}},
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": metadata(volume, ""),
            "spec": {
                **shape,
                "capacity": {"storage": "100Gi"},
                "claimRef": whose,
                "csi": {"driver": "ebs.csi.aws.com", "fsType": "ext4", "volumeHandle": "vol-0f1e2d3c4b5a69788"},
                "persistentVolumeReclaimPolicy": "Retain",
            },
            "status": {"phase": "Bound"},
        },
    ]


def role(name: str, namespace: str, rules: list[JsonValue]) -> Manifest:
    """A Role, or without a namespace a ClusterRole."""
    kind = "Role" if namespace else "ClusterRole"
    return {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": metadata(name, namespace), "rules": rules}


def binding(name: str, namespace: str, bound: tuple[str, str], subject: Manifest) -> Manifest:
    """A RoleBinding, or without a namespace a ClusterRoleBinding, of a role (its kind and name) to a subject."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata(name, namespace),
        "roleRef": {"apiGroup": _RBAC, "kind": bound[0], "name": bound[1]},
        "subjects": [subject],
    }


def access(service: str) -> list[Manifest]:
    """What a service may read: its own settings."""
    rule: Manifest = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [service], "verbs": ["get"]}
    account: Manifest = {"kind": "ServiceAccount", "name": service, "namespace": NAMESPACE}
    return [role(service, NAMESPACE, [rule]), binding(service, NAMESPACE, ("Role", service), account)]


def roles() -> list[Manifest]:
    """What people and the cluster itself may do."""
    seen: Manifest = {"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["get", "list", "watch"]}
    everything: Manifest = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    people: Manifest = {"kind": "Group", "apiGroup": _RBAC, "name": "vatic-engineers"}
    masters: Manifest = {"kind": "Group", "apiGroup": _RBAC, "name": "system:masters"}
    return [
        role("view", "", [seen]),
        role("cluster-admin", "", [everything]),
        binding("engineers", NAMESPACE, ("ClusterRole", "view"), people),
        binding("cluster-admin", "", ("ClusterRole", "cluster-admin"), masters),
    ]
