"""A whole drill in the cloud, counted at AWS: one order, whatever becomes of whoever gave it."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import JsonValue

from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.vendors.aws_moto import FakeAws
from flows.drill_round import Request, drill, opened_drills
from tests.conftest import Estates, PostgresServer
from tests.flows.drills.playing import argv, last, locked
from tests.tasks.scenarios.conftest import REGION
from tminus import events as ev

NAME, HERE, THERE = "records-zone", "eu-central-1a", "eu-central-1b"
ORDER, LOOK = "rds.RebootDBInstance", "rds.DescribeDBInstances"
LATE, REBOOTS = 8, 3  # looks


@dataclass
class House:
    """A system whose records lie in RDS; see Ground."""

    folder: Path

    @property
    def environment_file(self) -> Path:
        """Its environment."""
        return self.folder / "environment.yaml"

    @property
    def book(self) -> Path:
        """Its drills."""
        return self.folder / "drills.yaml"

    @property
    def plan(self) -> Path:
        """It has no machines."""
        return self.folder / "none"

    def seen(self) -> dict[str, str]:
        """What a process of a drill sees."""
        return dict(os.environ)

    async def drill(self) -> ev.DrillEnded:
        """Played by this process."""
        opened = opened_drills(self.book, self.environment_file)
        with closing(opened.store()) as store:
            return await drill(store, opened, NAME, lambda _: None, Request())


@pytest.fixture
def house(aws: FakeAws, estates: Estates, postgres_server: PostgresServer, tmp_path: Path) -> Iterator[House]:
    """Its files, and a database whose owner is the outside client."""
    made = House(tmp_path)
    environment = {
        "environment": "drills",
        "kind": "rehearsal",
        "lease": "1s",
        "ledger": {"sqlite": str(tmp_path / "ledger.sqlite")},
        "prefect": {"api": "http://127.0.0.1:1/api"},
        "state": str(tmp_path / "state"),
        "aws": {"region": REGION, "endpoint": aws.url},
        "drills": {
            "patience": "10m",
            "rds": {
                "records": {"instance": "records-1", "dsn": estates.secret(postgres_server.at.address.dsn("trading"))}
            },
        },
    }
    scenario = {
        "kind": "rds.failover",
        "title": "A zone",
        "owner": "ops",
        "rto": "1h",
        "rpo": "0s",
        "lead_in": "200 ms",
        "approval": [],
        "database": "records",
    }
    made.environment_file.write_text(json.dumps(environment), "utf-8")
    made.book.write_text(json.dumps({"drills": "house", "title": "H", "scenarios": {NAME: scenario}}), "utf-8")
    yield made
    with postgres_server.connect() as connection:
        connection.execute("DROP SCHEMA IF EXISTS tminus_drill CASCADE")


class FailingOver:
    """An instance of RDS that fails over once it is told: some looks later it is rebooting, then in another zone."""

    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws
        self._told_at: int | None = None

    @property
    def looks(self) -> int:
        """How often it was looked at since it was told; -1 before."""
        if self._aws.asked[ORDER] == 0:
            return -1
        if self._told_at is None:
            self._told_at = self._aws.asked[LOOK]
        return self._aws.asked[LOOK] - self._told_at

    @property
    def moved(self) -> bool:
        """Whether it is over."""
        return self.looks >= LATE + REBOOTS

    def status(self, _: re.Match[bytes]) -> bytes:
        """For AWS's answer."""
        said = b"rebooting" if LATE <= self.looks < LATE + REBOOTS else b"available"
        return b"<DBInstanceStatus>" + said + b"<"

    def zones(self, _: re.Match[bytes]) -> bytes:
        """The same."""
        here, there = (THERE, HERE) if self.moved else (HERE, THERE)
        two = (
            f"<AvailabilityZone>{here}</AvailabilityZone><SecondaryAvailabilityZone>{there}</SecondaryAvailabilityZone>"
        )
        return two.encode()


@contextmanager
def failing_over(aws: FakeAws) -> Iterator[FailingOver]:
    """The block in which the instance does."""
    world = FailingOver(aws)
    with ExitStack() as stack:
        stack.enter_context(aws.altered(LOOK, rb"<AvailabilityZone>[^<]*</AvailabilityZone>", world.zones))
        stack.enter_context(aws.altered(LOOK, rb"<DBInstanceStatus>[^<]*<", world.status))
        stack.enter_context(aws.altered(LOOK, rb"<MultiAZ>[^<]*<", b"<MultiAZ>true<"))
        yield world


async def test_it_goes_through(aws: FakeAws, house: House) -> None:
    """Told once; what the outside client wrote is counted, and all is as before, in another zone."""
    with failing_over(aws) as world:
        ended = await house.drill()
    assert ended.how == "held", ended.sentence
    assert " 0 lost" in ended.sentence
    assert world.moved
    assert aws.asked[ORDER] == 1
    played = last(house, NAME)
    assert played.began.way == {"victim": HERE, "heir": THERE}
    assert played.ended is not None
    assert played.ended.after == played.began.before
    assert locked(house) is None


def dying(process: Callable[[], "subprocess.Popen[bytes]"]) -> Callable[[Mapping[str, JsonValue]], bytes]:
    """Takes the order, and kills whoever gave it before it hears of that."""

    def reboot(_: Mapping[str, JsonValue]) -> bytes:
        process().kill()
        process().wait()
        return b""

    return reboot


def played_to_its_death(house: House, killed: list["subprocess.Popen[bytes]"]) -> None:
    """A drill in a process of its own, until somebody kills it."""
    log = house.folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(argv(house, NAME), env=house.seen(), cwd=CHECKOUT, stdout=said, stderr=said)
    killed.append(process)
    try:
        assert process.wait(60) < 0, log.read_text("utf-8")
    finally:
        process.kill()
        process.wait()


async def test_killed_between_the_order_and_its_writing_down(aws: FakeAws, house: House) -> None:
    """AWS says available as before, and tells of nothing: the next drill waits for the failover, and orders none."""
    killed: list[subprocess.Popen[bytes]] = []
    with failing_over(aws) as world, aws.answering(ORDER, dying(lambda: killed[0])):
        await asyncio.to_thread(played_to_its_death, house, killed)
        assert locked(house) is not None
        ended = await house.drill()
        assert ended.how == "undone", ended.sentence
        assert world.moved, "it counted as undone before the failover began"
    assert f"it failed over from {HERE}" in ended.sentence
    assert aws.asked[ORDER] == 1
    assert last(house, NAME).moments.keys() == {"inject", "undo"}
    assert locked(house) is None
