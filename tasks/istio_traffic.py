"""How Istio treats requests to one service: load balancing, ejection, pools, timeouts and retries."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from tasks.istio_api import is_for, istio_listed, whole_host
from tasks.kubernetes_api import Cluster
from tasks.kubernetes_parts import Count, Name, Part, Thing
from tminus.clock import Duration

_GROUP = "networking.istio.io"
_MESH = "mesh"  # the gateway that stands for all clients inside the mesh
UNLIMITED = 2**32 - 1
"""What Istio gives Envoy where no limit is set: https://istio.io/latest/docs/reference/config/networking/destination-rule/."""

RETRIES_UNLESS_SAID = 2
"""Istio's own retries, where a route says nothing: https://istio.io/latest/docs/concepts/traffic-management/#retries."""

FOREVER = timedelta(days=36500)
"""A timeout that is not set, since Istio then sets none."""


class LoadBalancer(Part):
    """Which of a service's pods a request goes to."""

    consistent_hash: Part | None = None


class Outliers(Part):
    """When a pod is left out for a while; 5 failures in a row, where it is not said."""

    server_errors: Count = Field(default=5, alias="consecutive5xxErrors")
    consecutive_gateway_errors: Count = 0

    @property
    def ejects(self) -> bool:
        """Whether any number of failures has that effect; 0 switches it off."""
        return bool(self.server_errors or self.consecutive_gateway_errors)


class Tcp(Part):
    """The pool's connections."""

    max_connections: Annotated[int, Field(ge=0, le=UNLIMITED)] = 0


class Pool(Part):
    """How many connections a service is given."""

    tcp: Tcp = Tcp()


class Port(Part):
    """A port's number."""

    number: Annotated[int, Field(ge=0, le=65535)] = 0


class PortPolicy(Part):
    """How requests are treated; what is left out, nobody says."""

    port: Port = Port()
    load_balancer: LoadBalancer | None = None
    outlier_detection: Outliers | None = None
    connection_pool: Pool | None = None

    @property
    def hashed(self) -> bool:
        """Whether the same client reaches the same pod."""
        return self.load_balancer is not None and self.load_balancer.consistent_hash is not None

    @property
    def ejects(self) -> bool:
        """Whether failing pods are left out."""
        return self.outlier_detection is not None and self.outlier_detection.ejects

    @property
    def pool(self) -> int:
        """The most connections to the service; 0 is no limit to Istio."""
        return (self.connection_pool.tcp.max_connections if self.connection_pool else 0) or UNLIMITED


class Policy(PortPolicy):
    """The same, with ports that have a policy of their own, and then nothing of this one."""

    port_level_settings: Sequence[PortPolicy] = ()

    def over(self, wider: "Policy") -> "Policy":
        """This one, with what it leaves out taken from a wider one."""
        return Policy(
            load_balancer=self.load_balancer or wider.load_balancer,
            outlier_detection=self.outlier_detection or wider.outlier_detection,
            connection_pool=self.connection_pool or wider.connection_pool,
            port_level_settings=self.port_level_settings or wider.port_level_settings,
        )


class Subset(Part):
    """Some of a service's pods."""

    name: Name
    traffic_policy: Policy | None = None


class DestinationRuleSpec(Part):
    """What holds for a host."""

    host: str
    workload_selector: Part | None = None
    traffic_policy: Policy = Policy()
    subsets: Sequence[Subset] = ()


class DestinationRule(Thing):
    """A DestinationRule."""

    spec: DestinationRuleSpec

    @property
    def for_all(self) -> bool:
        """Whether it is for every client, and stays; with a selector it is for those whom it selects."""
        return self.spec.workload_selector is None and not self.terminating

    def policies(self) -> Mapping[str, PortPolicy]:
        """Every policy that a request to the host may meet: of the host, of its subsets, of their ports."""
        base = self.spec.traffic_policy
        whole = {self.name: base}
        for one in self.spec.subsets:
            if one.traffic_policy is not None:
                whole[f"{self.name}, subset {one.name}"] = one.traffic_policy.over(base)
        ports = {
            f"{name}, port {one.port.number}": one
            for name, policy in whole.items()
            for one in policy.port_level_settings
        }
        return {**whole, **ports}


class Destination(Part):
    """Where a route leads."""

    host: str


class WeightedRoute(Part):
    """One of the places that it leads to."""

    destination: Destination


class Retries(Part):
    """How often a request is tried again."""

    attempts: Count = 0


class Match(Part):
    """For which requests a route is; without gateways of its own, for those of the whole VirtualService."""

    gateways: Sequence[str] = ()


class HttpRoute(Part):
    """One route."""

    match: Sequence[Match] = ()
    route: Sequence[WeightedRoute] = ()
    timeout: Duration | None = None
    retries: Retries | None = None

    @property
    def longest(self) -> timedelta:
        """How long a request may take; 0 s switches the limit off."""
        return self.timeout or FOREVER

    @property
    def attempts(self) -> int:
        """How often it is tried again."""
        return RETRIES_UNLESS_SAID if self.retries is None else self.retries.attempts


class VirtualServiceSpec(Part):
    """Its routes of HTTP, for requests to its hosts; without gateways, for those from inside the mesh."""

    hosts: Sequence[str] = ()
    gateways: Sequence[str] = ()
    http: Sequence[HttpRoute] = ()


class VirtualService(Thing):
    """A VirtualService."""

    spec: VirtualServiceSpec = VirtualServiceSpec()

    def routes(self, host: str, namespace: str) -> Mapping[str, HttpRoute]:
        """Those that take a request from inside the mesh to a host, and lead it there, by their place.

        Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#VirtualService.
        """
        spec = self.spec
        if self.terminating or not any(is_for(whole_host(one, namespace), host) for one in spec.hosts):
            return {}
        return {
            f"{self.name}, route {number}": route
            for number, route in enumerate(spec.http, 1)
            if any(_MESH in gateways for gateways in _gateways(route, spec.gateways or (_MESH,)))
            and any(is_for(whole_host(to.destination.host, namespace), host) for to in route.route)
        }


def _gateways(route: HttpRoute, of_all: Sequence[str]) -> Sequence[Sequence[str]]:
    return [one.gateways or of_all for one in route.match] or [of_all]


class Traffic:
    """What the namespace's rules say of one host.

    Attributes:
        exists: whether it is a service of the namespace, or a host outside the cluster.
        policies: what a request may meet, by the DestinationRule, subset and port; empty where no rule is for it.
        routes: the routes from inside the mesh that lead to it, by the VirtualService and their place in it.
    """

    def __init__(self, policies: Mapping[str, PortPolicy], routes: Mapping[str, HttpRoute], *, exists: bool) -> None:
        self.exists = exists
        self.policies = policies if exists else {}
        self.routes = routes if exists else {}

    @property
    def unhashed(self) -> tuple[str, ...]:
        """The policies by which the same client may reach another pod."""
        return tuple(name for name, one in self.policies.items() if not one.hashed)

    @property
    def unejecting(self) -> tuple[str, ...]:
        """The policies by which failing pods are not left out."""
        return tuple(name for name, one in self.policies.items() if not one.ejects)

    @property
    def unlimited(self) -> tuple[str, ...]:
        """The policies that limit no connections."""
        return tuple(name for name, one in self.policies.items() if one.pool == UNLIMITED)

    @property
    def untimed(self) -> tuple[str, ...]:
        """The routes without a timeout."""
        return tuple(name for name, one in self.routes.items() if one.longest >= FOREVER)

    @property
    def pool(self) -> int:
        """The most connections that any policy allows."""
        return max((one.pool for one in self.policies.values()), default=UNLIMITED)

    @property
    def timeout(self) -> timedelta:
        """The longest of any route."""
        return max((one.longest for one in self.routes.values()), default=FOREVER)

    @property
    def attempts(self) -> tuple[int, ...]:
        """How often each route tries again; at least one number."""
        return tuple(one.attempts for one in self.routes.values()) or (RETRIES_UNLESS_SAID,)

    @classmethod
    async def to(cls, cluster: Cluster, name: str) -> "Traffic":
        """Reads the namespace's rules; raises CouldNotObserve. Of several for the host the most exact counts."""
        namespace = cluster.namespace
        services = {one.name for one in await cluster.listed(Thing, "/api/v1", "services")}
        host = whole_host(name, namespace)
        rules = await istio_listed(cluster, namespace, DestinationRule, _GROUP, "destinationrules") or ()
        own = [one for one in rules if one.for_all and is_for(whole_host(one.spec.host, namespace), host)]
        best = min(own, key=lambda one: (one.spec.host.startswith("*"), -len(one.spec.host)), default=None)
        virtual = await istio_listed(cluster, namespace, VirtualService, _GROUP, "virtualservices") or ()
        routes = {name: route for one in virtual for name, route in one.routes(host, namespace).items()}
        return cls(best.policies() if best else {}, routes, exists="." in name or name in services)
