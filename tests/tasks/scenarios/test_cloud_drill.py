"""A whole drill in the cloud, counted at AWS: one order, whatever becomes of whoever gave it."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.vendors.aws_moto import FakeAws, state
from flows.drill_round import Request, drill, opened_drills
from tests.conftest import Estates, PostgresServer
from tests.flows.drills.playing import argv, last, locked
from tests.tasks.scenarios.conftest import REGION
from tests.tasks.scenarios.fis_room import made_template, paced
from tminus import events as ev

NAME, DISKS, HERE, THERE = "records-zone", "slow-disks", "eu-central-1a", "eu-central-1b"
ORDER, LOOK = "rds.RebootDBInstance", "rds.DescribeDBInstances"
LATE, REBOOTS = 8, 3  # looks
WHOLE = rb"(?s)\A.+\Z"


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

    async def drill(self, name: str = NAME) -> ev.DrillEnded:
        """Played by this process."""
        opened = opened_drills(self.book, self.environment_file)
        with closing(opened.store()) as store:
            return await drill(store, opened, name, lambda _: None, Request())


@pytest.fixture
def house(aws: FakeAws, estates: Estates, postgres_server: PostgresServer, tmp_path: Path) -> Iterator[House]:
    """Its files, and a database whose owner is the outside client."""
    made, dsn = House(tmp_path), estates.secret(postgres_server.at.address.dsn("trading"))
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
            "rds": {"records": {"instance": "records-1", "dsn": dsn}},
            "fis": {"disks": {"template": made_template(aws), "client": {"store": "postgres", "references": [dsn]}}},
        },
    }
    promised = {"title": "T", "owner": "ops", "rto": "1h", "rpo": "0s", "lead_in": "200 ms", "approval": []}
    scenarios = {
        NAME: {"kind": "rds.failover", "database": "records", **promised},
        DISKS: {"kind": "aws.fis", "experiment": "disks", **promised},
    }
    made.environment_file.write_text(json.dumps(environment), "utf-8")
    made.book.write_text(json.dumps({"drills": "house", "title": "H", "scenarios": scenarios}), "utf-8")
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


class Doomed:
    """A drill in a process of its own, which AWS kills when it gives its order."""

    def __init__(self, house: House, name: str) -> None:
        self._house, self._name = house, name
        self._process: subprocess.Popen[bytes] | None = None

    def play(self) -> None:
        """Until it is killed."""
        log = self._house.folder / "log"
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                argv(self._house, self._name), env=self._house.seen(), cwd=CHECKOUT, stdout=said, stderr=said
            )
        try:
            assert self._process.wait(60) < 0, log.read_text("utf-8")
        finally:
            self._process.kill()
            self._process.wait()

    def killed(self, _: re.Match[bytes]) -> bytes:
        """For AWS's answer to the order, which it never hears."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        return b""


async def test_killed_between_the_order_and_its_writing_down(aws: FakeAws, house: House) -> None:
    """AWS says available as before, and tells of nothing: the next drill waits for the failover, and orders none."""
    doomed = Doomed(house, NAME)
    with failing_over(aws) as world, aws.altered(ORDER, WHOLE, doomed.killed):
        await asyncio.to_thread(doomed.play)
        assert locked(house) is not None
        ended = await house.drill()
        assert ended.how == "undone", ended.sentence
        assert world.moved, "it counted as undone before the failover began"
    assert f"it failed over from {HERE}" in ended.sentence
    assert aws.asked[ORDER] == 1
    assert last(house, NAME).moments.keys() == {"inject", "undo"}
    assert locked(house) is None


@pytest.mark.long
async def test_an_experiment_whose_drill_is_killed(aws: FakeAws, house: House) -> None:
    """Nobody heard its id: whoever comes next finds and stops it, and starts none; the drill after that has its own."""
    doomed = Doomed(house, DISKS)
    with paced(3), aws.altered("fis.POST /experiments", WHOLE, doomed.killed):
        await asyncio.to_thread(doomed.play)
        ended = await house.drill(DISKS)
    assert (ended.how, "is stopped" in ended.sentence) == ("undone", True), ended.sentence
    [name] = state("fis", REGION).experiments
    assert (aws.asked["fis.POST /experiments"], aws.asked[f"fis.DELETE /experiments/{name}"]) == (1, 1)
    with paced(1):
        ended = await house.drill(DISKS)
    assert ended.how == "held", ended.sentence
    assert len(state("fis", REGION).experiments) == 2
