"""How the pods of deployments fare: restarts, containers that do not come up, and how many nodes carry them."""

from collections.abc import Mapping, Sequence

from tasks.kubernetes_deployments import Chosen, Deployment
from tasks.kubernetes_pods import Pod

# What the kubelet says while it does not get a container to run; `ContainerCreating` and `PodInitializing` are none.
_STUCK = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)


def pods_of(chosen: Chosen, pods: Sequence[Pod], *, everything: bool) -> tuple[Pod, ...]:
    """The pods that the chosen deployments made; with `everything` also those that no deployment did."""
    return tuple(pod for pod in pods if pod.deployment in chosen.found or (everything and pod.deployment is None))


def restarts(pods: Sequence[Pod]) -> Mapping[str, int]:
    """`workload/container` → how often it was started anew, where it was."""
    found: dict[str, int] = {}
    for pod in pods:
        for status in pod.statuses:
            name = f"{pod.workload}/{status.name}"
            found[name] = found.get(name, 0) + status.restart_count
    return {name: count for name, count in sorted(found.items()) if count}


def stuck(pods: Sequence[Pod]) -> tuple[str, ...]:
    """A line for each container that does not come up."""
    return tuple(
        f"{pod.name}/{status.name}: {status.state.waiting.reason}"
        for pod in pods
        for status in pod.statuses
        if status.state.waiting is not None and status.state.waiting.reason in _STUCK
    )


def several(chosen: Chosen) -> Mapping[str, Deployment]:
    """The deployments of more than one replica: those that can be spread, and survive a node."""
    return {name: one for name, one in chosen.found.items() if one.spec.replicas > 1}


def nodes_each(names: Sequence[str], pods: Sequence[Pod]) -> Mapping[str, int]:
    """Deployment → on how many nodes its pods are."""
    return {name: len({pod.spec.node_name for pod in pods if pod.deployment == name} - {""}) for name in names}
