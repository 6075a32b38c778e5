"""What the checks ask of an API server, and what their worlds are made of, by the vendors' own descriptions."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from bench.worlds.istio import IstioWorld
from bench.worlds.kubernetes import KubernetesWorld
from bench.worlds.world import Case
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.kubernetes import KubernetesFake, Manifest, text
from deployments.rehearsal.vendors.kubernetes_additions import ADDED
from deployments.rehearsal.vendors.kubernetes_faults import CHANGED, GONE, add, change, remove
from deployments.rehearsal.vendors.kubernetes_mesh import mesh
from deployments.rehearsal.vendors.kubernetes_platform import platform
from tests.contracts.conftest import CONTRACTS, MISSING, held

TOKEN = "a-token"
# Left out of the description at hand: the whole group, or this kind of it.
NOT_DESCRIBED = ("storage.k8s.io", "rbac.authorization.k8s.io", ".istio.io", "/persistentvolume")


class Recorder:
    """Writes down what an application is asked, and passes it on."""

    def __init__(self, app: ASGIApp) -> None:
        self.behind = app
        self.asked: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] == "http":
            self.asked.add(f"{scope['path']}?{scope['query_string'].decode()}")
        await self.behind(scope, receive, send)


def cluster() -> KubernetesFake:
    """The worlds' cluster, with its mesh."""
    found = platform(TOKEN)
    mesh(found)
    return found


def manifests(of: KubernetesFake) -> Iterator[Manifest]:
    """Every object in it."""
    for objects in of.objects.values():
        yield from objects.values()


def test_the_api_server_takes_every_request(contract: Callable[..., Any], asked: Callable[..., None]) -> None:
    """Every address and parameter, continuations too, is one of Kubernetes' own, as far as they are described."""
    server = contract("kubernetes.json")
    recorder = Recorder(cluster().app())
    with served(recorder) as url:
        section = {"url": url, "token": "env:CONTRACT_TOKEN", "namespace": "vatic"}
        for case in (*KubernetesWorld.cases, *IstioWorld.cases):
            asked(case, {"kubernetes": section}, {"CONTRACT_TOKEN": TOKEN})
    described = [one for one in sorted(recorder.asked) if not any(part in one for part in NOT_DESCRIBED)]
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        for target in described:
            client.get(target)
    assert any("continue=" in target for target in described)
    assert held(server) == []


def test_the_check_itself_is_let_in(contract: Callable[..., Any], asked: Callable[..., None]) -> None:
    """Credentials and headers as the check sends them are accepted."""
    server = contract("kubernetes.json")
    case = Case("kubernetes.nodes", {}, {"ready": "= all"})
    section = {"url": server.url, "token": "env:CONTRACT_TOKEN", "namespace": "vatic"}
    asked(case, {"kubernetes": section}, {"CONTRACT_TOKEN": TOKEN})
    assert held(server) == []


def test_the_worlds_objects_are_kubernetes_own(contracts: ModuleType) -> None:
    """Every object of the healthy cluster is as its kind's schema says, without a field that it does not know."""
    spec = contracts.Spec(contracts.load(CONTRACTS / "kubernetes.json"))
    schemas = {}
    for name, schema in spec.doc["definitions"].items():
        for kind in schema.get("x-kubernetes-group-version-kind", []):
            version = "/".join(part for part in (kind["group"], kind["version"]) if part)
            schemas[version, kind["kind"]] = {"$ref": f"#/definitions/{name}"}
    wrong, looked = [], set()
    for manifest in manifests(cluster()):
        what = (text(manifest, "apiVersion"), text(manifest, "kind"))
        if what not in schemas:
            continue
        looked.add(what[1])
        name = f"{what[1]} {text(manifest, 'metadata/name')}"
        errors = spec.validator(schemas[what], "out").iter_errors(manifest)
        # `int-or-string` is described as text, though a number is as good.
        wrong += [f"{name}: {one.message}" for one in errors if one.schema.get("format") != "int-or-string"]
        wrong += [f"{name}: {field}" for field in contracts.unknown_fields(manifest, schemas[what], spec)]
    assert wrong == []
    assert {"Node", "Pod", "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"} <= looked


@pytest.fixture(scope="session")
def crds() -> ModuleType:
    """What checks Istio's manifests; skips the test where it is missing."""
    where: Path = CONTRACTS / "tools" / "check_crd.py"
    if not where.is_file():
        pytest.skip(MISSING)
    spec = importlib.util.spec_from_file_location("check_crd", where)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["healthy", *CHANGED, *GONE, *ADDED])
def test_istio_would_take_the_worlds_manifests(crds: ModuleType, name: str) -> None:
    """Healthy or broken, every rule is one that Istio accepts: what is wrong with it must be what it says."""
    of = cluster()
    for names, break_it in ((CHANGED, change), (GONE, remove), (ADDED, add)):
        if name in names:
            break_it(of, name)
    ours = [one for one in manifests(of) if ".istio.io" in text(one, "apiVersion")]
    assert ours
    assert {text(one, "metadata/name"): crds.check(one) for one in ours if crds.check(one)} == {}
