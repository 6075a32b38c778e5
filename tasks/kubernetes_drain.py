"""Whether a node can be drained without losing what nobody makes anew, and what a drain moves."""

from collections.abc import Collection, Iterator, Sequence

from tasks.kubernetes_nodes import Node
from tasks.kubernetes_pods import Pod, by_workload

_CORDONED = "node.kubernetes.io/unschedulable"  # https://kubernetes.io/docs/reference/labels-annotations-taints/


def moved(pods: Sequence[Pod]) -> tuple[Pod, ...]:
    """Those that a drain evicts: neither DaemonSets' nor mirror pods, nor what ran to its end."""
    return tuple(one for one in pods if not one.stays_with_its_node)


def why_not_drained(pods: Sequence[Pod], namespaces: Collection[str], *, empty_dirs: bool) -> Iterator[str]:
    """Each reason for which these pods must not be evicted.

    Args:
        pods: all of a node.
        namespaces: whose pods may be.
        empty_dirs: whether what they keep in volumes of the kind emptyDir may be lost.
    """
    going = moved(pods)
    if others := [one for one in going if one.metadata.namespace not in namespaces]:
        where = ", ".join(sorted({one.metadata.namespace for one in others})[:5])
        yield f"{by_workload(others)} of {where} would be evicted, and those namespaces are not named"
    if bare := [one for one in going if one.bare]:
        yield f"nobody would make {by_workload(bare)} anew"
    keeping = [one for one in going if any(volume.empty_dir for volume in one.spec.volumes)]
    if keeping and not empty_dirs:
        yield f"{by_workload(keeping)} would lose what is in an emptyDir; say `empty_dirs: true` where it may be lost"


def out_of_use(node: Node) -> str:
    """Why it does not take pods, cordoned or not yet quite uncordoned; "" where it does."""
    if node.out:
        return f"{node.name}: {node.out}"
    tainted = any(one.key == _CORDONED for one in node.spec.taints)
    return f"{node.name}: tainted {_CORDONED}" if tainted else ""
