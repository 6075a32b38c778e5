"""Nodes: which of them take pods, where they stand, and which are short of something."""

from collections.abc import Sequence

from tasks.kubernetes_api import Cluster
from tasks.kubernetes_parts import Condition, Part, Thing, condition

_ZONES = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
_CONTROL_PLANE = {"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"}
_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")


class Taint(Part):
    """What keeps pods off a node."""

    key: str
    effect: str = ""


class NodeSpec(Part):
    """How a node is to be used."""

    unschedulable: bool = False
    taints: Sequence[Taint] = ()


class NodeStatus(Part):
    """How a node fares."""

    conditions: Sequence[Condition] = ()


class Node(Thing):
    """A node."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def control_plane(self) -> bool:
        """Whether it is kept for the cluster's own control plane, so that no work of ours runs there."""
        return any(taint.key in _CONTROL_PLANE for taint in self.spec.taints)

    @property
    def zone(self) -> str:
        """The zone it stands in; "" where no label says."""
        return next((self.metadata.labels[key] for key in _ZONES if key in self.metadata.labels), "")

    @property
    def out(self) -> str:
        """Why it takes no pods; "" where it does."""
        ready = condition(self.status.conditions, "Ready")
        if ready.status != "True":
            return str(ready)
        if self.metadata.deletion_timestamp is not None:
            return "being deleted"
        return "cordoned" if self.spec.unschedulable else ""

    @property
    def short(self) -> tuple[str, ...]:
        """What it is short of, or may be, since it no longer says."""
        pressures = [one for one in self.status.conditions if one.type in _PRESSURES]
        return tuple(str(one) for one in pressures if one.status != "False")


async def workers(cluster: Cluster) -> tuple[Node, ...]:
    """The nodes that work is put on; raises CouldNotObserve."""
    nodes = await cluster.listed_everywhere(Node, "/api/v1", "nodes")
    return tuple(node for node in nodes if not node.control_plane)
