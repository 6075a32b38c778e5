"""Mutual TLS in Istio's mesh: what holds for a namespace, what is excepted from it, and which pods are in the mesh."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import Field

from tasks.istio_api import istio_listed
from tasks.kubernetes_api import Cluster
from tasks.kubernetes_parts import Labels, Part, Thing
from tasks.kubernetes_pods import Pod

Mode = Literal["UNSET", "DISABLE", "PERMISSIVE", "STRICT"]
_PROXY = "istio-proxy"
_AMBIENT = "ambient.istio.io/redirection"
_PAST_THE_PROXY = "traffic.sidecar.istio.io/excludeInboundPorts"
_ONLY_THESE = "traffic.sidecar.istio.io/includeInboundPorts"


class Mtls(Part):
    """A mode; UNSET, or none at all, is what the wider policy says."""

    mode: Mode = "UNSET"


class WorkloadSelector(Part):
    """Whom a policy is for."""

    match_labels: Labels = Field(default_factory=dict)


class PeerAuthenticationSpec(Part):
    """What a policy asks of connections that come in."""

    selector: WorkloadSelector = WorkloadSelector()
    mtls: Mtls = Mtls()
    port_level_mtls: Mapping[str, Mtls] = Field(default_factory=dict)


class PeerAuthentication(Thing):
    """A PeerAuthentication."""

    spec: PeerAuthenticationSpec = PeerAuthenticationSpec()

    @property
    def wide(self) -> bool:
        """Whether it is for its whole namespace, or from the root namespace for the whole mesh."""
        return not self.spec.selector.match_labels


class ClientTls(Part):
    """How a client connects; without a mode Istio chooses, and then takes mutual TLS wherever it can."""

    mode: Literal["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"] | None = None


class PortTls(Part):
    """The same, of one port."""

    tls: ClientTls = ClientTls()


class PolicyTls(PortTls):
    """The same, of a rule or a subset, with its ports."""

    port_level_settings: Sequence[PortTls] = ()


class SubsetTls(Part):
    """The same, of one subset."""

    traffic_policy: PolicyTls = PolicyTls()


class RuleTlsSpec(Part):
    """What a DestinationRule says of TLS."""

    host: str
    traffic_policy: PolicyTls = PolicyTls()
    subsets: Sequence[SubsetTls] = ()


class RuleTls(Thing):
    """A DestinationRule, of which only TLS is read."""

    spec: RuleTlsSpec

    @property
    def plain(self) -> bool:
        """Whether it switches TLS off for anything."""
        policies = [self.spec.traffic_policy, *(one.traffic_policy for one in self.spec.subsets)]
        every = [one.tls for policy in policies for one in (policy, *policy.port_level_settings)]
        return any(one.mode == "DISABLE" for one in every)


class Mesh:
    """What Istio holds about one namespace.

    Attributes:
        mode: what a connection to a pod of the namespace must be: `strict`, `permissive`, `disable`, or `none` where
            the cluster knows no Istio.
        decided_by: what says so.
        exceptions: a line for each way around it.
    """

    def __init__(self, mode: str, decided_by: str, exceptions: tuple[str, ...]) -> None:
        self.mode = mode
        self.decided_by = decided_by
        self.exceptions = exceptions

    @classmethod
    async def of(cls, cluster: Cluster, root: str, pods: Sequence[Pod]) -> "Mesh":
        """Reads policies and rules of the namespace and of the root namespace; raises CouldNotObserve."""
        group = "security.istio.io"
        own = await istio_listed(cluster, cluster.namespace, PeerAuthentication, group, "peerauthentications")
        if own is None:
            return cls("none", "the cluster knows no Istio", ())
        meshwide = await istio_listed(cluster, root, PeerAuthentication, group, "peerauthentications") or ()
        mode, decided_by = _mode({cluster.namespace: own, root: meshwide})
        rules: list[RuleTls] = []
        for namespace in (cluster.namespace, root):
            found = await istio_listed(cluster, namespace, RuleTls, "networking.istio.io", "destinationrules")
            rules += found or ()
        lines = [*_by_policy(own), *_past_the_proxy(pods)]
        lines += [
            f"DestinationRule {rule.name} switches TLS off for {rule.spec.host[:100]}" for rule in rules if rule.plain
        ]
        return cls(mode.lower(), decided_by, tuple(lines))


def _mode(policies: Mapping[str, Sequence[PeerAuthentication]]) -> tuple[Mode, str]:
    """The namespace's mode, and what says so: its own policy, else the mesh's, else PERMISSIVE. Of several the oldest.

    Source: https://istio.io/latest/docs/reference/config/security/peer_authentication/.
    """
    for namespace, there in policies.items():
        oldest = next((one for one in there if one.wide), None)
        if oldest is not None and oldest.spec.mtls.mode != "UNSET":
            return oldest.spec.mtls.mode, f"by PeerAuthentication {oldest.name} in {namespace}"
    return "PERMISSIVE", "by Istio's default, since no PeerAuthentication says otherwise"


def _by_policy(own: Sequence[PeerAuthentication]) -> Iterator[str]:
    """A line for each workload, and each of a workload's ports, that takes plain connections.

    Ports are read only beside a selector, since Istio ignores them elsewhere.
    """
    for one in own:
        if one.wide:
            continue
        if one.spec.mtls.mode in {"PERMISSIVE", "DISABLE"}:
            yield f"PeerAuthentication {one.name}: {one.spec.mtls.mode} for a workload"
        for port, mtls in sorted(one.spec.port_level_mtls.items()):
            if mtls.mode in {"PERMISSIVE", "DISABLE"}:
                yield f"PeerAuthentication {one.name}: {mtls.mode} for port {port[:5]}"


def _past_the_proxy(pods: Sequence[Pod]) -> Sequence[str]:
    """A line for each workload with ports whose traffic its annotations lead past the proxy."""
    found = set()
    for pod in pods:
        annotations = pod.metadata.annotations
        if annotations.get(_PAST_THE_PROXY, ""):
            found.add(f"{pod.workload}: {_PAST_THE_PROXY} leads ports past the proxy")
        if annotations.get(_ONLY_THESE, "*") != "*":
            found.add(f"{pod.workload}: {_ONLY_THESE} leaves the other ports to nobody")
    return sorted(found)


def in_mesh(pod: Pod) -> bool:
    """Whether a pod's traffic goes through the mesh: by a sidecar of either kind, or in ambient mode by its node."""
    sidecars = [*pod.spec.containers, *(one for one in pod.spec.init_containers if one.sidecar)]
    return any(one.name == _PROXY for one in sidecars) or pod.metadata.annotations.get(_AMBIENT) == "enabled"
