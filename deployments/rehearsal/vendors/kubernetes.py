"""A FAKE of a Kubernetes API server: what may be read of it, over plain mutable state.

Served, as https://kubernetes.io/docs/reference/using-api/api-concepts/ describes it: lists of the kinds in `KINDS`,
of a namespace or of the whole cluster, in pages (`limit`, `continue`), by a field (`fieldSelector`), and single
objects; 401 without the token, 403 for what is forbidden, 404 for what is not there, 410 for a page that can no
longer be had. `page` is the most objects in one answer, also where more were asked for, so that nobody gets by
without reading on.

Left out: everything else. No writing (but see kubernetes_writing), watching, selecting by labels (refused with 400),
tables, or kinds of one's own.
"""

import base64
import copy
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

Manifest = dict[str, JsonValue]
_READS = {"limit", "continue", "fieldSelector"}

KINDS = {
    "/api/v1": {
        "nodes": "Node",
        "pods": "Pod",
        "services": "Service",
        "persistentvolumes": "PersistentVolume",
        "persistentvolumeclaims": "PersistentVolumeClaim",
    },
    "/apis/apps/v1": {"deployments": "Deployment", "daemonsets": "DaemonSet"},
    "/apis/autoscaling/v2": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
    "/apis/policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
    "/apis/networking.k8s.io/v1": {"networkpolicies": "NetworkPolicy"},
    "/apis/storage.k8s.io/v1": {"storageclasses": "StorageClass"},
    "/apis/rbac.authorization.k8s.io/v1": {
        "roles": "Role",
        "rolebindings": "RoleBinding",
        "clusterroles": "ClusterRole",
        "clusterrolebindings": "ClusterRoleBinding",
    },
    "/apis/security.istio.io/v1": {"peerauthentications": "PeerAuthentication"},
    "/apis/security.istio.io/v1beta1": {"peerauthentications": "PeerAuthentication"},
    "/apis/networking.istio.io/v1": {"destinationrules": "DestinationRule", "virtualservices": "VirtualService"},
    "/apis/networking.istio.io/v1beta1": {"destinationrules": "DestinationRule", "virtualservices": "VirtualService"},
}
"""Group and version → the plural in addresses → the kind."""


@dataclass
class KubernetesFake:
    """A cluster.

    Attributes:
        token: the bearer's token that it wants.
        objects: the address of a list (`/api/v1/namespaces/vatic/pods`) → name → manifest.
        page: the most objects in one answer.
        unserved: groups that it does not know, as where an extension is not installed.
        forbidden: addresses of lists that the token may not read.
    """

    token: str
    objects: dict[str, dict[str, Manifest]] = field(default_factory=dict)
    page: int = 500
    unserved: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)

    def add(self, *manifests: Manifest) -> None:
        """Takes in objects, each under the address that its own kind, group and namespace give it."""
        for manifest in manifests:
            name = text(manifest, "metadata/name")
            self.objects.setdefault(address(manifest), {})[name] = manifest

    @contextmanager
    def restored(self) -> Iterator[None]:
        """The block after which everything is as it was before."""
        before = copy.deepcopy((self.objects, self.page, self.unserved, self.forbidden))
        try:
            yield
        finally:
            self.objects, self.page, self.unserved, self.forbidden = before

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Route("/{path:path}", self._get, methods=["GET"])])

    async def _get(self, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            return _status(401, "Unauthorized", "Unauthorized")
        path = request.url.path
        if unknown := sorted(set(request.query_params) - _READS):
            return _status(400, "BadRequest", f"this fake knows no {', '.join(unknown)}")
        if (kind := self._kind(path)) is not None:
            return self._list(request, path, kind)
        parent, _, name = path.rpartition("/")
        if self._kind(parent) is None:
            return PlainTextResponse("404 page not found\n", 404)
        if parent in self.forbidden:
            return _status(403, "Forbidden", f"{parent} is forbidden")
        found = self._all(parent).get(name)
        return _status(404, "NotFound", f"{name!r} not found") if found is None else JSONResponse(found)

    def _all(self, path: str) -> dict[str, Manifest]:
        """What is in the list at that address; of a kind that belongs to namespaces, that of all of them."""
        group, _, plural = path.rpartition("/")
        if "/namespaces/" in path:
            return self.objects.get(path, {})
        lists = [found for where, found in self.objects.items() if _in_namespace(where) == (group, plural)]
        named = {f"{name} {at}": one for at, found in enumerate(lists) for name, one in found.items()}
        return {**self.objects.get(path, {}), **named}

    def _kind(self, path: str) -> str | None:
        """The kind of a list at that address; None where there is no such list."""
        for group, kinds in KINDS.items():
            if group in self.unserved or not path.startswith(f"{group}/"):
                continue
            parts = path.removeprefix(f"{group}/").split("/")
            if len(parts) == 1 or (len(parts) == 3 and parts[0] == "namespaces"):  # noqa: PLR2004 - namespaces/x/pods
                return kinds.get(parts[-1])
        return None

    def _list(self, request: Request, path: str, kind: str) -> Response:
        if path in self.forbidden:
            return _status(403, "Forbidden", f"{path} is forbidden")
        wanted = request.query_params.get("fieldSelector", "")
        everything = [one for _, one in sorted(self._all(path).items()) if _selected(one, wanted)]
        start = _start(request.query_params.get("continue", ""))
        if start is None or start > len(everything):
            return _status(410, "Expired", "The provided continue parameter is too old")
        asked = int(request.query_params.get("limit", "0")) or self.page
        end = start + min(asked, self.page)
        more: Manifest = {"resourceVersion": "918273"}
        if end < len(everything):
            more |= {"continue": _token(end), "remainingItemCount": len(everything) - end}
        group = "/".join(path.split("/")[2 : 3 if path.startswith("/api/") else 4])
        items = [{k: v for k, v in one.items() if k not in {"kind", "apiVersion"}} for one in everything[start:end]]
        return JSONResponse({"kind": f"{kind}List", "apiVersion": group, "metadata": more, "items": items})


def _in_namespace(path: str) -> tuple[str, str] | None:
    """Group and plural of a list that belongs to a namespace."""
    group, _, rest = path.partition("/namespaces/")
    return (group, rest.partition("/")[2]) if rest else None


def _selected(manifest: Manifest, field: str) -> bool:
    """Whether `spec.nodeName=a` holds of it; everything is where nothing is asked."""
    pointer, _, value = field.partition("=")
    try:
        return not field or text(manifest, pointer.replace(".", "/")) == value
    except KeyError:
        return not value


def address(manifest: Manifest) -> str:
    """The address of the list that an object is in; raises KeyError for a kind that is not served."""
    group = f"/{'apis' if '/' in str(manifest['apiVersion']) else 'api'}/{manifest['apiVersion']}"
    plural = {kind: plural for plural, kind in KINDS[group].items()}[str(manifest["kind"])]
    metadata = manifest["metadata"]
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    return f"{group}/namespaces/{namespace}/{plural}" if namespace else f"{group}/{plural}"


def text(manifest: JsonValue, pointer: str) -> str:
    """The text at `metadata/name`; raises KeyError, IndexError, TypeError."""
    found = inside(manifest, pointer)
    if not isinstance(found, str):
        raise TypeError(f"{pointer} is no text")
    return found


def inside(manifest: JsonValue, pointer: str) -> JsonValue:
    """What is at `spec/containers/0`; raises KeyError, IndexError, TypeError."""
    for part in pointer.split("/"):
        if isinstance(manifest, dict):
            manifest = manifest[part.replace("~1", "/")]
        elif isinstance(manifest, list):
            manifest = manifest[int(part)]
        else:
            raise TypeError(f"{pointer}: nothing is inside {part}")
    return manifest


def put(manifest: JsonValue, pointer: str, value: JsonValue) -> None:
    """Puts a value there, or takes away what is there where it is None; raises KeyError, IndexError, TypeError."""
    where, _, last = pointer.rpartition("/")
    parent = inside(manifest, where) if where else manifest
    key = last.replace("~1", "/")
    if isinstance(parent, dict) and value is None:
        del parent[key]
    elif isinstance(parent, dict):
        parent[key] = value
    elif isinstance(parent, list) and value is not None:
        parent[int(last)] = value
    else:
        raise TypeError(f"{pointer}: not in an object")


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"v": "meta.k8s.io/v1", "start": start}).encode()).decode()


def _start(token: str) -> int | None:
    if not token:
        return 0
    try:
        return int(json.loads(base64.urlsafe_b64decode(token))["start"])
    except (ValueError, KeyError, TypeError):
        return None


def _status(code: int, reason: str, message: str) -> Response:
    said = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    return JSONResponse({**said, "reason": reason, "code": code}, code)
