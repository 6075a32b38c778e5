"""Istio: whether services speak mutual TLS only, and how requests to one of them are treated."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.istio_mtls import Mesh, in_mesh
from tasks.istio_traffic import Traffic
from tasks.kubernetes_api import Cluster
from tasks.kubernetes_parts import Name
from tasks.kubernetes_pods import by_workload, running_pods
from tasks.kubernetes_shortfalls import Shortfalls, none_of
from tminus.clock import show_duration
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation

_BOUNDED = {"timeout": "timed", "pool": "pooled"}


class MutualTls(Check, frozen=True):
    """Which connections the namespace's pods take, what is excepted from that, and how many pods are in the mesh.

    `mode` is that of the namespace's own PeerAuthentication, else that of the mesh's, else `permissive`, which is
    Istio's default; `none` where the cluster knows no Istio. `exceptions` counts the ways around it: a workload or a
    port whose PeerAuthentication takes plain connections, a DestinationRule of the namespace or of the root namespace
    that switches TLS off, a workload with ports that its annotations lead past the proxy. `injected` counts pods with
    Istio's proxy beside them, as a container or a native sidecar, or with their traffic redirected in ambient mode.
    Where the namespace has no pods, as one that does not exist, neither `mode` nor `exceptions` is measured.

    Attributes:
        root: the namespace in which policies are for the whole mesh.
    """

    kind: Literal["istio.mtls"] = "istio.mtls"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"mode": "word", "exceptions": "", "injected": ""}

    root: Name = "istio-system"

    async def look(self, estate: Estate) -> Observation:
        """Lists pods, policies and rules; raises NotConfigured, CouldNotObserve."""
        cluster = Cluster.of(estate)
        pods = await running_pods(cluster)
        mesh = await Mesh.of(cluster, self.root, pods)
        outside = [pod for pod in pods if not in_mesh(pod)]
        found = [Measurement.number("injected", len(pods) - len(outside), of=len(pods))]
        if pods or mesh.mode == "none":
            found.append(Measurement(name="mode", word=mesh.mode))
        if pods and mesh.mode != "none":
            found.append(Measurement.number("exceptions", len(mesh.exceptions)))
        wrong = Shortfalls()
        wrong.add("mode", [] if mesh.mode == "strict" else [mesh.decided_by])
        wrong.add("exceptions", mesh.exceptions)
        wrong.add("injected", [f"no proxy beside {by_workload(outside)}"] if outside else none_of("pods", pods))
        return Observation(
            found=tuple(found), where=cluster.where, details=wrong.details(), because=wrong.because(self.expect)
        )


class TrafficPolicy(Check, frozen=True):
    """How requests to one service are treated, by the namespace's DestinationRules and VirtualServices.

    A DestinationRule with a `workloadSelector` is for some clients only, and is left out. So are the routes of a
    VirtualService that is for other hosts, or for a gateway and not for clients inside the mesh.
    `hashed` is `yes` where a client always reaches the same pod (`consistentHash`), `outliers` where failing pods are
    left out for a while (`outlierDetection`), both for every subset and port. `pool` is the most connections that any
    of them may have (`connectionPool.tcp.maxConnections`); without a limit it is 4294967295, which is Istio's default,
    and `pooled` is `no`. `timeout` is the longest of any route to the service; without one it is 36500 d, and `timed`
    counts the routes that have one. `retries` is the fewest of any route and `most_retries` the most; a route that
    does not say has Istio's own 2.

    Attributes:
        host: the service's name, as in the namespace's Services.
    """

    kind: Literal["istio.traffic"] = "istio.traffic"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "hashed": "word",
        "outliers": "word",
        "pool": "",
        "pooled": "word",
        "timeout": "s",
        "timed": "",
        "retries": "",
        "most_retries": "",
    }

    host: Name

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        for name, beside in _BOUNDED.items():
            if name in self.expect and self.expect[name].sign in {">", ">=", "!="} and beside not in self.expect:
                raise ValueError(f"expect must also say `{beside}`: no {name} at all would be more than any number")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Lists rules and routes; raises NotConfigured, CouldNotObserve."""
        cluster = Cluster.of(estate)
        seen = await Traffic.to(cluster, self.host)
        wrong = self._wrong(seen)
        found = [
            _word("hashed", bool(seen.policies) and not seen.unhashed),
            _word("outliers", bool(seen.policies) and not seen.unejecting),
            Measurement.number("pool", seen.pool),
            _word("pooled", bool(seen.policies) and not seen.unlimited),
            Measurement.number("timeout", seen.timeout.total_seconds(), "s"),
            Measurement.number("timed", len(seen.routes) - len(seen.untimed), of=len(seen.routes)),
        ]
        if seen.exists:
            found.append(Measurement.number("retries", min(seen.attempts)))
            found.append(Measurement.number("most_retries", max(seen.attempts)))
        return Observation(
            found=tuple(found),
            where=f"{cluster.where}, host {self.host}",
            details=wrong.details(_routes(seen)),
            because=wrong.because(self.expect),
        )

    def _wrong(self, seen: Traffic) -> Shortfalls:
        wrong = Shortfalls()
        ruled = [] if seen.policies else ["no DestinationRule is for it"]
        routed = [] if seen.routes else ["no VirtualService leads to it"]
        if not seen.exists:
            ruled = routed = ["the namespace has no such service"]
        for name in ("hashed", "outliers", "pool", "pooled"):
            wrong.add(name, ruled)
        for name in ("timeout", "timed", "retries", "most_retries"):
            wrong.add(name, routed)
        wrong.add("hashed", [f"{one}: no consistentHash" for one in seen.unhashed])
        wrong.add("outliers", [f"{one}: no outlierDetection" for one in seen.unejecting])
        for name in ("pool", "pooled"):
            wrong.add(name, [f"{one}: no maxConnections" for one in seen.unlimited])
        for name in ("timeout", "timed"):
            wrong.add(name, [f"{one}: no timeout" for one in seen.untimed])
        return wrong


def _routes(seen: Traffic) -> Iterator[str]:
    for name, one in seen.routes.items():
        limit = "no timeout" if name in seen.untimed else f"timeout {show_duration(one.longest)}"
        yield f"{name}: {limit}, {one.attempts} retries"


def _word(name: str, is_so: bool) -> Measurement:
    return Measurement(name=name, word="yes" if is_so else "no")
