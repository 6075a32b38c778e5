"""A broker that leads a partition is lost: producers go on, and of what is lost nothing is said but `skipped`."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import JsonValue

from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.kafka_brokers import BROKERS
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.readiness import port_open
from flows.drill_opening import scenario_of
from flows.drill_round import Request, drill, opened_drills
from tasks.estate import Estate
from tasks.scenarios.scenario import Scenario, Site
from tminus.drills.course import Course
from tminus.errors import CouldNotObserve, Refused
from tminus.release import no_release

pytest.importorskip("confluent_kafka")

NAME = "broker"
SWITCH = (sys.executable, str(CHECKOUT / "deployments" / "rehearsal" / "kafka_switch.py"))
ENTRY = {"kind": "kafka.broker_lost", "title": "A broker dies", "owner": "ops", "cluster": "main", "rto": "1h"}


@dataclass(frozen=True)
class Brokers:
    """The mock cluster, with the files that drills take."""

    folder: Path
    port: int
    bootstrap: str

    def write(self, topic: str = "drills") -> None:
        """The environment and the book."""
        argv = {deed: [*SWITCH, str(self.port), deed, "{}"] for deed in ("probe", "kill", "start")}
        brokers: JsonValue = {
            str(number): {
                deed: {"argv": [word.format(number) for word in words], "timeout": "10s"}
                for deed, words in argv.items()
            }
            for number in BROKERS
        }
        environment = {
            "environment": "drills",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(self.folder / "ledger.sqlite")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(self.folder / "state"),
            "kafka": {"bootstrap": self.bootstrap},
            "drills": {
                "patience": "20s",
                "kafka": {"main": {"topic": topic, "client": "env:TMINUS_TEST_KAFKA", "brokers": brokers}},
            },
        }
        scenario = {**ENTRY, "rpo": "0s", "approval": [], "lead_in": "200 ms"}
        book = {"drills": "house", "title": "H", "scenarios": {NAME: scenario}}
        (self.folder / "environment.yaml").write_text(json.dumps(environment), "utf-8")
        (self.folder / "drills.yaml").write_text(json.dumps(book), "utf-8")

    @asynccontextmanager
    async def staged(self) -> AsyncIterator[tuple[Scenario, Site]]:
        """The scenario, and a drill of it that is planned."""
        opened = opened_drills(self.folder / "drills.yaml", self.folder / "environment.yaml")
        async with Estate(opened.environment, no_release("house"), "", self.folder) as estate:
            scenario = scenario_of(opened, NAME)
            way = await scenario.plan(Site(estate, "a-drill", {}))
            yield scenario, Site(estate, "a-drill", way)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """Three brokers in a process of their own."""
    folder, port = tmp_path_factory.mktemp("brokers"), free_port()
    told = folder / "bootstrap"
    argv = [sys.executable, "-m", "deployments.rehearsal.kafka_brokers", "--port", str(port), "--told", str(told)]
    with Processes() as processes, pytest.MonkeyPatch.context() as patch:
        processes.start("kafka", argv, cwd=CHECKOUT, log=folder / "log", ready=port_open(port))
        bootstrap = told.read_text("utf-8")
        patch.setenv("TMINUS_TEST_KAFKA", json.dumps({"bootstrap.servers": bootstrap}))
        yield Brokers(folder, port, bootstrap)


@pytest.fixture
def brokers(running: Brokers) -> Brokers:
    """The same, with the files as they are right."""
    running.write()
    return running


async def test_it_goes_through(brokers: Brokers) -> None:
    """It is played to its end; what producers saw is measured, and loss is skipped, visibly."""
    opened = opened_drills(brokers.folder / "drills.yaml", brokers.folder / "environment.yaml")
    store = opened.store()
    try:
        ended = await drill(store, opened, NAME, lambda _: None, Request())
        course: Course = opened.course(store, NAME)
    finally:
        store.close()
    assert ended.how == "held", ended.sentence
    assert "no writes were counted (skipped: only what producers see of Kafka is looked at)" in ended.sentence
    played = course.drills[-1]
    assert played.ended is not None
    assert played.ended.after == played.began.before


async def test_another_one_leads(brokers: Brokers) -> None:
    """The leader is killed and leads nothing any more, others do; undone it runs. Undone again, nothing changes."""
    async with brokers.staged() as (scenario, site):
        before = await scenario.steady(site)
        await scenario.inject(site)
        await asyncio.wait_for(scenario.detect(site), 5)
        with pytest.raises(Refused, match="2 of 3 brokers run"):
            await scenario.steady(site)
        assert "messages are acknowledged" in await asyncio.wait_for(scenario.recover(site), 10)
        await scenario.verify(site)
        assert "was started" in await scenario.undo(site)
        assert "was not off" in await scenario.undo(site)
        assert await scenario.steady(site) == before


async def test_one_that_goes_on_leading(brokers: Brokers) -> None:
    """Where nobody else takes over, that is neither detected nor verified."""
    async with brokers.staged() as (scenario, site):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(scenario.detect(site), 0.5)
        with pytest.raises(Refused, match="must be led by another broker"):
            await scenario.verify(site)


async def test_no_topic(brokers: Brokers) -> None:
    """A topic that is not there is none that drills make."""
    brokers.write(topic="nowhere")
    with pytest.raises(CouldNotObserve, match="no topic nowhere"):
        async with brokers.staged():
            pass


async def test_a_client_that_nobody_can_configure(brokers: Brokers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is no answer, and what it is told stands in no message."""
    monkeypatch.setenv("TMINUS_TEST_KAFKA", json.dumps({"sasl.passwort": "hidden"}))
    async with brokers.staged() as (scenario, site):
        with pytest.raises(Refused, match="not acknowledged") as said:
            await scenario.steady(site)
    assert "hidden" not in str(said.value)
