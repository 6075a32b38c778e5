"""Experiments of the Fault Injection Service as moto plays them, stage by stage where it is told to."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import boto3
import pytest

from deployments.rehearsal.vendors.aws_moto import FakeAws, state
from tasks.scenarios.aws_fis import AwsFis
from tasks.scenarios.scenario import Site
from tests.conftest import Estates, RedisServer
from tests.sampling import few
from tests.tasks.scenarios.aws_events import require_waiting
from tests.tasks.scenarios.conftest import REGION
from tests.tasks.scenarios.fis_room import ALARM, made_template, paced
from tminus.clock import now
from tminus.errors import CouldNotObserve, FencedOff, Refused

SCENARIO = AwsFis(title="Slow disks", owner="ops", rto=timedelta(minutes=5), rpo=timedelta(0), experiment="disks")


@pytest.fixture
def step_by_step() -> Iterator[None]:
    """Experiments take a step each time that they are looked at."""
    with paced(1):
        yield


@pytest.fixture
def at(aws: FakeAws, estates: Estates, redis_pair: RedisServer) -> Callable[[str], Site]:
    """A drill with a template, which is not planned."""
    client = {"store": "redis", "references": [estates.secret(redis_pair.dsn)]}

    def site(template: str) -> Site:
        drills = {"fis": {"disks": {"template": template, "client": client}}}
        estate = estates.make(aws={"region": REGION, "endpoint": aws.url}, drills=drills)
        return Site(estate, "a-drill", {}, {"inject": now()})

    return site


@pytest.fixture
async def site(aws: FakeAws, at: Callable[[str], Site], step_by_step: None) -> Site:
    """One that is planned."""
    here = at(made_template(aws))
    return replace(here, way=await SCENARIO.plan(here))


def ours() -> str:
    """The status of the only experiment that there is."""
    [one] = state("fis", REGION).experiments.values()
    return str(one._status)  # to read it by its name is a step


def becomes(status: str) -> None:
    """AWS says from now on that this is what became of it."""
    for one in state("fis", REGION).experiments.values():
        one.status = status


async def test_there_and_back(aws: FakeAws, site: Site) -> None:
    """Started once, however often it is told; undone it is over, and undoing again changes nothing."""
    before = await SCENARIO.steady(site)
    await SCENARIO.inject(site)
    with pytest.raises(Refused, match="1 of its experiments are not over"):
        await SCENARIO.steady(site)
    assert "is running" in await SCENARIO.detect(site)
    assert "is completed" in await SCENARIO.recover(site)
    await SCENARIO.verify(site)
    assert await SCENARIO.undo(site) == await SCENARIO.undo(site)
    assert await SCENARIO.steady(site) == before
    await SCENARIO.inject(site)
    assert len(state("fis", REGION).experiments) == 1, "the same token starts none"
    assert aws.asked[f"fis.DELETE /experiments/{next(iter(state('fis', REGION).experiments))}"] == 0


@pytest.mark.parametrize("source", ["none", ALARM])
async def test_nothing_would_stop_it(aws: FakeAws, at: Callable[[str], Site], source: str) -> None:
    """Neither planned nor begun; an alarm that is none stops nothing."""
    template = made_template(aws, source, "")
    here = at(template)
    with pytest.raises(Refused, match="no stop condition"):
        await SCENARIO.plan(here)
    with pytest.raises(Refused, match="no stop condition"):
        await SCENARIO.inject(replace(here, way={"template": template, "content": ""}))
    assert aws.asked["fis.POST /experiments"] == 0


async def test_another_template_than_was_planned(aws: FakeAws, site: Site) -> None:
    """What somebody changed since is not begun, be it what it does or what stops it."""
    client = boto3.client("fis", region_name=REGION, endpoint_url=aws.url)
    was = {"slow": {"actionId": "aws:ebs:pause-volume-io", "parameters": {"duration": "PT9M"}}}
    client.update_experiment_template(id=site.way["template"], actions=was)
    with pytest.raises(Refused, match="was changed since it was planned"):
        await SCENARIO.inject(site)
    assert aws.asked["fis.POST /experiments"] == 0


async def test_somebody_else_has_it(aws: FakeAws, site: Site) -> None:
    """Fenced off, nothing is begun, and nothing stopped."""

    async def fenced() -> None:
        raise FencedOff("another process has it")

    with pytest.raises(FencedOff):
        await SCENARIO.inject(replace(site, fence=fenced))
    assert aws.asked["fis.POST /experiments"] == 0
    await SCENARIO.inject(site)
    becomes("running")
    with paced(9), pytest.raises(FencedOff):
        await SCENARIO.undo(replace(site, fence=fenced))
    assert ours() != "stopping"


@pytest.mark.parametrize("status", few(["stopped", "failed", "cancelled"], "stopped"))
async def test_it_ends_otherwise(aws: FakeAws, site: Site, status: str) -> None:
    """The drill breaks off with AWS' reason, and undoing finds that it is over."""
    await SCENARIO.inject(site)
    becomes(status)
    name = next(iter(state("fis", REGION).experiments))
    reason = aws.altered(f"fis.GET /experiments/{name}", rb'"reason": "[^"]*"', b'"reason": "The alarm is on"')
    for deed in (SCENARIO.detect, SCENARIO.recover):
        with reason, pytest.raises(Refused, match=rf"is {status} \(The alarm is on\)"):
            await deed(site)
        reason = aws.altered(f"fis.GET /experiments/{name}", rb'"reason": "[^"]*"', b'"reason": "The alarm is on"')
    assert f"is {status}" in await SCENARIO.undo(site)


@pytest.mark.parametrize("status", few(["pending", "initiating", "running"], "running"))
async def test_undone_by_whoever_comes_next(
    aws: FakeAws, site: Site, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped once, found by the drill's name alone; another drill of the template has none, and stops none."""
    await SCENARIO.inject(site)
    name = next(iter(state("fis", REGION).experiments))
    becomes(status)
    monkeypatch.setattr("tasks.scenarios.aws_fis._LISTED", timedelta(milliseconds=300))
    other = replace(site, drill="another-drill", began={"inject": now() - timedelta(minutes=2)})
    assert "no experiment was started" in await SCENARIO.undo(other)
    assert aws.asked[f"fis.DELETE /experiments/{name}"] == 0
    anew = Site(site.estate, site.drill, site.way, site.began)
    with paced(3):
        assert "is stopped" in await SCENARIO.undo(anew)
    assert aws.asked[f"fis.DELETE /experiments/{name}"] == 1


async def test_told_to_stop_once(aws: FakeAws, site: Site) -> None:
    """Also where AWS says for a while that it runs on."""
    await SCENARIO.inject(site)
    name = next(iter(state("fis", REGION).experiments))
    on = aws.altered(f"fis.GET /experiments/{name}", rb'"stopping"', b'"running"')
    with paced(1000), on:
        await require_waiting(aws, SCENARIO.undo(site))
    assert aws.asked[f"fis.GET /experiments/{name}"] > 1
    assert aws.asked[f"fis.DELETE /experiments/{name}"] == 1


async def test_undo_waits(aws: FakeAws, site: Site) -> None:
    """One that AWS does not list may still come; one that goes on stopping is not over."""
    await require_waiting(aws, SCENARIO.undo(site))
    await SCENARIO.inject(site)
    with paced(1000):
        await require_waiting(aws, SCENARIO.undo(site))
    assert ours() == "stopping"


async def test_nobody_answers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The experiment is over, and its client is not answered: no steady state, nor recovered, nor undone."""
    drills = site.estate.environment.drills
    assert drills is not None
    await SCENARIO.inject(site)
    becomes("completed")
    monkeypatch.setenv(drills.fis["disks"].client.references[0].removeprefix("env:"), "redis://127.0.0.1:1")
    with pytest.raises(Refused, match="not answered"):
        await SCENARIO.steady(site)
    for deed in (SCENARIO.recover, SCENARIO.undo):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(deed(site), 0.2)


async def test_no_such_template(aws: FakeAws, at: Callable[[str], Site]) -> None:
    """Said before anything is planned."""
    with pytest.raises(CouldNotObserve):
        await SCENARIO.plan(at("EXT123"))
    assert aws.asked["fis.POST /experiments"] == 0
