"""Pods: what they belong to, how their containers stay, and what a hook waits for."""

import pytest
from pydantic import JsonValue

from deployments.rehearsal.vendors.kubernetes import put
from deployments.rehearsal.vendors.kubernetes_manifests import owned_by, pod
from tasks.istio_mtls import in_mesh
from tasks.kubernetes_deployments import Deployment
from tasks.kubernetes_pods import Hook, Pod, Resources, by_workload


def made_by(kind: str, name: str) -> Pod:
    """A pod that this made."""
    return Pod.model_validate(pod("orders", "orders-x", "node-1", owned_by(kind, name)))


def test_a_deployments_pod_is_named_after_it() -> None:
    """A ReplicaSet is called after its deployment and its template's hash, which the pod has as a label."""
    found = made_by("ReplicaSet", "market-data-7c9d8f6b54")
    assert (found.deployment, found.workload, found.bare) == ("market-data", "market-data", False)


@pytest.mark.parametrize(
    ("kind", "name", "workload"),
    [
        ("ReplicaSet", "by-hand", "replicaset/by-hand"),
        ("ReplicaSet", "-7c9d8f6b54", "replicaset/-7c9d8f6b54"),
        ("StatefulSet", "queue", "statefulset/queue"),
        ("Job", "reconcile-1", "job/reconcile-1"),
    ],
)
def test_other_pods_belong_to_no_deployment(kind: str, name: str, workload: str) -> None:
    """They are named after what did make them."""
    found = made_by(kind, name)
    assert (found.deployment, found.workload, found.bare) == (None, workload, False)


def test_a_pod_made_by_hand_belongs_to_nothing() -> None:
    """Also where it names an owner that does not control it."""
    by_hand = pod("debug", "debug", "node-1", None)
    put(by_hand, "metadata/ownerReferences", [{**owned_by("Node", "node-1"), "controller": False}])
    found = Pod.model_validate(by_hand)
    assert (found.workload, found.bare) == ("pod/debug", True)


def test_many_pods_in_few_words() -> None:
    """Pods of one deployment are counted, and of many only the first are named."""
    pods = [made_by("ReplicaSet", f"s{number}-7c9d8f6b54") for number in (1, 1, 2, 3, 4, 5, 6, 7)]
    assert by_workload(pods) == "s1 (2 pods), s2, s3, s4, s5 and 2 more"


@pytest.mark.parametrize(
    ("hook", "waits"),
    [
        ({"sleep": {"seconds": 20}}, 20),
        ({"exec": {"command": ["sleep", "15"]}}, 15),
        ({"exec": {"command": ["/bin/sh", "-c", "nginx -s quit; sleep 10"]}}, 10),
        ({"exec": {"command": ["/bin/drain"]}}, 0),
        ({"exec": {"command": ["sleep", "infinity"]}}, 0),
        ({"httpGet": {"path": "/quit", "port": 8080}}, 0),
    ],
)
def test_how_long_a_hook_surely_waits(hook: JsonValue, waits: int) -> None:
    """Sleeps are read, and of what else a hook does nothing is known."""
    assert Hook.model_validate(hook).waits == waits


@pytest.mark.parametrize(
    ("limits", "limited"),
    [
        ({"cpu": "1", "memory": "1Gi"}, {"cpu", "memory"}),
        ({"cpu": 1, "memory": 1048576}, {"cpu", "memory"}),
        ({"memory": "1Gi", "ephemeral-storage": "1Gi"}, {"memory"}),
        ({"cpu": "0", "memory": "0Mi"}, set()),
        (None, set()),
    ],
)
def test_which_limits_count(limits: JsonValue, limited: set[str]) -> None:
    """Only those of cpu and memory, and only what is more than nothing."""
    assert Resources.model_validate({"limits": limits}).limited == limited


@pytest.mark.parametrize("place", ["containers", "initContainers"])
@pytest.mark.parametrize("stays", [True, False])
def test_a_proxy_is_beside_a_pod_where_it_stays(place: str, stays: bool) -> None:
    """As a container, or as an init container that does not end; one that ends leaves the pod outside the mesh."""
    plain = pod("orders", "orders-1", "node-1", None)
    put(plain, "spec/initContainers", [])
    proxy: JsonValue = {"name": "istio-proxy", **({"restartPolicy": "Always"} if stays else {})}
    put(plain, f"spec/{place}", [proxy])
    if place == "initContainers":
        assert in_mesh(Pod.model_validate(plain)) == stays
    else:
        assert in_mesh(Pod.model_validate(plain))


def test_ambient_mode_counts_as_the_mesh() -> None:
    """There a node's own proxy takes the pod's traffic, and no container shows it."""
    ambient = pod("orders", "orders-1", "node-1", None)
    put(ambient, "spec/initContainers", [])
    assert not in_mesh(Pod.model_validate(ambient))
    put(ambient, "metadata/annotations", {"ambient.istio.io/redirection": "enabled"})
    assert in_mesh(Pod.model_validate(ambient))


@pytest.mark.parametrize(
    ("affinity", "apart"),
    [
        ({"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone", "labelSelector": {}}]}, True),
        (
            {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 100,
                        "podAffinityTerm": {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "orders"}}},
                    }
                ]
            },
            True,
        ),
        ({"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}, False),
        ({}, False),
    ],
)
def test_anti_affinity_keeps_apart_whom_it_selects(affinity: JsonValue, apart: bool) -> None:
    """A term without a selector selects no pods, and so keeps none apart."""
    spec: JsonValue = {"containers": [{"name": "orders"}], "affinity": {"podAntiAffinity": affinity}}
    template: JsonValue = {"metadata": {"labels": {"app": "orders"}}, "spec": spec}
    found = Deployment.model_validate({"metadata": {"name": "orders"}, "spec": {"selector": {}, "template": template}})
    assert (found.together() == "") == apart
