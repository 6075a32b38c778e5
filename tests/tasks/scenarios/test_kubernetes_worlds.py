"""Clusters in which nothing is killed or drained: each is told, and nothing is changed."""

from collections.abc import Callable

import pytest
from pydantic import JsonValue

from deployments.rehearsal.vendors.kubernetes import put
from deployments.rehearsal.vendors.kubernetes_manifests import a_condition, owned_by, pod
from tests.tasks.scenarios.cluster_site import NODE, OTHER, POD, SPARE, ClusterSite, give_empty_dir
from tests.tasks.scenarios.staging import staged
from tminus.errors import Refused


def _not_ready(site: ClusterSite) -> None:
    put(next(iter(site.cluster.pods.values())), "status/conditions", [a_condition("Ready", "False")])


def _one_replica(site: ClusterSite) -> None:
    _deployment(site, "spec/replicas", 1)
    _deployment(site, "status/updatedReplicas", 1)


def _paused(site: ClusterSite) -> None:
    _deployment(site, "spec/paused", value=True)


def _deployment(site: ClusterSite, pointer: str, value: JsonValue) -> None:
    put(site.cluster.objects["/apis/apps/v1/namespaces/vatic/deployments"]["orders"], pointer, value)


def _no_deployment(site: ClusterSite) -> None:
    site.cluster.objects["/apis/apps/v1/namespaces/vatic/deployments"].clear()


def _nobody_serves(site: ClusterSite) -> None:
    site.cluster.serves = "nobody"


def _not_well(site: ClusterSite) -> None:
    put(site.cluster.nodes[SPARE], "status/conditions", [a_condition("Ready", "False", "KubeletNotReady")])


def _tainted(site: ClusterSite) -> None:
    taints: JsonValue = [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]
    put(site.cluster.nodes[SPARE], "spec/taints", taints)


@pytest.mark.parametrize(
    ("name", "world", "why"),
    [
        ("pod", _not_ready, "2 of 3 replicas are available"),
        ("pod", _one_replica, "so nobody serves meanwhile"),
        ("pod", _paused, "paused"),
        ("pod", _no_deployment, "there is no Deployment orders in vatic"),
        ("pod", _nobody_serves, "customers are not answered"),
        ("node", _not_well, "Ready False"),
        ("node", _tainted, "tainted node.kubernetes.io/unschedulable"),
        ("node", _not_ready, "vatic/orders: 2 of 3 replicas"),
        ("node", _nobody_serves, "customers are not answered"),
    ],
)
async def test_no_steady_state(site: ClusterSite, name: str, world: Callable[[ClusterSite], None], why: str) -> None:
    """Each is told."""
    async with staged(site, {"pod": POD, "node": NODE}, name) as (scenario, here):
        world(site)
        try:
            with pytest.raises(Refused, match=why):
                await scenario.steady(here)
        finally:
            site.cluster.serves = "orders"


def _bare(site: ClusterSite) -> None:
    site.cluster.add(pod("debug", "debug", SPARE, None))


def _elsewhere(site: ClusterSite) -> None:
    other = pod("dns", "dns-1", SPARE, owned_by("StatefulSet", "dns"))
    put(other, "metadata/namespace", "kube-system")
    site.cluster.add(other)


def _nothing_there(site: ClusterSite) -> None:
    for name in site.cluster.on(SPARE):
        put(site.cluster.pods[name], "spec/nodeName", OTHER)


@pytest.mark.parametrize(
    ("world", "why"),
    [
        (_bare, "nobody would make pod/debug anew"),
        (_elsewhere, "of kube-system would be evicted, and those namespaces are not named"),
        (give_empty_dir, "would lose what is in an emptyDir"),
        (_nothing_there, "no node with drills=yes carries a pod"),
    ],
)
async def test_not_drained(site: ClusterSite, world: Callable[[ClusterSite], None], why: str) -> None:
    """Before anything is changed."""
    world(site)
    with pytest.raises(Refused, match=why):
        async with staged(site, {"node": NODE}, "node"):
            pass
    assert site.cluster.writes == []
