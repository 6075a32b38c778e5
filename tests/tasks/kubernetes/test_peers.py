"""Who is everybody, and what every port: peers and ports of network policies, taken together."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from deployments.rehearsal.vendors.kubernetes_manifests import pod
from tasks.kubernetes_network import Policy, denied
from tasks.kubernetes_peers import IpBlock, Rule, _size, wide_open
from tasks.kubernetes_pods import Pod

NAMED = "kubernetes.io/metadata.name"


def block(cidr: str, *excepted: str) -> JsonValue:
    """A peer that is a range of addresses."""
    return {"ipBlock": {"cidr": cidr, "except": [*excepted]}}


def namespaces(operator: str, key: str = NAMED, *values: str) -> JsonValue:
    """A peer that is every pod of some namespaces."""
    return {"namespaceSelector": {"matchExpressions": [{"key": key, "operator": operator, "values": [*values]}]}}


def is_open(*rules: JsonValue) -> bool:
    """Whether rules open everything to everybody."""
    return wide_open([Rule.model_validate(rule) for rule in rules])


@pytest.mark.parametrize(
    ("peers", "everybody"),
    [
        ([], True),
        ([block("0.0.0.0/0")], True),
        ([block("10.1.2.3/0")], True),
        ([block("::/0")], True),
        ([block("2000::/3")], True),
        ([block("fc00::/7")], False),
        ([block("0.0.0.0/1"), block("128.0.0.0/1")], True),
        ([block("0.0.0.0/2"), block("0.0.0.0/3")], False),
        ([block("0.0.0.0/2"), block("192.0.0.0/2")], True),
        ([block("0.0.0.0/0", "10.0.0.0/8", "172.16.0.0/12")], True),
        ([block("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/2")], False),
        ([block("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/2"), block("0.0.0.0/2")], True),
        ([block("0.0.0.0/0", "::/1")], True),
        ([block("10.0.0.0/8")], False),
        ([block("203.0.113.7/32"), block("0.0.0.0/0")], True),
        ([{"namespaceSelector": {}}], True),
        ([{"namespaceSelector": {}, "podSelector": {}}], True),
        ([{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "edge"}}}], False),
        ([{"podSelector": {}}], False),
        ([namespaces("Exists")], True),
        ([namespaces("Exists", "team")], False),
        ([namespaces("NotIn", NAMED, "sandbox")], True),
        ([namespaces("DoesNotExist", "team")], True),
        ([namespaces("In", NAMED, "vatic")], False),
        ([{"namespaceSelector": {"matchLabels": {NAMED: "vatic"}}}], False),
        ([{}], True),
    ],
)
def test_who_is_everybody(peers: list[JsonValue], everybody: bool) -> None:
    """Half of all addresses, or namespaces and pods of which none must have anything."""
    assert is_open({"from": peers}) == everybody
    assert is_open({"to": peers}) == everybody
    assert not is_open({"from": peers, "ports": [{"port": 443}]})


@pytest.mark.parametrize(
    ("ports", "every"),
    [
        ([], True),
        ([{}], True),
        ([{"protocol": "TCP"}], True),
        ([{"protocol": "UDP"}], True),
        ([{"port": 1, "endPort": 65535}], True),
        ([{"port": 1024, "endPort": 65535}], True),
        ([{"port": 1, "endPort": 20000}, {"port": 20001, "endPort": 65535}], True),
        ([{"port": 1, "endPort": 20000}, {"port": 20001, "endPort": 40000, "protocol": "UDP"}], False),
        ([{"port": 30000, "endPort": 32767}], False),
        ([{"port": 8080}], False),
        ([{"port": "http"}], False),
        ([{"port": 8080}] * 40000, False),
    ],
)
def test_what_is_every_port(ports: list[JsonValue], every: bool) -> None:
    """Half of a protocol's ports, in one range or several; the same port many times is one."""
    assert is_open({"ports": ports}) == every
    assert is_open({"ports": ports, "from": [block("0.0.0.0/0")]}) == every
    assert not is_open({"ports": ports, "from": [block("10.0.0.0/8")]})


def test_rules_add_up() -> None:
    """Two rules may share out addresses or ports, and open everything together."""
    assert is_open({"from": [block("0.0.0.0/2")]}, {"from": [block("128.0.0.0/2")]})
    assert is_open({"ports": [{"port": 1, "endPort": 20000}]}, {"ports": [{"port": 20001, "endPort": 65535}]})
    assert not is_open({"from": [block("0.0.0.0/2")]}, {"from": [block("128.0.0.0/2")], "ports": [{"port": 443}]})
    assert not is_open({"ports": [{"port": 1, "endPort": 20000}]}, {"from": [block("0.0.0.0/2")]})
    assert not is_open()


@pytest.mark.parametrize(
    "peer", [block("everywhere"), block("0.0.0.0/33"), block(""), {"ipBlock": {}}, {"ipBlock": {"cidr": ["::/0"]}}]
)
def test_what_is_no_range_is_not_read(peer: JsonValue) -> None:
    """What cannot be read might be everybody, so it is an error and not nobody."""
    with pytest.raises(ValidationError):
        Rule.model_validate({"from": [peer]})


@given(st.integers(0, 32), st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=6))
def test_exceptions_are_taken_out_once(length: int, excepted: list[tuple[int, int]]) -> None:
    """What is left of a range is what the standard library leaves of it, however exceptions overlap."""
    cidr = ip_network(f"0.0.0.0/{length}")
    nets = [ip_network((address, bits), strict=False) for address, bits in excepted]
    left = [cidr]
    for net in nets:
        kept = [one for one in left if not one.overlaps(net)]
        for one in left:
            if net.subnet_of(one) and net != one:  # type: ignore[arg-type]  # all are of IPv4
                kept += one.address_exclude(net)  # type: ignore[arg-type]
        left = kept
    found = IpBlock.model_validate({"cidr": str(cidr), "except": [str(net) for net in nets]})
    assert _size(found.spans) == sum(one.num_addresses for one in left)


def a_policy(selector: JsonValue, **spec: JsonValue) -> Policy:
    """A policy for some pods."""
    return Policy.model_validate({"metadata": {"name": str(selector)}, "spec": {"podSelector": selector, **spec}})


def test_a_default_that_no_pod_keeps_is_none() -> None:
    """Policies for each service, which open everything, undo it; one for some services does not."""
    pods = [Pod.model_validate(pod(app, f"{app}-1", "node-1", None)) for app in ("orders", "risk")]
    closed = a_policy({})
    doors = [a_policy({"matchLabels": {"app": app}}, ingress=[{}]) for app in ("orders", "risk")]
    assert denied([closed, doors[0]], "Ingress", pods)
    assert not denied([closed, *doors], "Ingress", pods)
    assert denied([closed, *doors], "Ingress", [])
