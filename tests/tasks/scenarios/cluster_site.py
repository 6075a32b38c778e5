"""A small cluster that drills may change, with a book and an environment of its own."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from deployments.rehearsal.drill_site import write_book
from deployments.rehearsal.vendors.kubernetes import Manifest, put
from deployments.rehearsal.vendors.kubernetes_manifests import NAMESPACE, budget, deployment, owned_by, pod, pods_of
from deployments.rehearsal.vendors.kubernetes_platform import node
from deployments.rehearsal.vendors.kubernetes_writing import DrillCluster

TOKEN, READS = "may-change", "env:TMINUS_TEST_CLUSTER"
POD: dict[str, JsonValue] = {"kind": "kubernetes.pod_killed", "title": "A pod dies", "deployment": "orders"}
NODE: dict[str, JsonValue] = {"kind": "kubernetes.node_drained", "title": "A node is drained", "nodes": "spare"}
SPARE, OTHER = "node-a", "node-b"


def small_cluster() -> DrillCluster:
    """Orders' three pods, two of them on the one node that may be drained, beside what belongs to that node."""
    made = DrillCluster(token=TOKEN)
    made.add(deployment("orders", 3), *pods_of("orders", 3, [SPARE, OTHER]))
    made.add(budget("orders", 3, {"maxUnavailable": 1}, {"matchLabels": {"app": "orders"}}, 1))
    made.add(node(SPARE, "zone-a"), node(OTHER, "zone-b"))
    put(made.nodes[SPARE], "metadata/labels/drills", "yes")
    agent = pod("agent", "agent-x", SPARE, owned_by("DaemonSet", "agent"))
    mirror = pod("proxy", "proxy-node-a", SPARE, owned_by("Node", SPARE))
    finished = pod("batch", "batch-1", SPARE, owned_by("Job", "batch"), "Succeeded")
    put(finished, "metadata/namespace", "elsewhere")
    put(finished, "status/conditions", [])
    for one in (agent, mirror):
        put(one, "metadata/namespace", "kube-system")
    made.add(agent, mirror, finished)
    return made


@dataclass
class ClusterSite:
    """In `folder`; the cluster answers at `url`."""

    folder: Path
    url: str
    cluster: DrillCluster
    book: Path = field(init=False)
    environment_file: Path = field(init=False)
    plan: Path = field(init=False)

    def __post_init__(self) -> None:
        self.book, self.environment_file = self.folder / "drills.yaml", self.folder / "environment.yaml"
        self.plan = self.folder / "none"
        self.keep_environment()
        self.keep_book({"pod": POD, "node": NODE})

    def keep_book(self, scenarios: Mapping[str, Mapping[str, JsonValue]]) -> None:
        """Writes the book."""
        write_book(self.book, scenarios)

    def keep_environment(self, **nodes: JsonValue) -> None:
        """Writes the environment; `nodes` is what is said otherwise of the nodes."""
        client: Manifest = {"store": "http", "references": ["env:TMINUS_TEST_CUSTOMERS"]}
        may: Manifest = {"client": client, "token": READS}
        spare: Manifest = {**may, "label": "drills", "value": "yes", "namespaces": [NAMESPACE], **nodes}
        environment: Manifest = {
            "environment": "drills",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(self.folder / "ledger.sqlite")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(self.folder / "state"),
            "lease": "5s",
            "kubernetes": {"url": self.url, "token": "env:TMINUS_TEST_READS", "namespace": "elsewhere"},
            "drills": {
                "patience": "20s",
                "kubernetes": {"orders": {**may, "namespace": NAMESPACE, "deployment": "orders"}},
                "kubernetes_nodes": {"spare": spare},
            },
        }
        self.environment_file.write_text(json.dumps(environment), "utf-8")

    def secrets(self) -> dict[str, str]:
        """What a drill sees; the token that reads cannot change anything."""
        return {
            "TMINUS_TEST_CLUSTER": TOKEN,
            "TMINUS_TEST_READS": "reads-alone",
            "TMINUS_TEST_CUSTOMERS": f"{self.url}/customers",
        }

    def seen(self) -> dict[str, str]:
        """The same beside this process's own variables."""
        return {**os.environ, **self.secrets()}


def give_empty_dir(site: ClusterSite) -> None:
    """A pod of the node keeps something in an emptyDir."""
    put(site.cluster.pods[site.cluster.on(SPARE)[0]], "spec/volumes", [{"name": "scratch", "emptyDir": {}}])
