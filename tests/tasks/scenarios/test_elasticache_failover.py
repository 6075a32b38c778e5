"""ElastiCache fails over as its API tells it: moto has no TestFailover, so it is answered as AWS documents."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import JsonValue

from deployments.rehearsal.vendors.aws_moto import FakeAws
from tasks.scenarios.elasticache_failover import ElastiCacheFailover
from tasks.scenarios.scenario import Site
from tests.conftest import Estates, RedisServer
from tests.tasks.scenarios.aws_events import require_waiting, telling
from tminus.clock import now
from tminus.errors import CouldNotObserve, Refused

SCENARIO = ElastiCacheFailover(title="A node", owner="ops", rto=timedelta(minutes=5), rpo=timedelta(0), group="cache")
A, B = "cache-1-001", "cache-1-002"


@pytest.fixture
def site(aws: FakeAws, estates: Estates, redis_pair: RedisServer) -> Site:
    """A drill from A to B."""
    drills = {"elasticache": {"cache": {"group": "cache-1", "url": estates.secret(redis_pair.dsn)}}, "patience": "10m"}
    estate = estates.make(aws={"region": "eu-central-1", "endpoint": aws.url}, drills=drills)
    return Site(estate, "a-drill", {"victim": A, "heir": B}, {"inject": now()})


@contextmanager
def told(
    aws: FakeAws,
    roles: Mapping[str, str] | None = None,
    status: str = "available",
    automatic: str = "enabled",
    mode: str = "false",
) -> Iterator[None]:
    """The block in which AWS describes the group so."""
    members = "".join(
        f"<NodeGroupMember><CacheClusterId>{name}</CacheClusterId><CurrentRole>{role}</CurrentRole></NodeGroupMember>"
        for name, role in (roles or {A: "primary", B: "replica"}).items()
    )
    group = f"<NodeGroupId>0001</NodeGroupId><Status>{status}</Status><NodeGroupMembers>{members}</NodeGroupMembers>"
    with ExitStack() as stack:
        for pattern, instead in (
            (rb"(?s)<NodeGroups>.*</NodeGroups>", f"<NodeGroups><NodeGroup>{group}</NodeGroup></NodeGroups>"),
            (rb"<AutomaticFailover>[^<]*<", f"<AutomaticFailover>{automatic}<"),
            (rb"<ClusterEnabled>[^<]*<", f"<ClusterEnabled>{mode}<"),
        ):
            stack.enter_context(aws.altered("elasticache.DescribeReplicationGroups", pattern, instead.encode()))
        stack.enter_context(telling(aws, "elasticache"))
        yield


def moved(aws: FakeAws, status: str = "available") -> AbstractContextManager[None]:
    """The block in which B is the primary."""
    return told(aws, {A: "replica", B: "primary"}, status)


async def test_there_and_back(aws: FakeAws, site: Site) -> None:
    """Told once, of its one node group; undone once the old node is recovered, which the events say."""
    ordered: list[JsonValue] = []

    def test_failover(asked: Mapping[str, JsonValue]) -> bytes:
        ordered.append([asked["ReplicationGroupId"], asked["NodeGroupId"]])
        group = "<ReplicationGroup><Status>modifying</Status></ReplicationGroup>"
        return f"<TestFailoverResponse><TestFailoverResult>{group}</TestFailoverResult></TestFailoverResponse>".encode()

    with told(aws), aws.answering("elasticache.TestFailover", test_failover):
        before = await SCENARIO.steady(site)
        assert before == {"status": "available", "primaries": "1", "replicas": "1", "answers": "yes"}
        await SCENARIO.require_ready(site)
        assert await SCENARIO.plan(replace(site, way={})) == site.way
        await SCENARIO.inject(site)
    with told(aws, status="modifying"):
        assert "modifying" in await SCENARIO.detect(site)
    with moved(aws, "modifying"):
        assert B in await SCENARIO.recover(site)
        assert B in await SCENARIO.verify(site)
        with pytest.raises(Refused, match="modifying"):
            await SCENARIO.steady(site)
    recovered = (now(), "Finished recovery for cache nodes 0001")
    with moved(aws), telling(aws, "elasticache", recovered, kind="cache-cluster"):
        assert await SCENARIO.undo(site) == await SCENARIO.undo(site)
        assert await SCENARIO.steady(site) == before
        with pytest.raises(Refused, match="nothing was changed"):
            await SCENARIO.inject(site)
    assert ordered == [["cache-1", "0001"]]


@pytest.mark.parametrize(
    ("world", "why"),
    [
        ({"status": "modifying"}, "modifying"),
        ({"automatic": "disabled"}, "disabled, not enabled"),
        ({"mode": "true"}, "cluster mode"),
        ({"roles": {A: "primary"}}, "1 primaries and 0 replicas"),
        ({"roles": {A: "replica", B: "replica"}}, "0 primaries and 2 replicas"),
    ],
)
async def test_no_steady_state(aws: FakeAws, site: Site, world: dict[str, str], why: str) -> None:
    """Neither steady nor planned, nothing is told to fail over, and it counts as undone never."""
    with told(aws, **world):  # type: ignore[arg-type]  # roles are a mapping
        for deed in (SCENARIO.steady, SCENARIO.plan):
            with pytest.raises(Refused, match=why):
                await deed(site)
        with pytest.raises(Refused, match="nothing was changed"):
            await SCENARIO.inject(site)
        await require_waiting(aws, SCENARIO.undo(replace(site, began={"inject": now() - timedelta(hours=1)})))
    assert aws.asked["elasticache.TestFailover"] == 0


async def test_undo_waits_for_the_old_node(aws: FakeAws, site: Site) -> None:
    """Another primary alone is not the end of it; without a word of AWS five minutes are."""
    recovering = telling(aws, "elasticache", (now(), "Recovering cache nodes 0001"))
    for world in (told(aws), moved(aws)):
        with world:
            await require_waiting(aws, SCENARIO.undo(site))
    with moved(aws), recovering:
        await require_waiting(aws, SCENARIO.undo(site))
    with told(aws):
        long_ago = replace(site, began={"inject": now() - timedelta(minutes=5, seconds=1)})
        assert "AWS told of no failover" in await SCENARIO.undo(long_ago)


async def test_over_between_two_looks(aws: FakeAws, site: Site) -> None:
    """Seen by the events; where nothing tells of it, it is neither seen nor recovered."""
    with told(aws), telling(aws, "elasticache", (now(), "Test Failover API called for node group 0001")):
        assert "a failover began" in await SCENARIO.detect(site)
    with told(aws):
        for deed in (SCENARIO.detect, SCENARIO.recover):
            await require_waiting(aws, deed(site))
        with pytest.raises(Refused, match="must be served from"):
            await SCENARIO.verify(site)


async def test_nobody_answers(aws: FakeAws, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS says available, and clients do not reach it."""
    drills = site.estate.environment.drills
    assert drills is not None
    monkeypatch.setenv(drills.elasticache["cache"].url.removeprefix("env:"), "redis://127.0.0.1:1")
    with told(aws), pytest.raises(Refused, match="does not answer"):
        await SCENARIO.steady(site)


async def test_no_such_group(aws: FakeAws, site: Site) -> None:
    """Said, and not taken for broken."""
    nobody = aws.altered(
        "elasticache.DescribeReplicationGroups", rb"(?s)<ReplicationGroups>.*</ReplicationGroups>", b""
    )
    with nobody, pytest.raises(CouldNotObserve):
        await SCENARIO.detect(site)
