"""A FAKE of a Kubernetes cluster in which pods and nodes may be changed, and that mends itself after a while.

Served besides what is read: DELETE of a pod with `preconditions.uid` (409 where it is another's), its eviction (429
where a disruption budget allows none), a merge patch of a node with `metadata.resourceVersion` (409 where it was
changed since), and `/customers`, which is no part of the API: 200 while a pod of the Deployment `serves` is ready.

What controllers and kubelets do, it does whenever it is asked something: an evicted pod is gone, and another one of its
ReplicaSet is ready on a node that takes pods `delay` seconds later; status and budgets are counted anew.
"""

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deployments.rehearsal.vendors.kubernetes import KubernetesFake, Manifest, inside, put, text
from deployments.rehearsal.vendors.kubernetes_manifests import a_condition

PODS, NODES = "/api/v1/namespaces/{}/pods", "/api/v1/nodes"
_DEPLOYMENTS, _BUDGETS = "/apis/apps/v1/namespaces/{}/deployments", "/apis/policy/v1/namespaces/{}/poddisruptionbudgets"


@dataclass
class DrillCluster(KubernetesFake):
    """One namespace of it is alive.

    Attributes:
        namespace: that one.
        serves: the Deployment that customers ask.
        delay: seconds until a pod that replaces another one is ready.
        writes: what was asked for: method and path.
        away: whether its API server answers nobody; customers are answered all the same.
    """

    namespace: str = "vatic"
    serves: str = "orders"
    delay: float = 0.3
    writes: list[tuple[str, str]] = field(default_factory=list)
    away: bool = False
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _due: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def restored(self) -> Iterator[None]:
        """See KubernetesFake."""
        before = copy.deepcopy((self.delay, self._due))
        with super().restored():
            self.writes.clear()
            yield
        self.delay, self._due = before

    def app(self) -> Starlette:
        """See KubernetesFake."""
        routes = [
            Route("/customers", self._customers),
            Route("/{path:path}", self._alive, methods=["GET", "DELETE", "POST", "PATCH"]),
        ]
        return Starlette(routes=routes)

    @property
    def pods(self) -> dict[str, Manifest]:
        """Those of its namespace, by name."""
        return self.objects[PODS.format(self.namespace)]

    @property
    def nodes(self) -> dict[str, Manifest]:
        """By name."""
        return self.objects[NODES]

    def on(self, node: str) -> list[str]:
        """The names of the pods of its namespace there."""
        return [name for name, one in self.pods.items() if inside(one, "spec/nodeName") == node]

    async def _customers(self, _request: Request) -> Response:
        self._mend()
        ready = [one for one in self.pods.values() if _app(one) == self.serves and _ready(one)]
        return PlainTextResponse("", 200 if ready else 503)

    async def _alive(self, request: Request) -> Response:
        self._mend()
        if self.away:
            return _status(503, "ServiceUnavailable")
        if request.method == "GET":
            return await self._get(request)
        if request.headers.get("authorization", "") != f"Bearer {self.token}":
            return _status(401, "Unauthorized")
        self.writes.append((request.method, request.url.path))
        body = await request.json()
        parent, _, name = request.url.path.rpartition("/")
        if request.method == "DELETE" and parent == PODS.format(self.namespace):
            return self._removed(name, body)
        if request.method == "POST" and name == "eviction":
            return self._evicted(parent.rpartition("/")[2], body)
        if request.method == "PATCH" and parent == NODES:
            return self._patched(name, body)
        return _status(405, "MethodNotAllowed")

    def _removed(self, name: str, options: Manifest) -> Response:
        known = self.pods.get(name)
        if known is None:
            return _status(404, "NotFound")
        if inside(options, "preconditions/uid") != inside(known, "metadata/uid"):
            return _status(409, "Conflict")
        del self.pods[name]
        another = copy.deepcopy(known)
        number = next(self._numbers)
        put(another, "metadata/name", f"{name.rpartition('-')[0]}-n{number:04d}")
        put(another, "metadata/uid", f"new-{number}")
        put(another, "status/conditions", [a_condition("Ready", "False")])
        put(another, "spec/nodeName", "")
        self.add(another)
        self._due[text(another, "metadata/name")] = time.monotonic() + self.delay
        self._mend()
        return JSONResponse({"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _evicted(self, name: str, eviction: Manifest) -> Response:
        known = self.pods.get(name)
        if known is None:
            return _status(404, "NotFound")
        budgets = self.objects.get(_BUDGETS.format(self.namespace), {})
        app = _app(known)
        if app in budgets and not inside(budgets[app], "status/disruptionsAllowed"):
            return _status(429, "TooManyRequests")
        options = inside(eviction, "deleteOptions")
        if not isinstance(options, dict):
            return _status(400, "BadRequest")
        done = self._removed(name, options)
        return JSONResponse({"kind": "Status", "status": "Success"}, 201) if done.status_code == 200 else done  # noqa: PLR2004

    def _patched(self, name: str, patch: Manifest) -> Response:
        known = self.nodes.get(name)
        if known is None:
            return _status(404, "NotFound")
        if inside(patch, "metadata/resourceVersion") != inside(known, "metadata/resourceVersion"):
            return _status(409, "Conflict")
        merged = _merged(known, patch)
        if not isinstance(merged, dict):
            return _status(400, "BadRequest")
        if merged != known:
            put(merged, "metadata/resourceVersion", str(next(self._numbers)))
        self.nodes[name] = merged
        return JSONResponse(merged)

    def _mend(self) -> None:
        """What controllers, scheduler and kubelets have done by now."""
        free = [name for name, one in self.nodes.items() if not _cordoned(one)]
        for name, due in list(self._due.items()):
            if name not in self.pods:
                del self._due[name]
            elif free and time.monotonic() >= due:
                put(self.pods[name], "spec/nodeName", min(free, key=lambda node: len(self.on(node))))
                put(self.pods[name], "status/conditions", [a_condition("Ready", "True")])
                del self._due[name]
        for name, one in self.objects[_DEPLOYMENTS.format(self.namespace)].items():
            mine = [pod for pod in self.pods.values() if _app(pod) == name]
            ready = sum(_ready(pod) for pod in mine)
            for counted in ("readyReplicas", "availableReplicas"):
                put(one, f"status/{counted}", ready)
            budget = self.objects.get(_BUDGETS.format(self.namespace), {}).get(name)
            if budget is not None:
                least = inside(budget, "status/desiredHealthy")
                put(budget, "status/disruptionsAllowed", max(0, ready - (least if isinstance(least, int) else 0)))


def _merged(known: JsonValue, patch: JsonValue) -> JsonValue:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    found = dict(known) if isinstance(known, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = _merged(found.get(key), value)
    return found


def _app(pod: Manifest) -> str:
    return text(pod, "metadata/labels/app")


def _ready(pod: Manifest) -> bool:
    conditions = inside(pod, "status/conditions")
    found = conditions if isinstance(conditions, list) else []
    return any(isinstance(one, dict) and (one["type"], one["status"]) == ("Ready", "True") for one in found)


def _cordoned(node: Manifest) -> bool:
    spec = inside(node, "spec")
    return isinstance(spec, dict) and spec.get("unschedulable") is True


def _status(code: int, reason: str) -> Response:
    return JSONResponse(
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}, code
    )
