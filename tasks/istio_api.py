"""Istio's own kinds, as the cluster's API server holds them, and the hosts that they name."""

from collections.abc import Sequence
from typing import TypeVar

from tasks.kubernetes_api import Cluster
from tasks.kubernetes_parts import Thing

_T = TypeVar("_T", bound=Thing)
_VERSIONS = ("v1", "v1beta1")  # Istio 1.22 and later, and those before it
_DOMAIN = "cluster.local"


async def istio_listed(
    cluster: Cluster, namespace: str, model: type[_T], group: str, plural: str
) -> Sequence[_T] | None:
    """Every object of one of Istio's kinds, the oldest first, as Istio prefers them; None where it has no such kind.

    An address that is no API server has none either, so ask first for something that every cluster has.
    Raises CouldNotObserve.
    """
    for version in _VERSIONS:
        found = await cluster.listed_if_served(namespace, model, f"/apis/{group}/{version}", plural)
        if found is not None:
            return sorted(found, key=lambda one: (one.metadata.creation_timestamp, one.name))
    return None


def whole_host(host: str, namespace: str) -> str:
    """A host as a rule of that namespace means it: a name without a dot is a service there, any other stands as it is.

    So `orders.vatic` means no service. A cluster's own domain is read as cluster.local.
    Source: https://istio.io/latest/docs/reference/config/networking/destination-rule/#DestinationRule.
    """
    if "." not in host and "*" not in host:
        return f"{host}.{namespace}.svc.{_DOMAIN}"
    service, inside, _ = host.partition(".svc.")
    return f"{service}.svc.{_DOMAIN}" if inside else host


def is_for(rule_host: str, host: str) -> bool:
    """Whether a rule's host, as a whole, is that host or a wildcard that it ends with."""
    return rule_host == host or (rule_host.startswith("*") and host.endswith(rule_host[1:]))
