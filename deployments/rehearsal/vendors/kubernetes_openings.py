"""Policies that open Vatic's pods to everybody, without any of them saying so, each by a name that says how it does."""

from collections.abc import Mapping

from pydantic import JsonValue

from deployments.rehearsal.vendors.kubernetes import Manifest
from deployments.rehearsal.vendors.kubernetes_platform import policy

_BY_NAME = "kubernetes.io/metadata.name"


def _to(*peers: Manifest, ports: list[JsonValue] | None = None) -> Manifest:
    return {"from": [*peers], **({"ports": ports} if ports else {})}


def _block(cidr: str, *excepted: str) -> Manifest:
    return {"ipBlock": {"cidr": cidr, **({"except": [*excepted]} if excepted else {})}}


def _namespaces(key: str, operator: str, *values: str) -> Manifest:
    asked: Manifest = {"key": key, "operator": operator, **({"values": [*values]} if values else {})}
    return {"namespaceSelector": {"matchExpressions": [asked]}}


def _port(first: int, last: int) -> Manifest:
    return {"protocol": "TCP", "port": first, "endPort": last}


def _all(*rules: Manifest) -> tuple[Manifest, ...]:
    return (policy("let-all-in", {}, ["Ingress"], ingress=[*rules]),)


_QUARTERS = ("0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2")

OPENINGS: Mapping[str, tuple[Manifest, ...]] = {
    "open_to_any_address": _all(_to(_block("0.0.0.0/0"))),
    "open_to_any_address_of_ipv6": _all(_to(_block("::/0"))),
    "open_to_both_halves": _all(_to(_block("0.0.0.0/1"), _block("128.0.0.0/1"))),
    "open_to_quarters_by_several": tuple(
        policy(f"let-in-{number}", {}, ["Ingress"], ingress=[_to(_block(cidr))])
        for number, cidr in enumerate(_QUARTERS)
    ),
    "open_to_all_but_few_addresses": _all(_to(_block("0.0.0.0/0", "10.0.0.0/8", "169.254.169.254/32"))),
    "open_to_all_namespaces": _all(_to({"namespaceSelector": {}})),
    "open_to_all_pods": _all(_to({"namespaceSelector": {}, "podSelector": {}})),
    "open_to_all_namespaces_but_one": _all(_to(_namespaces(_BY_NAME, "NotIn", "sandbox"))),
    "open_to_namespaces_with_a_name": _all(_to(_namespaces(_BY_NAME, "Exists"))),
    "open_on_all_ports": _all(_to(ports=[_port(1, 65535)])),
    "open_on_both_halves_of_ports": _all(_to(ports=[_port(1, 20000)]), _to(ports=[_port(20001, 65535)])),
    "open_on_every_port_of_tcp": _all(_to(_block("0.0.0.0/0"), ports=[{"protocol": "TCP"}])),
    "open_for_each_service": (policy("let-all-in", {"matchLabels": {"tier": "service"}}, ["Ingress"], ingress=[{}]),),
}
