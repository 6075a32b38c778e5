"""What drills change in a Kubernetes cluster: each names what it must still be, so that nothing else is ever changed.

https://kubernetes.io/docs/reference/using-api/api-concepts/ (preconditions, resourceVersion, merge patches).
"""

from http import HTTPStatus

from pydantic import JsonValue

from tasks.estate import Estate
from tasks.kubernetes_api import Cluster, section_of
from tasks.kubernetes_nodes import Node
from tasks.kubernetes_pods import Pod
from tasks.vendor_api import VendorApi
from tminus.credentials import SecretRef
from tminus.errors import Refused

_CORE = "/api/v1"
_PATCH = "application/merge-patch+json"
_CHANGED = (HTTPStatus.CONFLICT,)
_HELD_BACK = (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)


class DrilledCluster:
    """The environment's cluster, as whoever may change something of it for a drill.

    Every method raises CouldNotObserve, NotConfigured, MissingSecret.

    Attributes:
        seen: the same, to be looked at.
    """

    def __init__(self, estate: Estate, token: SecretRef | None) -> None:
        section = section_of(estate)
        section = section if token is None else section.model_copy(update={"token": token})
        self._api = VendorApi("kubernetes", section, estate.clients.trusting(section.ca_file))
        self.seen = Cluster(self._api, section.namespace)

    async def node(self, name: str) -> Node | None:
        """As it is now; None where there is none."""
        return await self.seen.one(Node, _CORE, "nodes", name)

    async def on_node(self, name: str) -> tuple[Pod, ...]:
        """Every pod there, of all namespaces."""
        return await self.seen.selected(Pod, _CORE, "pods", f"spec.nodeName={name}")

    async def kill(self, namespace: str, name: str, uid: str) -> None:
        """Deletes just this pod without any grace; raises Refused where it is gone, or another one by now."""
        options = _options(uid, {"gracePeriodSeconds": 0})
        reply = await self._api.ask(
            "DELETE", _pod(namespace, name), json=options, headers=await self._api.bearer(), answers=_CHANGED
        )
        if reply.absent or reply.status in _CHANGED:
            raise Refused(f"{namespace}/{name} is not the pod any more that was planned; nothing was killed")

    async def evict(self, pod: Pod) -> bool:
        """Asks for its eviction; False where that is held back now, as by a disruption budget. One that is gone is."""
        where: JsonValue = {"name": pod.name, "namespace": pod.metadata.namespace}
        eviction: JsonValue = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": where,
            "deleteOptions": _options(pod.metadata.uid, {}),
        }
        path = f"{_pod(pod.metadata.namespace, pod.name)}/eviction"
        reply = await self._api.ask("POST", path, json=eviction, headers=await self._api.bearer(), answers=_HELD_BACK)
        return reply.status != HTTPStatus.TOO_MANY_REQUESTS

    async def change(self, node: Node, annotations: dict[str, str | None], *, cordoned: bool | None = None) -> bool:
        """Changes a node, all or nothing; False where somebody else changed it since it was looked at.

        Args:
            node: as it was seen; no later one is changed.
            annotations: what they become; None takes one away.
            cordoned: whether it takes no new pods; left as it is where that is None.
        """
        known: dict[str, JsonValue] = {
            "resourceVersion": node.metadata.resource_version,
            "annotations": {**annotations},
        }
        patch: dict[str, JsonValue] = {"metadata": known}
        if cordoned is not None:
            patch["spec"] = {"unschedulable": True if cordoned else None}
        headers = {**await self._api.bearer(), "Content-Type": _PATCH}
        path = f"{_CORE}/nodes/{node.name}"
        reply = await self._api.ask("PATCH", path, json=patch, headers=headers, answers=_CHANGED)
        return not reply.absent and reply.status not in _CHANGED


def _pod(namespace: str, name: str) -> str:
    return f"{_CORE}/namespaces/{namespace}/pods/{name}"


def _options(uid: str, more: dict[str, JsonValue]) -> JsonValue:
    return {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}, **more}
