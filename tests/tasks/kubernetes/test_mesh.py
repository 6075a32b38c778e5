"""Istio: which host a rule means, and which expectations could not be judged."""

from datetime import timedelta

import pytest
from pydantic import JsonValue, ValidationError

from tasks.checks.istio import TrafficPolicy
from tasks.istio_api import is_for, whole_host
from tasks.istio_mtls import PeerAuthentication, _by_policy, _mode
from tasks.istio_traffic import FOREVER, DestinationRule, HttpRoute, VirtualService


@pytest.mark.parametrize(
    ("written", "means_orders_in_vatic"),
    [
        ("orders", True),
        ("orders.vatic.svc.cluster.local", True),
        ("orders.vatic.svc.corp.example", True),
        ("*.vatic.svc.cluster.local", True),
        ("*", True),
        ("orders.vatic", False),
        ("orders.staging.svc.cluster.local", False),
        ("*.staging.svc.cluster.local", False),
        ("risk", False),
        ("reorders", False),
    ],
)
def test_which_host_a_rule_means(written: str, means_orders_in_vatic: bool) -> None:
    """A name without a dot is completed, any other is taken as it stands."""
    assert is_for(whole_host(written, "vatic"), whole_host("orders", "vatic")) == means_orders_in_vatic


def peers(*specs: JsonValue) -> list[PeerAuthentication]:
    """Policies, the oldest first."""
    return [PeerAuthentication.model_validate({"metadata": {"name": "one"}, "spec": spec}) for spec in specs]


SELECTED: JsonValue = {"matchLabels": {"app": "orders"}}


@pytest.mark.parametrize(
    ("own", "meshwide", "mode"),
    [
        ([], [], "PERMISSIVE"),
        ([], [{"mtls": {"mode": "STRICT"}}], "STRICT"),
        ([{"mtls": {"mode": "PERMISSIVE"}}], [{"mtls": {"mode": "STRICT"}}], "PERMISSIVE"),
        ([{"mtls": {"mode": "UNSET"}}], [{"mtls": {"mode": "STRICT"}}], "STRICT"),
        ([{}], [{"mtls": {"mode": "STRICT"}}], "STRICT"),
        ([{"mtls": None}], [], "PERMISSIVE"),
        ([{"selector": SELECTED, "mtls": {"mode": "STRICT"}}], [], "PERMISSIVE"),
        ([{"selector": {}, "mtls": {"mode": "STRICT"}}], [], "STRICT"),
        ([{"mtls": {"mode": "STRICT"}}, {"mtls": {"mode": "DISABLE"}}], [], "STRICT"),
    ],
)
def test_which_policy_counts(own: list[JsonValue], meshwide: list[JsonValue], mode: str) -> None:
    """The namespace's before the mesh's, the oldest before others, and none for a workload."""
    assert _mode({"vatic": peers(*own), "istio-system": peers(*meshwide)})[0] == mode


@pytest.mark.parametrize(
    ("spec", "exceptions"),
    [
        ({"selector": SELECTED, "mtls": {"mode": "STRICT"}}, 0),
        ({"selector": SELECTED, "mtls": {"mode": "UNSET"}}, 0),
        ({"selector": SELECTED, "mtls": {"mode": "DISABLE"}}, 1),
        ({"selector": SELECTED, "portLevelMtls": {"80": {"mode": "PERMISSIVE"}, "81": {"mode": "STRICT"}}}, 1),
        ({"selector": SELECTED, "portLevelMtls": {"80": {"mode": "UNSET"}}}, 0),
        ({"portLevelMtls": {"80": {"mode": "DISABLE"}}}, 0),
    ],
)
def test_which_policies_are_exceptions(spec: JsonValue, exceptions: int) -> None:
    """What leaves a workload or a port open; ports count only where a workload is selected, as for Istio."""
    assert len(list(_by_policy(peers(spec)))) == exceptions


@pytest.mark.parametrize(
    ("timeout", "longest"),
    [
        ("2s", timedelta(seconds=2)),
        ("1m30s", timedelta(seconds=90)),
        ("250ms", timedelta(milliseconds=250)),
        ("0s", FOREVER),
        (None, FOREVER),
    ],
)
def test_how_long_a_route_may_take(timeout: str | None, longest: timedelta) -> None:
    """No timeout, and one of 0 s, are no limit."""
    assert HttpRoute.model_validate({"timeout": timeout}).longest == longest


@pytest.mark.parametrize(
    ("expect", "sound"),
    [
        ({"timeout": "<= 5 s"}, True),
        ({"timeout": "= 5 s"}, True),
        ({"timeout": "> 0 s"}, False),
        ({"timeout": "> 0 s", "timed": "= all"}, True),
        ({"pool": "<= 500"}, True),
        ({"pool": ">= 1"}, False),
        ({"pool": ">= 1", "pooled": "= yes"}, True),
    ],
)
def test_no_limit_is_not_more_than_a_number(expect: dict[str, str], sound: bool) -> None:
    """Where nothing is limited the number is huge, so a lower limit alone would hold for the wrong reason."""
    if sound:
        TrafficPolicy.model_validate({"host": "orders", "expect": expect})
    else:
        with pytest.raises(ValidationError, match="expect must also say"):
            TrafficPolicy.model_validate({"host": "orders", "expect": expect})


@pytest.mark.parametrize(
    ("spec", "counts"),
    [
        ({"hosts": ["orders"]}, True),
        ({"hosts": ["orders.vatic.svc.cluster.local", "api.example.com"]}, True),
        ({"hosts": ["*"]}, True),
        ({"hosts": ["api.example.com"]}, False),
        ({"hosts": []}, False),
        ({"hosts": ["orders"], "gateways": []}, True),
        ({"hosts": ["orders"], "gateways": ["ingress/public", "mesh"]}, True),
        ({"hosts": ["orders"], "gateways": ["ingress/public"]}, False),
    ],
)
@pytest.mark.parametrize("ending", [False, True])
def test_which_routes_take_requests_to_a_service(spec: dict[str, JsonValue], counts: bool, ending: bool) -> None:
    """Those of its own host, for clients inside the mesh; a VirtualService that is being deleted has none."""
    to: JsonValue = [{"route": [{"destination": {"host": "orders"}}]}]
    metadata: JsonValue = {"name": "one", **({"deletionTimestamp": "2026-11-01T08:00:00Z"} if ending else {})}
    found = VirtualService.model_validate({"metadata": metadata, "spec": {**spec, "http": to}})
    assert bool(found.routes(whole_host("orders", "vatic"), "vatic")) == (counts and not ending)


@pytest.mark.parametrize(
    ("match", "counts"),
    [
        ([{"uri": {"prefix": "/"}}], True),
        ([{"gateways": ["ingress/public"]}], False),
        ([{"gateways": ["ingress/public"]}, {"uri": {"prefix": "/"}}], True),
        ([{"gateways": ["mesh"]}], True),
    ],
)
def test_a_route_may_be_for_a_gateway_only(match: JsonValue, counts: bool) -> None:
    """What a match says of gateways counts before what the VirtualService does."""
    http: JsonValue = [{"match": match, "route": [{"destination": {"host": "orders"}}]}]
    found = VirtualService.model_validate({"metadata": {"name": "one"}, "spec": {"hosts": ["orders"], "http": http}})
    assert bool(found.routes(whole_host("orders", "vatic"), "vatic")) == counts


@pytest.mark.parametrize(("selector", "for_all"), [(None, True), ({}, False), (SELECTED, False)])
def test_a_rule_with_a_selector_is_for_some(selector: JsonValue, for_all: bool) -> None:
    """Clients that it does not select do not keep to it."""
    spec: JsonValue = {"host": "orders", "workloadSelector": selector}
    assert DestinationRule.model_validate({"metadata": {"name": "one"}, "spec": spec}).for_all == for_all
