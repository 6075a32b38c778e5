"""RDS fails over as its API tells it: moto's answers are changed, since nothing fails over there."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import ConnectionClosedError
from pydantic import JsonValue
from tenacity import wait_none

from deployments.rehearsal.vendors.aws_moto import FakeAws
from tasks.aws_client import AwsService
from tasks.scenarios.rds_failover import RdsFailover
from tasks.scenarios.scenario import Site
from tests.conftest import Estates, PostgresServer
from tests.tasks.scenarios.aws_events import require_waiting, telling
from tminus.clock import now
from tminus.errors import CouldNotObserve, FencedOff, Refused
from tminus.systems.drill_cloud import RdsInstance

HERE, THERE = "eu-central-1a", "eu-central-1b"
SCENARIO = RdsFailover(title="A zone", owner="ops", rto=timedelta(minutes=5), rpo=timedelta(0), database="records")


@pytest.fixture
def site(aws: FakeAws, estates: Estates, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A drill from HERE to THERE."""
    monkeypatch.setenv("DRILL_RDS", postgres_server.dsn.get_secret_value())
    rds: JsonValue = {"records": {"instance": "records-1", "dsn": "env:DRILL_RDS"}}
    estate = estates.make(aws={"region": "eu-central-1", "endpoint": aws.url}, drills={"rds": rds})
    return Site(estate, "a-drill", {"victim": HERE, "heir": THERE}, {"inject": now()})


@contextmanager
def told(
    aws: FakeAws, zone: str = HERE, standby: str = THERE, status: str = "available", multi: str = "true"
) -> Iterator[None]:
    """The block in which AWS describes the instance so."""
    zones = (
        f"<AvailabilityZone>{zone}</AvailabilityZone><SecondaryAvailabilityZone>{standby}</SecondaryAvailabilityZone>"
    )
    with ExitStack() as stack:
        for pattern, instead in (
            (rb"<AvailabilityZone>[^<]*</AvailabilityZone>(?!<Sec)", zones),
            (rb"<DBInstanceStatus>[^<]*<", f"<DBInstanceStatus>{status}<"),
            (rb"<MultiAZ>[^<]*<", f"<MultiAZ>{multi}<"),
        ):
            stack.enter_context(aws.altered("rds.DescribeDBInstances", pattern, instead.encode()))
        yield


async def test_there_and_back(aws: FakeAws, site: Site) -> None:
    """Told once, with ForceFailover; elsewhere the steady state is the same, and undoing again changes nothing."""
    ordered: list[JsonValue] = []

    def reboot(asked: Mapping[str, JsonValue]) -> bytes:
        ordered.append([asked["DBInstanceIdentifier"], asked["ForceFailover"]])
        said = "<DBInstance><DBInstanceStatus>rebooting</DBInstanceStatus></DBInstance>"
        result = f"<RebootDBInstanceResult>{said}</RebootDBInstanceResult>"
        return f"<RebootDBInstanceResponse>{result}</RebootDBInstanceResponse>".encode()

    with told(aws), aws.answering("rds.RebootDBInstance", reboot):
        before = await SCENARIO.steady(site)
        assert await SCENARIO.plan(replace(site, way={})) == site.way
        await SCENARIO.inject(site)
    with told(aws, status="rebooting"):
        assert "rebooting" in await SCENARIO.detect(site)
    with told(aws, zone=THERE, standby=HERE):
        assert THERE in await SCENARIO.recover(site)
        assert THERE in await SCENARIO.verify(site)
        assert await SCENARIO.undo(site) == await SCENARIO.undo(site)
        assert await SCENARIO.steady(site) == before
    assert ordered == [["records-1", "true"]]


@pytest.mark.parametrize(
    ("world", "why"),
    [
        ({"status": "modifying"}, "modifying"),
        ({"multi": "false"}, "not Multi-AZ"),
        ({"standby": HERE}, "no standby"),
    ],
)
async def test_no_steady_state(aws: FakeAws, site: Site, world: dict[str, str], why: str) -> None:
    """Neither steady nor planned, and nothing is told to fail over."""
    with told(aws, **world):
        for deed in (SCENARIO.steady, SCENARIO.plan):
            with pytest.raises(Refused, match=why):
                await deed(site)
        with pytest.raises(Refused, match="nothing was changed"):
            await SCENARIO.inject(site)
    assert set(aws.asked) == {"rds.DescribeDBInstances"}


async def test_moved_since_it_was_planned(aws: FakeAws, site: Site) -> None:
    """What was approved is another zone: refused."""
    with told(aws, zone=THERE, standby=HERE), pytest.raises(Refused, match="nothing was changed"):
        await SCENARIO.inject(site)
    assert set(aws.asked) == {"rds.DescribeDBInstances"}


async def test_somebody_else_has_it(aws: FakeAws, site: Site) -> None:
    """Fenced off, nothing is told to fail over."""

    async def fenced() -> None:
        raise FencedOff("another process has it")

    with told(aws), pytest.raises(FencedOff):
        await SCENARIO.inject(replace(site, fence=fenced))
    assert set(aws.asked) == {"rds.DescribeDBInstances"}


async def test_it_never_moves(aws: FakeAws, site: Site) -> None:
    """Moto itself: neither seen to be broken, nor recovered, nor verified."""
    with told(aws):
        for deed in (SCENARIO.detect, SCENARIO.recover):
            await require_waiting(aws, deed(site))
        with pytest.raises(Refused, match=THERE):
            await SCENARIO.verify(site)


async def test_undo_waits_for_the_standby(aws: FakeAws, site: Site) -> None:
    """Available alone is not as before."""
    with told(aws, zone=THERE, standby=THERE):
        await require_waiting(aws, SCENARIO.undo(site))


def ago(site: Site, **how_long: int) -> Site:
    """The same drill, whose call was so long ago."""
    return replace(site, began={"inject": now() - timedelta(**how_long)})


async def test_undo_waits_for_a_failover_that_may_still_come(aws: FakeAws, site: Site) -> None:
    """Right after the call AWS says available, and tells of none: that proves nothing, for so long as one may come."""
    with told(aws):
        await require_waiting(aws, SCENARIO.undo(ago(site, minutes=4)))
        assert "AWS told of no failover" in await SCENARIO.undo(ago(site, minutes=5, seconds=1))


@pytest.mark.parametrize(
    ("minutes", "message", "said"),
    [
        (1, "Multi-AZ instance failover completed", "the failover ended"),
        (1, "Multi-AZ failover to standby complete - DNS propagation may take a few minutes.", "the failover ended"),
        (1, "Abandoning user requested failover since a failover recently occurred", "was abandoned"),
        (6, "Multi-AZ instance failover started", "not that it ended"),
    ],
)
async def test_undo_knows_by_the_events(aws: FakeAws, site: Site, minutes: int, message: str, said: str) -> None:
    """The zone is the same: AWS may show it late, or the failover came to nothing."""
    here = ago(site, minutes=9)
    with told(aws), telling(aws, "rds", (now() - timedelta(minutes=minutes), message)):
        assert said in await SCENARIO.undo(here)


@pytest.mark.parametrize(
    ("ordered", "minutes", "message"),
    [
        (4, 1, "Multi-AZ instance failover started"),
        (9, 4, "Multi-AZ instance failover started"),
        (4, 8, "Multi-AZ instance failover completed"),
        (4, 1, "DB instance restarted"),
    ],
)
async def test_undo_is_not_fooled(aws: FakeAws, site: Site, ordered: int, minutes: int, message: str) -> None:
    """A failover that began, one that ended before the call, a mere restart: it waits, be it available or not."""
    events = telling(aws, "rds", (now() - timedelta(minutes=minutes), message))
    with told(aws), events:
        await require_waiting(aws, SCENARIO.undo(ago(site, minutes=ordered)))


async def test_over_between_two_looks(aws: FakeAws, site: Site) -> None:
    """Seen by the events; one that AWS abandoned ends the waiting at once."""
    here = ago(site, minutes=1)
    with told(aws), telling(aws, "rds", (now(), "Multi-AZ instance failover completed")):
        assert "failover ended" in await SCENARIO.detect(here)
    abandoned = telling(aws, "rds", (now(), "Abandoning user requested failover since a failover recently occurred"))
    with told(aws), abandoned, pytest.raises(Refused, match="abandoned"):
        await SCENARIO.detect(here)
    with told(aws, zone=THERE, standby=HERE):
        assert THERE in await SCENARIO.detect(here)


async def test_a_patience_within_which_nothing_is_known(site: Site) -> None:
    """Refused before anything is broken: undoing would be given up."""
    with pytest.raises(Refused, match="patience"):
        await SCENARIO.require_ready(site)
    await SCENARIO.model_copy(update={"patience": timedelta(minutes=10)}).require_ready(site)


async def test_nobody_answers(aws: FakeAws, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS says available, and clients do not reach it: no steady state, not verified."""
    monkeypatch.setenv("DRILL_RDS", "postgresql://nobody@127.0.0.1:1/none")
    with told(aws), pytest.raises(Refused, match="does not answer"):
        await SCENARIO.steady(site)
    with told(aws, zone=THERE, standby=HERE), pytest.raises(Refused, match="does not answer"):
        await SCENARIO.verify(site)


async def test_no_such_instance(site: Site) -> None:
    """Said, and not taken for broken."""
    drills = site.estate.environment.drills
    assert drills is not None
    place = drills.rds["records"]
    drills.rds["records"] = place.model_copy(update={"instance": "nowhere"})
    with pytest.raises(CouldNotObserve):
        await SCENARIO.detect(site)


class Hanging:
    """RDS whose connection closes before it answers."""

    meta = SimpleNamespace(service_model=SimpleNamespace(signing_name="rds"))

    def __init__(self) -> None:
        self.asked = 0

    def reboot_db_instance(self, **_: object) -> None:
        """Takes the call."""
        self.asked += 1
        raise ConnectionClosedError(endpoint_url="https://rds.example.com")


def test_told_once_where_the_answer_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """What only reads is asked again; what changes something never is, since nobody knows whether the first counted."""
    monkeypatch.setattr("tasks.aws_client._PAUSE", wait_none())
    for name, most in (("order", 1), ("read", 9)):
        rds = Hanging()
        with pytest.raises(CouldNotObserve):
            getattr(AwsService(rds, "rds"), name)(RdsInstance, "RebootDBInstance")
        assert 1 <= rds.asked <= most
        assert (rds.asked > 1) == (name == "read")
