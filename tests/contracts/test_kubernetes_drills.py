"""What drills change in a cluster, by Kubernetes' own description of its API."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from pydantic import JsonValue

from deployments.rehearsal.vendors.kubernetes_manifests import pod
from tasks.estate import Estate
from tasks.kubernetes_nodes import Node
from tasks.kubernetes_pods import Pod
from tasks.kubernetes_writing import DrilledCluster
from tests.conftest import Estates
from tests.contracts.conftest import held
from tminus.errors import CouldNotObserve

NODE = "node-a"


async def test_kubernetes_takes_every_change(contract: Callable[..., Any], estates: Estates) -> None:
    """Each is as Kubernetes' own description of its API says."""
    server = contract("kubernetes.json")
    own = Pod.model_validate(pod("orders", "orders-1", NODE, None))
    node = Node.model_validate({"metadata": {"name": NODE, "resourceVersion": "7"}})
    section: JsonValue = {"url": server.url, "token": "env:TMINUS_TEST_CONTRACT", "namespace": "vatic"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMINUS_TEST_CONTRACT", "a-token")
        async with estates.make(kubernetes=section) as estate:
            await _changed_everything(estate, own, node)
    assert {one["method"] for one in server.records} >= {"DELETE", "POST", "PATCH", "GET"}
    assert held(server) == []


async def _changed_everything(estate: Estate, own: Pod, node: Node) -> None:
    cluster = DrilledCluster(estate, None)
    await cluster.kill("vatic", own.name, own.metadata.uid)
    assert await cluster.evict(own)
    assert await cluster.change(node, {"tminus-drill": "a-drill"}, cordoned=True)
    for look in (cluster.node, cluster.on_node):
        with suppress(CouldNotObserve):  # the description's own example has no name
            await look(NODE)
