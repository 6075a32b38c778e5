"""Istio's policies and rules in Vatic's cluster, as they should be."""

from pydantic import JsonValue

from deployments.rehearsal.vendors.kubernetes import KubernetesFake, Manifest
from deployments.rehearsal.vendors.kubernetes_manifests import NAMESPACE, metadata

ROOT = "istio-system"


def mesh(cluster: KubernetesFake) -> None:
    """Mutual TLS everywhere, and how requests are treated: what streams stays with one pod, the rest has timeouts."""
    by_customer: Manifest = {
        "consistentHash": {"httpHeaderName": "x-customer-id", "ringHash": {"minimumRingSize": 1024}}
    }
    cluster.add(
        peer_authentication("default", ROOT, {"mtls": {"mode": "STRICT"}}),
        peer_authentication("default", NAMESPACE, {"mtls": {"mode": "STRICT"}}),
        destination_rule("orders", {}),
        destination_rule("market-data", by_customer),
        destination_rule("notifications", by_customer),
        virtual_service("orders", ["/orders", "/positions"]),
        virtual_service("market-data", ["/stream"]),
    )


def peer_authentication(name: str, namespace: str, spec: Manifest) -> Manifest:
    """What connections must be."""
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": metadata(name, namespace),
        "spec": spec,
    }


def destination_rule(service: str, balancer: Manifest) -> Manifest:
    """How many connections a service is given, and when a failing pod is left out."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": metadata(service),
        "spec": {
            "host": f"{service}.{NAMESPACE}.svc.cluster.local",
            "trafficPolicy": {
                "loadBalancer": balancer or {"simple": "LEAST_REQUEST"},
                "connectionPool": {
                    "tcp": {"maxConnections": 500, "connectTimeout": "2s"},
                    "http": {"http1MaxPendingRequests": 200, "maxRequestsPerConnection": 100},
                },
                "outlierDetection": {"consecutive5xxErrors": 5, "interval": "10s", "baseEjectionTime": "30s"},
                "tls": {"mode": "ISTIO_MUTUAL"},
            },
            "subsets": [
                {
                    "name": "stable",
                    "labels": {"version": "2.4.0"},
                    "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 400}}},
                }
            ],
        },
    }


def virtual_service(service: str, prefixes: list[str]) -> Manifest:
    """Routes to a service, each with a timeout and two further tries."""
    routes: list[JsonValue] = [
        {
            "name": prefix.removeprefix("/"),
            "match": [{"uri": {"prefix": prefix}}],
            "route": [{"destination": {"host": service, "subset": "stable", "port": {"number": 80}}}],
            "timeout": "2s",
            "retries": {"attempts": 2, "perTryTimeout": "800ms", "retryOn": "connect-failure,refused-stream,503"},
        }
        for prefix in prefixes
    ]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": metadata(service),
        "spec": {"hosts": [service], "gateways": ["mesh"], "http": routes},
    }
