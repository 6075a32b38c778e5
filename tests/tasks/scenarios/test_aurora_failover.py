"""Aurora fails over as moto does: at once. What AWS answers otherwise is changed as it documents that."""

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

import pytest

from deployments.rehearsal.vendors.aws_moto import FakeAws
from tasks.scenarios.aurora_failover import AuroraFailover
from tasks.scenarios.scenario import Site
from tests.conftest import Estates, PostgresServer
from tests.tasks.scenarios.aws_events import require_waiting, telling
from tminus.clock import now
from tminus.errors import CouldNotObserve, Refused

SCENARIO = AuroraFailover(title="A writer", owner="ops", rto=timedelta(minutes=5), rpo=timedelta(0), cluster="orders")


@pytest.fixture
def bare(aws: FakeAws, estates: Estates, postgres_server: PostgresServer) -> Site:
    """A drill that is not planned."""
    dsn = estates.secret(postgres_server.dsn)
    drills = {"aurora": {"orders": {"cluster": "orders-1", "dsn": dsn}}, "patience": "10m"}
    estate = estates.make(aws={"region": "eu-central-1", "endpoint": aws.url}, drills=drills)
    return Site(estate, "a-drill", {}, {"inject": now()})


@pytest.fixture
async def site(bare: Site) -> Site:
    """One that is."""
    return replace(bare, way=await SCENARIO.plan(bare))


def cluster(aws: FakeAws, pattern: bytes, instead: bytes) -> AbstractContextManager[None]:
    """The block in which AWS describes the cluster otherwise."""
    return aws.altered("rds.DescribeDBClusters", pattern, instead)


async def test_there_and_back(aws: FakeAws, site: Site) -> None:
    """Told once; the reader writes, the steady state is the same, and undoing again changes nothing."""
    before = await SCENARIO.steady(site)
    assert before == {"status": "available", "writers": "1", "readers": "1", "answers": "yes"}
    await SCENARIO.require_ready(site)
    await SCENARIO.inject(site)
    heir = site.way["heir"]
    for deed in (SCENARIO.detect, SCENARIO.recover, SCENARIO.verify):
        assert f"serves from {heir}" in await deed(site)
    assert await SCENARIO.undo(site) == await SCENARIO.undo(site)
    assert await SCENARIO.steady(site) == before
    assert aws.asked["rds.FailoverDBCluster"] == 1
    with pytest.raises(Refused, match="nothing was changed"):
        await SCENARIO.inject(site)
    assert aws.asked["rds.FailoverDBCluster"] == 1


WORLDS = [
    ("DescribeDBClusters", rb"<Status>available<", b"<Status>failing-over<", "failing-over"),
    ("DescribeDBClusters", rb"(?s)<DBClusterMembers>.*</DBClusterMembers>", b"", "0 writers and 0 readers"),
    ("DescribeDBClusters", rb"Writer>false<", b"Writer>true<", "2 writers and 0 readers"),
    ("DescribeDBInstances", rb"<DBInstanceStatus>available<", b"<DBInstanceStatus>rebooting<", "not available"),
]


@pytest.mark.parametrize(("call", "pattern", "instead", "why"), WORLDS)
async def test_no_steady_state(aws: FakeAws, site: Site, call: str, pattern: bytes, instead: bytes, why: str) -> None:
    """Neither steady nor planned, nothing is told to fail over, and it counts as undone never."""
    with aws.altered(f"rds.{call}", pattern, instead):
        for deed in (SCENARIO.steady, SCENARIO.plan):
            with pytest.raises(Refused, match=why):
                await deed(site)
        with pytest.raises(Refused, match="nothing was changed"):
            await SCENARIO.inject(site)
        await require_waiting(aws, SCENARIO.undo(replace(site, began={"inject": now() - timedelta(hours=1)})))
    assert aws.asked["rds.FailoverDBCluster"] == 0


async def test_before_it_begins(aws: FakeAws, site: Site) -> None:
    """Killed right after the call, while AWS says as before: not undone, until the events or the time say more."""
    await require_waiting(aws, SCENARIO.undo(site))
    started = telling(aws, "rds", (now(), "Started cross AZ failover to DB instance: orders-1-b"))
    with started:
        await require_waiting(aws, SCENARIO.undo(site))
    with telling(aws, "rds", (now(), "Cluster failover failed, check the health of your cluster instances")):
        assert "abandoned" in await SCENARIO.undo(site)
        with pytest.raises(Refused, match="abandoned"):
            await SCENARIO.detect(site)
    with telling(aws, "rds", (now(), "Completed failover to DB instance: orders-1-b")):
        assert "ended" in await SCENARIO.undo(site)


async def test_it_never_moves(aws: FakeAws, site: Site) -> None:
    """Neither seen to be broken, nor recovered, nor verified."""
    for deed in (SCENARIO.detect, SCENARIO.recover):
        await require_waiting(aws, deed(site))
    with pytest.raises(Refused, match="must be served from"):
        await SCENARIO.verify(site)


async def test_nobody_answers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS says available, and clients do not reach it."""
    drills = site.estate.environment.drills
    assert drills is not None
    monkeypatch.setenv(drills.aurora["orders"].dsn.removeprefix("env:"), "postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Refused, match="does not answer"):
        await SCENARIO.steady(site)


async def test_no_such_cluster(aws: FakeAws, site: Site) -> None:
    """Said, and not taken for broken."""
    with cluster(aws, rb"(?s)<DBClusters>.*</DBClusters>", b"<DBClusters/>"), pytest.raises(CouldNotObserve):
        await SCENARIO.detect(site)
