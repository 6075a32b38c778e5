"""Istio in Vatic's cluster: mutual TLS, and how requests are treated, by a stand-in for the cluster's API server."""

import json
from collections.abc import Iterator
from typing import ClassVar

from bench.worlds.cluster_world import ClusterWorld
from bench.worlds.world import Case, fault
from deployments.rehearsal.vendors.kubernetes import KINDS, KubernetesFake, put
from deployments.rehearsal.vendors.kubernetes_manifests import NAMESPACE
from deployments.rehearsal.vendors.kubernetes_mesh import ROOT, mesh, peer_authentication

_OWN = f"/apis/security.istio.io/v1/namespaces/{NAMESPACE}/peerauthentications"
_RULES = f"/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/destinationrules"
_MESH = f"/apis/security.istio.io/v1/namespaces/{ROOT}/peerauthentications"
_GROUPS = {group for group in KINDS if ".istio.io/" in group}


def _changed(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple(("changed", name) for name in names)


class IstioWorld(ClusterWorld):
    """A mesh in which every connection must be mutual TLS."""

    system: ClassVar[str] = "istio"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "istio.mtls",
            expect={"mode": "= strict"},
            broken_by=(
                *_changed("permissive", "disabled"),
                ("inherited", "PERMISSIVE"),
                "no_policy",
                "an_older_policy",
                "not_installed",
            ),
            blinded_by=("no_pods",),
        ),
        Case(
            "istio.mtls",
            expect={"mode": "= strict", "exceptions": "= 0"},
            broken_by=(
                ("added", "workload_permissive"),
                ("added", "port_in_clear"),
                *_changed("tls_off_for_a_client", "tls_off_for_a_port", "tls_off_for_a_subset"),
                *_changed("port_past_the_proxy", "ports_not_taken_in"),
            ),
        ),
        Case(
            "istio.mtls",
            expect={"injected": "= all"},
            broken_by=(*_changed("no_proxy", "proxy_that_ends"), ("added", "pod_of_old"), "no_pods"),
        ),
        Case(
            "istio.traffic",
            {"host": "market-data"},
            {"hashed": "= yes", "outliers": "= yes", "pool": "<= 500", "pooled": "= yes"},
            (
                ("rule_says", "market-data", "trafficPolicy/connectionPool/tcp", "{}"),
                *_changed("not_hashed", "subset_not_hashed", "no_outlier_detection", "outlier_detection_of_0"),
                *_changed("port_without_policy", "no_pool", "rule_for_a_short_name"),
                *_changed("rule_for_some_clients"),
                ("gone", "rule_gone"),
                ("gone", "service_gone"),
                "not_installed",
            ),
        ),
        Case(
            "istio.traffic",
            {"host": "market-data"},
            {"timeout": "<= 5 s", "timed": "= all", "retries": ">= 1"},
            (
                *_changed("no_timeout", "timeout_of_0", "no_retries"),
                *_changed("routes_of_another_host", "routes_of_a_gateway", "routes_matched_at_a_gateway"),
                ("gone", "routes_gone"),
                ("gone", "service_gone"),
                "not_installed",
            ),
        ),
        Case("istio.traffic", {"host": "orders"}, {"timeout": "= 2 s"}, _changed("long_timeout")),
        Case("istio.traffic", {"host": "orders"}, {"most_retries": "<= 2"}, _changed("many_retries")),
        Case(
            "istio.traffic", {"host": "orders"}, {"hashed": "= no", "outliers": "= yes"}, (("added", "rule_for_all"),)
        ),
    )

    def furnish(self, cluster: KubernetesFake) -> None:
        """The mesh."""
        mesh(cluster)

    @fault
    def rule_says(self, service: str, pointer: str, value: str) -> Iterator[None]:
        """Something in a service's DestinationRule is otherwise: JSON, where null takes away what is there."""
        with self._cluster.restored():
            put(self._cluster.objects[_RULES][service], f"spec/{pointer}", json.loads(value))
            yield

    @fault
    def inherited(self, mode: str) -> Iterator[None]:
        """The namespace leaves it to the mesh, whose mode is another."""
        with self._cluster.restored():
            self._cluster.add(
                peer_authentication("default", NAMESPACE, {"mtls": {"mode": "UNSET"}}),
                peer_authentication("default", ROOT, {"mtls": {"mode": mode}}),
            )
            yield

    @fault
    def no_policy(self) -> Iterator[None]:
        """Neither the namespace nor the mesh says what a connection must be."""
        with self._cluster.restored():
            del self._cluster.objects[_OWN], self._cluster.objects[_MESH]
            yield

    @fault
    def an_older_policy(self) -> Iterator[None]:
        """A second policy for the whole namespace is older, and so the one that counts."""
        with self._cluster.restored():
            older = peer_authentication("at-first", NAMESPACE, {"mtls": {"mode": "PERMISSIVE"}})
            if isinstance(older["metadata"], dict):
                older["metadata"]["creationTimestamp"] = "2024-01-01T00:00:00Z"
            self._cluster.add(older)
            yield

    @fault
    def not_installed(self) -> Iterator[None]:
        """The cluster knows none of Istio's kinds."""
        with self._cluster.restored():
            self._cluster.unserved |= _GROUPS
            yield

    @fault
    def no_pods(self) -> Iterator[None]:
        """The namespace is empty, as is one that does not exist."""
        with self._cluster.restored():
            del self._cluster.objects[f"/api/v1/namespaces/{NAMESPACE}/pods"]
            yield
