"""A pod is killed, a node is drained: just the one that was planned, and undone whatever happened."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from deployments.rehearsal.vendors.kubernetes import put
from tasks.kubernetes_nodes import Node
from tasks.kubernetes_writing import DrilledCluster
from tasks.scenarios.kubernetes_node_drained import OURS, KubernetesNodeDrained
from tasks.scenarios.scenario import Scenario, Site
from tasks.scenarios.vocabulary import SCENARIOS
from tests.flows.drills.playing import drill, last, require_undone_after_a_kill
from tests.sampling import few
from tests.tasks.scenarios.cluster_site import NODE, POD, SPARE, TOKEN, ClusterSite, give_empty_dir
from tests.tasks.scenarios.staging import staged
from tminus.drills.book import book_of
from tminus.errors import CouldNotObserve, FencedOff, Refused
from tminus.systems.drills import Drills

PAGE = Path(__file__).parents[3] / "docs" / "drill-kubernetes.md"


async def goes_through(scenario: Scenario, here: Site) -> None:
    """Forth and back; undone again, nothing changes."""
    before = await scenario.steady(here)
    for deed in (scenario.inject, scenario.detect, scenario.recover, scenario.verify, scenario.undo, scenario.undo):
        await asyncio.wait_for(deed(here), 10)
    assert await scenario.steady(here) == before


def is_cordoned(site: ClusterSite) -> bool:
    """By the cluster's own word."""
    spec = site.cluster.nodes[SPARE]["spec"]
    assert isinstance(spec, dict)
    return spec.get("unschedulable") is True


def is_ours(site: ClusterSite) -> bool:
    """Whether a drill's annotation is there; none of another name may be."""
    metadata = site.cluster.nodes[SPARE]["metadata"]
    assert isinstance(metadata, dict)
    annotations = metadata.get("annotations", {})
    assert isinstance(annotations, dict)
    assert set(annotations) <= {OURS}
    return OURS in annotations


async def test_a_pod_is_killed(site: ClusterSite) -> None:
    """The one that was planned, once, with no grace; another one is there afterwards."""
    async with staged(site, {"pod": POD}, "pod") as (scenario, here):
        victim = here.way["victim"]
        await goes_through(scenario, here)
    assert victim not in site.cluster.pods
    assert len(site.cluster.pods) == 3
    assert site.cluster.writes == [("DELETE", f"/api/v1/namespaces/vatic/pods/{victim}")]


async def test_another_pod_is_never_killed(site: ClusterSite) -> None:
    """One of the same name by now, or none: nothing is killed."""
    async with staged(site, {"pod": POD}, "pod") as (scenario, here):
        victim = site.cluster.pods[here.way["victim"]]
        put(victim, "metadata/uid", "another")
        with pytest.raises(Refused, match="nothing was killed"):
            await scenario.inject(here)
        assert here.way["victim"] in site.cluster.pods
        with pytest.raises(Refused, match="nothing was killed"):
            await scenario.inject(replace(here, way={**here.way, "victim": "gone"}))
    assert len(site.cluster.pods) == 3


async def test_a_pod_that_nobody_replaces(site: ClusterSite) -> None:
    """Neither recovered nor undone, and said so; a pod that is still there is not detected, and not verified."""
    site.cluster.delay = 60
    async with staged(site, {"pod": POD}, "pod") as (scenario, here):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(scenario.detect(here), 0.2)
        with pytest.raises(Refused, match="is still there"):
            await scenario.verify(here)
        await scenario.inject(here)
        for deed in (scenario.recover, scenario.undo):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(deed(here), 0.3)
            assert "2 of 3 replicas are available" in here.note.text


async def test_a_node_is_drained(site: ClusterSite) -> None:
    """Pods go elsewhere, one after the other as the budget lets them; what belongs to the node stays."""
    async with staged(site, {"node": NODE}, "node") as (scenario, here):
        assert here.way["victim"] == SPARE
        injecting = asyncio.create_task(scenario.inject(here))
        while not site.cluster.writes[1:]:
            await asyncio.sleep(0.01)
        assert (is_cordoned(site), is_ours(site)) == (True, True)
        await injecting
        assert len([one for one in site.cluster.writes if one[0] == "POST"]) > 2, "the second one was held back"
        for deed in (scenario.detect, scenario.recover, scenario.verify):
            await asyncio.wait_for(deed(here), 5)
        assert site.cluster.on(SPARE) == []
        assert set(site.cluster.objects["/api/v1/namespaces/kube-system/pods"]) == {"agent-x", "proxy-node-a"}
        assert "was uncordoned" in await scenario.undo(here)
        assert (is_cordoned(site), is_ours(site)) == (False, False)
        assert "was not cordoned by this drill any more" in await scenario.undo(here)
        assert (is_cordoned(site), is_ours(site)) == (False, False)
        await scenario.steady(here)


async def test_a_budget_is_never_overruled(site: ClusterSite) -> None:
    """Where it lets nobody go the drill waits, all pods stay, and undone the node is as before."""
    budget = site.cluster.objects["/apis/policy/v1/namespaces/vatic/poddisruptionbudgets"]["orders"]
    put(budget, "status/desiredHealthy", 3)
    async with staged(site, {"node": NODE}, "node") as (scenario, here):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(scenario.inject(here), 0.5)
        assert "disruption budgets hold back orders (2 pods)" in here.note.text
        assert len(site.cluster.on(SPARE)) == 2
        with pytest.raises(Refused, match="it carries orders"):
            await scenario.verify(here)
        await scenario.undo(here)
    assert (is_cordoned(site), is_ours(site)) == (False, False)


async def test_what_others_cordoned_stays_so(site: ClusterSite) -> None:
    """It is not drained, and whoever undoes does not uncordon it."""
    async with staged(site, {"node": NODE}, "node") as (scenario, here):
        put(site.cluster.nodes[SPARE], "spec/unschedulable", value=True)
        with pytest.raises(Refused, match="cordoned"):
            await scenario.steady(here)
        with pytest.raises(Refused, match="nothing was changed"):
            await scenario.inject(here)
        assert site.cluster.writes == []
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(scenario.undo(here), 0.3)
        assert "node-a: cordoned" in here.note.text
    assert (is_cordoned(site), is_ours(site)) == (True, False)


async def test_a_cordon_that_comes_late(site: ClusterSite) -> None:
    """One that was sent before a kill, and comes once all is undone, changes nothing."""
    async with staged(site, {"node": NODE}, "node") as (scenario, here):
        cluster = DrilledCluster(here.estate, "env:TMINUS_TEST_CLUSTER")
        seen = await cluster.node(SPARE)
        assert isinstance(seen, Node)
        await scenario.undo(here)
        assert not await cluster.change(seen, {OURS: here.drill}, cordoned=True)
    assert (is_cordoned(site), is_ours(site)) == (False, False)


async def test_a_node_that_was_replaced(site: ClusterSite) -> None:
    """Another one of its name is neither cordoned nor uncordoned."""
    async with staged(site, {"node": NODE}, "node") as (scenario, here):
        put(site.cluster.nodes[SPARE], "metadata/uid", "another")
        with pytest.raises(Refused, match="nothing was changed"):
            await scenario.inject(here)
        assert "is not there any more" in await scenario.undo(here)
        with pytest.raises(Refused, match="it is not cordoned by this drill"):
            await scenario.verify(replace(here, way={**here.way, "uid": "another"}))
    assert site.cluster.writes == []


@pytest.mark.parametrize("name", ["pod", "node"])
async def test_the_api_server_is_away_for_a_moment(site: ClusterSite, name: str) -> None:
    """Whoever undoes waits for it, and says so; whoever is to break something does not."""
    async with staged(site, {"pod": POD, "node": NODE}, name) as (scenario, here):
        site.cluster.away = True
        try:
            with pytest.raises(CouldNotObserve, match="503"):
                await scenario.inject(here)
            undoing = asyncio.create_task(scenario.undo(here))
            async with asyncio.timeout(5):
                while "status 503" not in here.note.text:
                    await asyncio.sleep(0.01)
        finally:
            site.cluster.away = False
        await asyncio.wait_for(undoing, 5)


async def test_fenced_off(site: ClusterSite) -> None:
    """Whoever was asleep for too long changes nothing."""

    async def fenced() -> None:
        raise FencedOff("another process goes on")

    for name in ("pod", "node"):
        async with staged(site, {"pod": POD, "node": NODE}, name) as (scenario, here):
            with pytest.raises(FencedOff):
                await scenario.inject(replace(here, fence=fenced))
    assert site.cluster.writes == []


async def test_what_may_be_lost(site: ClusterSite) -> None:
    """An emptyDir, where the book says so."""
    give_empty_dir(site)
    async with staged(site, {"node": {**NODE, "empty_dirs": True}}, "node") as (scenario, here):
        await goes_through(scenario, here)


async def test_no_other_node_is_drained(site: ClusterSite) -> None:
    """Without the label there is none to drain."""
    site.keep_environment(value="no")
    with pytest.raises(CouldNotObserve, match="no node has the label drills=no"):
        async with staged(site, {"node": NODE}, "node"):
            pass


@pytest.mark.parametrize("name", few(("pod", "node"), "node"))
def test_a_whole_drill(site: ClusterSite, name: str) -> None:
    """Played as it is typed: it holds, and customers never noticed."""
    came = drill(site, name)
    assert came.returncode == 0, came.stdout + came.stderr
    played = last(site, name)
    assert played.ended is not None
    assert played.ended.after == played.began.before
    assert "never gone" in came.stdout
    assert TOKEN not in came.stdout + came.stderr + json.dumps(played.began.way)


@pytest.mark.parametrize("stage", few(("inject", "detect", "undo"), "inject"))
def test_killed_there(site: ClusterSite, stage: Any) -> None:
    """Whoever comes next uncordons what that drill cordoned, and evicts nobody more."""
    site.cluster.delay = 2.0  # the second pod is held back for so long, in which it is killed
    require_undone_after_a_kill(site, "node", stage)
    assert (is_cordoned(site), is_ours(site)) == (False, False)


def test_the_api_server_says_no(site: ClusterSite) -> None:
    """Whoever may only read changes nothing."""
    path = f"{site.url}/api/v1/nodes/{SPARE}"
    assert httpx.patch(path, json={}, headers={"Authorization": "Bearer reads-alone"}).status_code == 401


def test_the_page() -> None:
    """Its entries and its sections are taken."""
    blocks = PAGE.read_text("utf-8").split("```yaml\n")[1:]
    entries, environment = (YAML(typ="safe").load(one.split("```")[0]) for one in blocks)
    book = book_of(SCENARIOS).model_validate({"drills": "house", "title": "H", **entries})
    drills = Drills.model_validate(environment["drills"])
    node = book.scenarios["node-drained"]
    assert isinstance(node, KubernetesNodeDrained)
    assert node.nodes in drills.kubernetes_nodes
    assert len(drills.kubernetes) == 1
