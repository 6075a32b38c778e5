"""Whole manifests, as an API server gives them back: deployments with their pods, and what guards and scales them."""

from datetime import UTC, datetime
from typing import Literal
from zlib import crc32

from pydantic import JsonValue

from deployments.rehearsal.vendors.kubernetes import Manifest

NAMESPACE = "vatic"
CREATED = datetime(2026, 9, 1, 8, 30, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
_HASH = "7c9d8f6b54"


def metadata(name: str, namespace: str = NAMESPACE, **more: JsonValue) -> Manifest:
    """An object's metadata; `namespace` "" for what belongs to none."""
    place: Manifest = {"namespace": namespace} if namespace else {}
    return {
        "name": name,
        **place,
        "uid": _uid(f"{namespace}/{name}"),
        "resourceVersion": "918200",
        "creationTimestamp": CREATED,
        **more,
    }


def _uid(of: str) -> str:
    return f"6f1c1f0a-0000-4000-8000-{crc32(of.encode()):012d}"


def a_condition(kind: str, status: str, reason: str = "") -> Manifest:
    """One condition."""
    since: Manifest = {"lastTransitionTime": CREATED, "message": ""}
    return {"type": kind, "status": status, "reason": reason or kind, **since}


def resources(cpu: str, memory: str) -> Manifest:
    """Requests and limits of a container."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": "1", "memory": memory}}


def probe(path: str, seconds: int) -> Manifest:
    """An HTTP probe."""
    seen: Manifest = {"timeoutSeconds": 2, "successThreshold": 1, "failureThreshold": 3}
    return {"httpGet": {"path": path, "port": 8080, "scheme": "HTTP"}, "periodSeconds": seconds, **seen}


def container(name: str) -> Manifest:
    """A service's own container."""
    return {
        "name": name,
        "image": f"registry.vatic.example/{name}:2.4.0",
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": f"{name}-database", "key": "url"}}}],
        "resources": resources("250m", "512Mi"),
        "readinessProbe": probe("/ready", 5),
        "livenessProbe": probe("/health", 10),
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", "sleep 15"]}}},
        "terminationMessagePath": "/dev/termination-log",
    }


def template(service: str) -> Manifest:
    """What a deployment makes its pods from."""
    own: Manifest = {"matchLabels": {"app": service}}
    return {
        "metadata": {"labels": {"app": service, "version": "2.4.0", "tier": "service"}},
        "spec": {
            "containers": [container(service)],
            "serviceAccountName": service,
            "terminationGracePeriodSeconds": 45,
            "restartPolicy": "Always",
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "topology.kubernetes.io/zone",
                    "whenUnsatisfiable": "DoNotSchedule",
                    "labelSelector": own,
                }
            ],
        },
    }


def deployment(service: str, replicas: int) -> Manifest:
    """A deployment whose last change is rolled out."""
    counts: Manifest = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(service, labels={"app": service}, generation=4),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": service}},
            "template": template(service),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
        },
        "status": {
            "observedGeneration": 4,
            **counts,
            "conditions": [
                a_condition("Available", "True", "MinimumReplicasAvailable"),
                a_condition("Progressing", "True", "NewReplicaSetAvailable"),
            ],
        },
    }


def sidecar() -> Manifest:
    """Istio's proxy, as its webhook puts it beside a service: an init container that stays."""
    return {
        "name": "istio-proxy",
        "image": "docker.io/istio/proxyv2:1.27.1",
        "args": ["proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.cluster.local"],
        "restartPolicy": "Always",
        "resources": resources("100m", "128Mi"),
        "startupProbe": probe("/healthz/ready", 1),
    }


def first(name: str) -> Manifest:
    """A container that runs to its end before the others begin."""
    return {"name": name, "image": "docker.io/istio/proxyv2:1.27.1", "resources": resources("10m", "64Mi")}


def container_status(name: str, restarts: int = 0) -> Manifest:
    """How a container fares that runs well."""
    return {
        "name": name,
        "ready": True,
        "started": True,
        "restartCount": restarts,
        "image": f"registry.vatic.example/{name}:2.4.0",
        "imageID": f"registry.vatic.example/{name}@sha256:{'0' * 64}",
        "state": {"running": {"startedAt": CREATED}},
        "lastState": {},
    }


def owned_by(kind: str, name: str) -> Manifest:
    """The reference to what made an object."""
    group = "batch/v1" if kind == "Job" else "apps/v1"
    known: Manifest = {"uid": _uid(f"{kind}/{name}"), "controller": True, "blockOwnerDeletion": True}
    return {"apiVersion": group, "kind": kind, "name": name, **known}


def pod(
    app: str,
    name: str,
    node: str,
    owner: Manifest | None,
    phase: Literal["Running", "Pending", "Succeeded", "Failed"] = "Running",
) -> Manifest:
    """A pod in the mesh; without an owner, one that somebody made by hand."""
    labels: Manifest = {"app": app, "version": "2.4.0", "tier": "service"}
    references: list[JsonValue] = [owner] if owner else []
    hashed: Manifest = {"pod-template-hash": _HASH} if owner and owner["kind"] == "ReplicaSet" else {}
    spread: Manifest = {"nodeName": node, "serviceAccountName": app, "terminationGracePeriodSeconds": 45}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(
            name,
            labels={**labels, **hashed},
            annotations={"sidecar.istio.io/status": "{}"},
            ownerReferences=references,
        ),
        "spec": {"initContainers": [first("istio-init"), sidecar()], "containers": [container(app)], **spread},
        "status": {
            "phase": phase,
            "conditions": [a_condition(kind, "True") for kind in ("PodScheduled", "Initialized", "Ready")],
            "containerStatuses": [container_status(app)],
            "initContainerStatuses": [container_status("istio-init"), container_status("istio-proxy")],
            "qosClass": "Burstable",
            "startTime": CREATED,
        },
    }


def pods_of(service: str, replicas: int, nodes: list[str]) -> list[Manifest]:
    """The pods that a deployment's ReplicaSet made, spread over nodes."""
    owner = owned_by("ReplicaSet", f"{service}-{_HASH}")
    names = [f"{service}-{_HASH}-{number:05d}" for number in range(replicas)]
    return [pod(service, name, nodes[number % len(nodes)], owner) for number, name in enumerate(names)]


def autoscaler(service: str, least: int, most: int) -> Manifest:
    """An autoscaler that reads its metrics, with something left."""
    usage: Manifest = {"averageUtilization": 41, "averageValue": "102m"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(service),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": service},
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
                }
            ],
        },
        "status": {
            "currentReplicas": least,
            "desiredReplicas": least,
            "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": usage}}],
            "conditions": [
                a_condition("AbleToScale", "True", "ReadyForNewScale"),
                a_condition("ScalingActive", "True", "ValidMetricFound"),
                a_condition("ScalingLimited", "False", "DesiredWithinRange"),
            ],
        },
    }


def budget(service: str, replicas: int, demand: Manifest, selector: Manifest, allowed: int) -> Manifest:
    """A disruption budget, as the controller has counted it."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(service, generation=1),
        "spec": {"selector": selector, **demand},
        "status": {
            "observedGeneration": 1,
            "currentHealthy": replicas,
            "desiredHealthy": replicas - allowed,
            "expectedPods": replicas,
            "disruptionsAllowed": allowed,
            "conditions": [a_condition("DisruptionAllowed", "True", "SufficientPods")],
        },
    }
