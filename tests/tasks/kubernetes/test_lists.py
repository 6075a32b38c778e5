"""Lists of the API server: read to the end, and never taken for what they are not."""

import json
from collections.abc import Callable

import pytest
from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.rehearsal.vendors.kubernetes import KubernetesFake, put
from deployments.rehearsal.vendors.kubernetes_manifests import owned_by, pod
from deployments.rehearsal.vendors.kubernetes_mesh import mesh
from deployments.rehearsal.vendors.kubernetes_platform import platform
from tests.tasks.kubernetes.conftest import TOKEN, Ask
from tminus.outcome import Verdict

KINDS: dict[str, tuple[dict[str, str], dict[str, JsonValue]]] = {
    "kubernetes.nodes": ({"ready": "= all", "pressure": "= 0"}, {}),
    "kubernetes.limits": ({"limited": "= all"}, {}),
    "kubernetes.autoscalers": ({"able": "= all", "stuck": "= 0"}, {}),
    "kubernetes.disruption_budgets": ({"blocking": "= 0"}, {}),
    "kubernetes.network_policies": ({"open": "= 0"}, {}),
    "kubernetes.storage": ({"volumes": "= all"}, {}),
    "kubernetes.workloads": ({"restarts": "= 0"}, {}),
    "kubernetes.rbac": ({"wildcards": "= 0"}, {}),
    "istio.mtls": ({"exceptions": "= 0"}, {}),
    "istio.traffic": ({"retries": "<= 2"}, {"host": "orders"}),
}
GARBAGE = {
    "nothing": "",
    "no JSON": "<html>sign in</html>",
    "half of it": '{"kind": "PodList", "items": [',
    "an empty object": "{}",
    "null": "null",
    "a number": "1e400",
    "a list": "[]",
    "a status": '{"kind": "Status", "status": "Failure", "items": []}',
    "no items of a list, but text": '{"kind": "PodList", "items": "none"}',
    "items that are no objects": '{"kind": "PodList", "items": [1, null]}',
    "items without a name": '{"kind": "PodList", "items": [{"metadata": {}}]}',
    "an object without a name's length": '{"kind": "PodList", "items": [{"metadata": {"name": ""}}]}',
    "a continue that is none": '{"kind": "PodList", "metadata": {"continue": 7}, "items": []}',
    "depth": "[" * 10_000,
    "bytes that are no text": b"\xff\xfe\x00",
}


def page(items: list[JsonValue], more: str = "") -> Starlette:
    """An application whose every list has these items, and says that there is more."""

    async def answer(_request: Request) -> Response:
        return JSONResponse({"kind": "AnyList", "metadata": {"continue": more}, "items": items})

    return Starlette(routes=[Route("/{path:path}", answer)])


@pytest.mark.parametrize("what", GARBAGE)
@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_no_list_proves_nothing(ask: Ask, saying: Callable[..., Starlette], kind: str, what: str) -> None:
    """Whatever answers with something else than a Kubernetes list is not a cluster that is well."""
    expect, given = KINDS[kind]
    outcome = await ask(saying(GARBAGE[what]), kind, expect, **given)
    assert outcome.verdict is Verdict.UNKNOWN, outcome.summary


@pytest.mark.parametrize("kind", KINDS)
async def test_an_empty_cluster_passes_nothing(ask: Ask, kind: str) -> None:
    """Where there is nothing, as in a namespace whose name is mistyped, no count of what is wrong reads as good."""
    expect, given = KINDS[kind]
    outcome = await ask(page([]), kind, expect, **given)
    assert outcome.verdict in {Verdict.FAIL, Verdict.UNKNOWN}, outcome.summary


@pytest.mark.parametrize("status", [401, 403, 404, 410, 429, 500, 503])
async def test_a_refusal_is_no_observation(ask: Ask, saying: Callable[..., Starlette], status: int) -> None:
    """Refusals, and an address that knows no pods, are neither good nor bad."""
    outcome = await ask(saying('{"kind": "Status"}', status), "kubernetes.limits", {"limited": "= all"})
    assert outcome.verdict is Verdict.UNKNOWN
    assert str(status) in outcome.summary


async def test_a_page_that_never_ends_ends(ask: Ask) -> None:
    """A server that always says that there is more is not asked for ever."""
    outcome = await ask(page([], more="again"), "kubernetes.limits", {"limited": "= all"})
    assert outcome.verdict is Verdict.UNKNOWN
    assert "did not end" in outcome.summary


async def test_an_expired_page_is_no_end(ask: Ask) -> None:
    """Where a later page is refused, what was read before is not taken for the whole."""
    cluster = platform(TOKEN)

    async def answer(request: Request) -> Response:
        return await cluster._get(request) if "continue" not in request.query_params else Response("{}", 410)

    app = Starlette(routes=[Route("/{path:path}", answer)])
    outcome = await ask(app, "kubernetes.limits", {"limited": ">= 1"})
    assert outcome.verdict is Verdict.UNKNOWN


async def test_pods_on_the_last_page_count(ask: Ask) -> None:
    """Of 1200 pods the one without limits is found, though it comes last."""
    cluster = KubernetesFake(token=TOKEN)
    owner = owned_by("ReplicaSet", "orders-7c9d8f6b54")
    cluster.add(*(pod("orders", f"orders-7c9d8f6b54-{number:05d}", "node-1", owner) for number in range(1200)))
    last = cluster.objects["/api/v1/namespaces/vatic/pods"]["orders-7c9d8f6b54-01199"]
    put(last, "spec/containers/0/resources/limits", None)
    outcome = await ask(cluster.app(), "kubernetes.limits", {"limited": "= all", "pods": "= 1200"})
    assert outcome.verdict is Verdict.FAIL
    assert "limited 3599 of 3600" in outcome.summary


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("spec/containers", []),
        ("spec/containers", None),
        ("spec/containers/0/resources/limits/cpu", "much"),
        ("spec/containers/0/resources/limits/cpu", ["1"]),
        ("status/phase", "Well"),
        ("status/containerStatuses/0/restartCount", -1),
        ("status/containerStatuses/0/restartCount", 10**30),
        ("metadata/labels", ["app"]),
        ("metadata/name", "x" * 300),
        ("status", None),
    ],
)
async def test_a_pod_that_is_not_as_documented_proves_nothing(ask: Ask, pointer: str, value: JsonValue) -> None:
    """One object that cannot be read makes the whole list unreadable, since nobody knows what it would have said."""
    cluster = platform(TOKEN)
    put(next(iter(cluster.objects["/api/v1/namespaces/vatic/pods"].values())), pointer, value)
    outcome = await ask(cluster.app(), "kubernetes.workloads", {"restarts": "= 0"})
    assert outcome.verdict is Verdict.UNKNOWN
    assert len(outcome.summary) < 500


@pytest.mark.parametrize("empty", ["items", "metadata"])
async def test_an_empty_list_may_be_null(ask: Ask, saying: Callable[..., Starlette], empty: str) -> None:
    """Go writes null for a list that was never made; that is a list without anything."""
    body: dict[str, JsonValue] = {"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": []}
    outcome = await ask(saying(json.dumps({**body, empty: None})), "kubernetes.nodes", {"ready": "= all"})
    assert outcome.verdict is Verdict.FAIL
    assert "there are no nodes" in outcome.summary


@pytest.mark.parametrize(
    ("kind", "expect", "forbidden"),
    [
        ("kubernetes.storage", {"volumes": "= all"}, "/api/v1/persistentvolumes"),
        ("kubernetes.network_policies", {"covered": "= all"}, "/apis/apps/v1/namespaces/kube-system/daemonsets"),
    ],
)
async def test_what_is_not_expected_is_not_asked_for(
    ask: Ask, kind: str, expect: dict[str, str], forbidden: str
) -> None:
    """What needs a wider permission is read only by those who expect something of it."""
    cluster = platform(TOKEN)
    cluster.forbidden.add(forbidden)
    more = {"retained": "= all"} if "storage" in kind else {"enforced": "= yes"}
    assert (await ask(cluster.app(), kind, expect)).verdict is Verdict.PASS
    assert (await ask(cluster.app(), kind, {**expect, **more})).verdict is Verdict.UNKNOWN


async def test_an_older_istio_is_read_too(ask: Ask) -> None:
    """Before Istio 1.22 its kinds were served as v1beta1 only."""
    cluster = platform(TOKEN)
    mesh(cluster)
    for where in [one for one in cluster.objects if ".istio.io/v1/" in one]:
        cluster.objects[where.replace("/v1/", "/v1beta1/")] = cluster.objects.pop(where)
    cluster.unserved |= {"/apis/security.istio.io/v1", "/apis/networking.istio.io/v1"}
    assert (await ask(cluster.app(), "istio.mtls", {"mode": "= strict", "exceptions": "= 0"})).verdict is Verdict.PASS
    assert (await ask(cluster.app(), "istio.traffic", {"timeout": "= 2 s"}, host="orders")).verdict is Verdict.PASS
