"""Peers and ports of network policies: what they come to, taken together, where nobody writes "everybody" as such."""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BeforeValidator, Field

from tasks.kubernetes_parts import Part, Selector

_NAMESPACE = "kubernetes.io/metadata.name"  # a label that every namespace has
_PORTS = 65535
_GLOBAL = ip_network("2000::/3")  # of IPv6 only this is routed: https://www.rfc-editor.org/rfc/rfc4291#section-2.4

Span = tuple[int, int]
"""Numbers from the first on, up to and without the second."""


def _network(value: object) -> IPv4Network | IPv6Network:
    return ip_network(str(value), strict=False)


Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
PortNumber = Annotated[int, Field(ge=0, le=_PORTS)]


class IpBlock(Part):
    """Addresses, without some of them."""

    cidr: Network
    excepted: Sequence[Network] = Field(default=(), alias="except")

    @property
    def spans(self) -> Iterator[Span]:
        """What is left of it; of IPv6 only global addresses."""
        start, end = _span(self.cidr)
        if self.cidr.version == _GLOBAL.version:
            start, end = max(start, _span(_GLOBAL)[0]), min(end, _span(_GLOBAL)[1])
        for first, last in sorted(_span(one) for one in self.excepted if one.version == self.cidr.version):
            if start < min(first, end):
                yield start, min(first, end)
            start = max(start, last)
        if start < end:
            yield start, end


class Peer(Part):
    """Who is at the other end; selectors of both kinds must both hold."""

    ip_block: IpBlock | None = None
    namespace_selector: Selector | None = None
    pod_selector: Selector | None = None

    @property
    def anybody(self) -> bool:
        """Whether it is every pod of the cluster, or all but some."""
        if self.ip_block is not None:
            return False
        if self.namespace_selector is None:
            return self.pod_selector is None
        return _hardly_selects(self.namespace_selector) and (
            self.pod_selector is None or _hardly_selects(self.pod_selector)
        )


class PolicyPort(Part):
    """A port, several in a row, or without a number all of the protocol; a name stands for one port."""

    protocol: str = "TCP"
    port: PortNumber | str | None = None
    end_port: PortNumber | None = None

    @property
    def span(self) -> Span:
        """The numbers."""
        if self.port is None:
            return 1, _PORTS + 1
        if isinstance(self.port, str):
            return 0, 0
        return self.port, (self.port if self.end_port is None else self.end_port) + 1


class Rule(Part):
    """One way in or out; without peers it is for everybody, without ports for every port."""

    from_: Sequence[Peer] = Field(default=(), alias="from")
    to: Sequence[Peer] = ()
    ports: Sequence[PolicyPort] = ()

    @property
    def peers(self) -> tuple[Peer, ...]:
        """Whom it is for."""
        return (*self.from_, *self.to)


def wide_open(rules: Sequence[Rule]) -> bool:
    """Whether rules, taken together, open everything to everybody: most ports to anybody, or every port to most."""
    return every_port([rule for rule in rules if anybody([rule])]) or anybody(
        [rule for rule in rules if every_port([rule])]
    )


def anybody(rules: Sequence[Rule]) -> bool:
    """Whether rules are for everybody: for all pods of the cluster, or half of all addresses of IPv4 or IPv6."""
    if any(not rule.peers or any(peer.anybody for peer in rule.peers) for rule in rules):
        return True
    return everybody([peer.ip_block for rule in rules for peer in rule.peers if peer.ip_block is not None])


def everybody(blocks: Sequence[IpBlock]) -> bool:
    """Whether ranges of addresses are, taken together, half of all of IPv4, or of the global ones of IPv6."""
    for version, every in ((4, 2**32), (6, _GLOBAL.num_addresses)):
        if 2 * _size(span for one in blocks if one.cidr.version == version for span in one.spans) >= every:
            return True
    return False


def every_port(rules: Sequence[Rule]) -> bool:
    """Whether rules are for every port, or for half of a protocol's."""
    if any(not rule.ports for rule in rules):
        return True
    ports = [port for rule in rules for port in rule.ports]
    protocols = {port.protocol for port in ports}
    return any(2 * _size(one.span for one in ports if one.protocol == name) >= _PORTS for name in protocols)


def _hardly_selects(selector: Selector) -> bool:
    """Whether it selects everything but what it excludes, or asks for a label that everything has."""
    return not selector.match_labels and all(
        one.operator in {"NotIn", "DoesNotExist"} or (one.operator == "Exists" and one.key == _NAMESPACE)
        for one in selector.match_expressions
    )


def _span(network: IPv4Network | IPv6Network) -> Span:
    return int(network.network_address), int(network.broadcast_address) + 1


def _size(spans: Iterable[Span]) -> int:
    """How many numbers are in any of them."""
    total = reached = 0
    for start, end in sorted(spans):
        total += max(end - max(start, reached), 0)
        reached = max(reached, end)
    return total
