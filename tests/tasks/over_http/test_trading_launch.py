"""The checks of the TradeSense book over HTTP, against the trading service that rehearsals launch."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ruamel.yaml import YAML

from deployments.rehearsal.fault_file import ServiceFaults, write_faults
from deployments.rehearsal.nginx import Nginx
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.readiness import http_answers
from deployments.rehearsal.redis_servers import Redis
from deployments.rehearsal.trading_builds import NEXT, PREVIOUS, trading_build
from deployments.rehearsal.trading_schema import create_trading_schema
from tasks.check import Check
from tasks.estate import Estate
from tasks.vocabulary import KINDS
from tests.conftest import Estates, made_release
from tminus.outcome import Outcome, Verdict

BOOK = Path(__file__).parents[3] / "runbooks" / "tradesense" / "launch.yaml"


@dataclass(frozen=True)
class Trading:
    """Two instances behind nginx, their faults file, and their database."""

    nginx: Nginx
    ports: tuple[int, ...]
    faults: Path
    dsn: str

    def estate(self, estates: Estates) -> Estate:
        """An estate that launches what runs there."""
        addresses = [f"127.0.0.1:{port}" for port in self.ports]
        service = {
            "front": f"http://127.0.0.1:{self.nginx.address.ports['trading']}",
            "nginx": {
                "config": str(self.nginx.address.configuration),
                "upstream": "trading",
                "include": str(self.nginx.address.upstream("trading")),
                "reload": {"argv": ["true"]},
                "pools": {"blue": addresses, "green": ["127.0.0.1:9"]},
            },
            "roll_out": {verb: {"argv": ["true"]} for verb in ("run", "probe", "undo")},
        }
        release = made_release(services={"trading": {**_build(NEXT), "rollback_to": _build(PREVIOUS)}})
        return estates.make(services={"trading": service}, release=release)


def _build(version: str) -> dict[str, str]:
    build = trading_build(version)
    return {"version": version, "artifact": build.artifact_digest, "config": build.config_digest}


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trading]:
    """The service with real servers, for the module."""
    folder = tmp_path_factory.mktemp("trading")
    ports = (free_port(), free_port())
    with ExitStack() as stack:
        processes = stack.enter_context(Processes())
        postgres, redis = Postgres.plan(folder / "p", standby=False), Redis.plan(folder / "r", replica=False)
        nginx = Nginx.plan(folder / "n", {"trading": ports})
        for server in (postgres, redis, nginx):
            server.start(processes)
        found = Trading(nginx, ports, folder / "faults.json", postgres.address.dsn("trading").get_secret_value())
        create_trading_schema(found.dsn)
        for port in ports:
            processes.start(
                f"trading-{port}",
                [sys.executable, "-m", "deployments.rehearsal.trading"],
                env=_environment(found, port, redis.address.dsn().get_secret_value()),
                log=folder / f"{port}.out",
                ready=http_answers(port, "/version"),
            )
        os.utime(nginx.address.upstream("trading"))  # the switch comes after the roll-out
        yield found


def _environment(trading: Trading, port: int, redis_url: str) -> Mapping[str, str]:
    build = trading_build(NEXT)
    return {
        "TRADING_VERSION": NEXT,
        "TRADING_ARTIFACT_DIGEST": build.artifact_digest,
        "TRADING_CONFIG_DIGEST": build.config_digest,
        "TRADING_PORT": str(port),
        "TRADING_PG_DSN": trading.dsn,
        "TRADING_REDIS_URL": redis_url,
        "TRADING_JWT_KEY": "a key that only these tests use, long enough for HS256",
        "TRADING_LOG": str(trading.faults.with_name(f"{port}.jsonl")),
        "TRADING_FAULTS": str(trading.faults),
    }


def from_book(identity: str, **changed: object) -> Check:
    """The check of one step of the book, with parameters changed."""
    phases: Any = YAML(typ="safe").load(BOOK)["phases"]
    step = next(step for phase in phases for step in phase["steps"] if step["id"] == identity)
    check = KINDS[step["check"]].model_validate({**step["with"], "expect": step["expect"], **changed})
    assert isinstance(check, Check)
    return check


async def observe(trading: Trading, estates: Estates, check: Check) -> Outcome:
    """What the check finds."""
    async with trading.estate(estates) as estate:
        return await check.observe(estate)


@pytest.fixture
def healthy(trading: Trading) -> Iterator[Trading]:
    """The service without faults."""
    write_faults(trading.faults, {})
    yield trading
    write_faults(trading.faults, {})


async def test_the_book_passes_on_a_good_release(healthy: Trading, estates: Estates) -> None:
    """Healthy, one version, tradable, and fast; the journey leaves no account and no order in the database."""
    for identity in ("services-online", "one-version-serves", "trader-can-trade"):
        outcome = await observe(healthy, estates, from_book(identity))
        assert outcome.verdict is Verdict.PASS, (identity, outcome)
    outcome = await observe(healthy, estates, from_book("performance-since-launch", minimum=4))
    assert outcome.verdict is Verdict.PASS, outcome
    with psycopg.connect(healthy.dsn) as database:
        assert database.execute("SELECT count(*) FROM accounts").fetchone() == (0,)
        assert database.execute("SELECT count(*) FROM orders").fetchone() == (0,)


async def test_the_book_fails_on_a_bad_release(healthy: Trading, estates: Estates) -> None:
    """Every request fails: the instances still call themselves healthy, the journey and the metrics say otherwise."""
    write_faults(healthy.faults, {NEXT: ServiceFaults(error_rate=1.0)})
    journey = await observe(healthy, estates, from_book("trader-can-trade"))
    assert journey.verdict is Verdict.FAIL
    assert "open an account: expected status 201, found 500" in journey.summary
    metrics = await observe(healthy, estates, from_book("performance-since-launch", minimum=1))
    assert metrics.verdict is Verdict.FAIL
    assert metrics.summary.startswith("error_rate ")


async def test_the_book_does_not_pass_without_metrics_or_health(healthy: Trading, estates: Estates) -> None:
    """No metrics are unknown, an unhealthy version fails, and so does a release that is not the one that runs."""
    write_faults(healthy.faults, {NEXT: ServiceFaults(no_metrics=True, unhealthy=True)})
    metrics = await observe(healthy, estates, from_book("performance-since-launch"))
    assert metrics.verdict is Verdict.UNKNOWN
    assert "no metrics from 2 of 2 instances" in metrics.summary
    assert (await observe(healthy, estates, from_book("services-online"))).verdict is Verdict.FAIL
    back = from_book("one-version-serves").after_rollback()
    assert back is not None
    assert (await observe(healthy, estates, back)).verdict is Verdict.FAIL
