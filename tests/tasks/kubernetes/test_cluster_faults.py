"""The faults of the worlds' cluster, each of which must be one that some check is held against."""

from bench.worlds.istio import IstioWorld
from bench.worlds.kubernetes import KubernetesWorld
from deployments.rehearsal.vendors.kubernetes_additions import ADDED
from deployments.rehearsal.vendors.kubernetes_faults import CHANGED, GONE


def test_every_fault_of_the_cluster_is_played() -> None:
    """A fault that no check is held against would prove nothing."""
    cases = [*KubernetesWorld.cases, *IstioWorld.cases]
    played = {(one[0], one[1]) for case in cases for one in case.broken_by if isinstance(one, tuple)}
    there = {
        (fault, name) for fault, names in (("changed", CHANGED), ("gone", GONE), ("added", ADDED)) for name in names
    }
    assert there - played == set()
