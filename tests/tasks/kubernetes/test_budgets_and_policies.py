"""Disruption budgets and network policies: the arithmetic, and what is meant where nothing is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from deployments.rehearsal.vendors.kubernetes_manifests import owned_by, pod
from tasks.kubernetes_budgets import Budget, Budgets
from tasks.kubernetes_network import Policy, denied
from tasks.kubernetes_pods import Pod

ORDERS: JsonValue = {"matchLabels": {"app": "orders"}}


def a_budget(spec: dict[str, JsonValue], status: JsonValue = None, name: str = "orders") -> Budget:
    """A budget over the pods of orders, which no controller has looked at unless `status` says so."""
    metadata: JsonValue = {"name": name, "generation": 2}
    return Budget.model_validate({"metadata": metadata, "spec": {"selector": ORDERS, **spec}, "status": status})


def pods(count: int) -> list[Pod]:
    """Pods of orders."""
    owner = owned_by("ReplicaSet", "orders-7c9d8f6b54")
    return [Pod.model_validate(pod("orders", f"orders-{number}", "node-1", owner)) for number in range(count)]


SHARES = st.integers(0, 100).map(lambda percent: f"{percent}%")


@given(st.one_of(st.integers(0, 20), SHARES), st.integers(1, 20))
def test_what_must_be_left_and_what_may_go_are_the_same_rule(value: int | str, replicas: int) -> None:
    """What minAvailable lets go is never negative nor more than all, and as maxUnavailable it lets the same go."""
    least = a_budget({"minAvailable": value}).spares(replicas)
    assert 0 <= least <= replicas
    assert a_budget({"maxUnavailable": least}).spares(replicas) == least


@pytest.mark.parametrize(
    ("spec", "replicas", "blocks"),
    [
        ({"minAvailable": "50%"}, 1, True),
        ({"minAvailable": "50%"}, 2, False),
        ({"minAvailable": "51%"}, 2, True),
        ({"maxUnavailable": "1%"}, 100, False),
        ({"maxUnavailable": "1%"}, 1, False),
        ({"minAvailable": 5}, 3, True),
        ({}, 3, True),
    ],
)
def test_a_budget_is_counted_before_its_controller_has_looked(
    spec: dict[str, JsonValue], replicas: int, blocks: bool
) -> None:
    """By the pods that it selects; percentages of both kinds are rounded up."""
    assert bool(Budgets([a_budget(spec)], pods(replicas)).blocking()) == blocks


def test_an_outdated_count_is_not_believed() -> None:
    """A status of an earlier generation says nothing of what the budget demands now."""
    before = a_budget({"minAvailable": 3}, {"observedGeneration": 1, "expectedPods": 0})
    assert before.expected(pods(3)) == 3
    now = a_budget({"minAvailable": 3}, {"observedGeneration": 2, "expectedPods": 4})
    assert now.expected(pods(3)) == 4


def test_a_budget_that_demands_nothing_allows_nothing() -> None:
    """The controller then expects no pods, and allows no disruption of those that there are."""
    silent = a_budget({}, {"observedGeneration": 2, "expectedPods": 0})
    assert set(Budgets([silent], pods(3)).blocking()) == {"orders"}


def test_a_budget_without_pods_blocks_nothing() -> None:
    """Nothing is there that a drain would wait for."""
    assert Budgets([a_budget({"maxUnavailable": 0})], []).blocking() == {}


def test_two_budgets_over_one_pod_block_each_other() -> None:
    """The eviction API refuses a pod that has two budgets, however generous each is."""
    both = [a_budget({"maxUnavailable": 1}), a_budget({"maxUnavailable": 2}, name="orders-too")]
    assert set(Budgets(both, pods(3)).blocking()) == {"orders", "orders-too"}
    assert Budgets(both, []).blocking() == {}


def a_policy(**spec: JsonValue) -> Policy:
    """A policy for every pod."""
    return Policy.model_validate({"metadata": {"name": "one"}, "spec": {"podSelector": {}, **spec}})


@pytest.mark.parametrize(
    ("spec", "ingress", "egress"),
    [
        ({}, True, False),
        ({"policyTypes": ["Egress"]}, False, True),
        ({"policyTypes": ["Ingress", "Egress"]}, True, True),
        ({"policyTypes": []}, False, False),
        ({"ingress": []}, True, False),
        ({"ingress": None, "egress": None}, True, False),
        ({"egress": [{"ports": [{"port": 53}]}]}, True, False),
        ({"ingress": [{}]}, False, False),
        ({"ingress": [{"from": []}]}, False, False),
        ({"policyTypes": ["Ingress", "Egress"], "ingress": [{"ports": [{"port": 80}]}]}, False, True),
    ],
)
def test_what_is_closed_by_default(spec: dict[str, JsonValue], ingress: bool, egress: bool) -> None:
    """Ingress counts where no types are named; a type without rules closes, one with any rule opens something."""
    assert denied([a_policy(**spec)], "Ingress") == ingress
    assert denied([a_policy(**spec)], "Egress") == egress


def test_policies_add_up() -> None:
    """What one closes another may open: for some ports it stays closed by default, for everything it does not."""
    closed = a_policy(policyTypes=["Ingress"])
    assert denied([closed, a_policy(ingress=[{"ports": [{"port": 443}]}])], "Ingress")
    assert not denied([closed, a_policy(ingress=[{}])], "Ingress")
