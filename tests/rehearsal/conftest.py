"""PostgreSQL and Redis for the tests of the trading service, instances of it, and a Slack stand-in."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from slack_sdk import WebClient

from deployments.rehearsal import slack_workspace
from deployments.rehearsal.fault_file import ServiceFaults, write_faults
from deployments.rehearsal.in_thread import Door, served
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.readiness import http_answers
from deployments.rehearsal.redis_servers import Redis
from deployments.rehearsal.slack_stand_in import SlackStandIn
from deployments.rehearsal.trading_builds import NEXT, trading_build
from deployments.rehearsal.trading_estate import Trading
from deployments.rehearsal.trading_schema import create_trading_schema
from tests.rehearsal.running_platform import Platform, start
from tests.rehearsal.slack_stood_in import PERSON

JWT_KEY = "a key that only these tests use, long enough for HS256"


@dataclass(frozen=True)
class TradingServers:
    """Where the tables and the cache are."""

    dsn: str
    redis_url: str

    def environment(self, faults: Path) -> dict[str, str]:
        """What an instance, or the platform on its behalf, needs to find them."""
        addresses = {"TRADING_PG_DSN": self.dsn, "TRADING_REDIS_URL": self.redis_url}
        return {**addresses, "TRADING_JWT_KEY": JWT_KEY, "TRADING_FAULTS": str(faults)}


@dataclass(frozen=True)
class Instance:
    """One running instance of the trading service."""

    url: str
    log: Path
    child: Child
    faults: Path

    def client(self) -> httpx.Client:
        """A client of it; the caller closes it."""
        return httpx.Client(base_url=self.url, timeout=10.0, trust_env=False)

    def break_with(self, faults: ServiceFaults, version: str = "*") -> None:
        """Put faults in force."""
        write_faults(self.faults, {version: faults})


class Instances:
    """Starts instances in a folder of their own."""

    def __init__(self, processes: Processes, folder: Path, servers: TradingServers) -> None:
        self._processes = processes
        self._folder = folder
        self._servers = servers

    def start(self, version: str = NEXT, *, name: str = "one", changed: Mapping[str, str] | None = None) -> Instance:
        """Start one and wait until it answers; `changed` replaces environment variables."""
        port, build = free_port(), trading_build(version)
        log, faults = self._folder / f"{name}.jsonl", self._folder / "faults.json"
        environment = {
            **self._servers.environment(faults),
            "TRADING_VERSION": version,
            "TRADING_ARTIFACT_DIGEST": build.artifact_digest,
            "TRADING_CONFIG_DIGEST": build.config_digest,
            "TRADING_INSTANCE": name,
            "TRADING_PORT": str(port),
            "TRADING_LOG": str(log),
            **(changed or {}),
        }
        child = self._processes.start(
            name,
            [sys.executable, "-m", "deployments.rehearsal.trading"],
            env=environment,
            log=self._folder / f"{name}.out",
            ready=http_answers(port, "/version"),
        )
        return Instance(f"http://127.0.0.1:{port}", log, child, faults)


@pytest.fixture(scope="session")
def trading_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TradingServers]:
    """One PostgreSQL with the service's tables and one Redis, for all tests of the service and its platform."""
    folder = tmp_path_factory.mktemp("trading-servers")
    postgres = Postgres.plan(folder / "postgres", standby=False)
    redis = Redis.plan(folder / "redis", replica=False)
    with Processes() as processes:
        postgres.start(processes)
        redis.start(processes)
        dsn = postgres.address.dsn("trading").get_secret_value()
        create_trading_schema(dsn)
        yield TradingServers(dsn, redis.address.dsn().get_secret_value())


@pytest.fixture
def instances(tmp_path: Path, trading_servers: TradingServers) -> Iterator[Instances]:
    """Starts instances; they are ended with the test."""
    with Processes() as processes:
        yield Instances(processes, tmp_path, trading_servers)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory, trading_servers: TradingServers) -> Iterator[Instance]:
    """One instance without faults, for a whole module of tests."""
    with Processes() as processes:
        yield Instances(processes, tmp_path_factory.mktemp("healthy"), trading_servers).start()


@pytest.fixture
def client(healthy: Instance) -> Iterator[httpx.Client]:
    """A client of one healthy instance of the new version."""
    with healthy.client() as client:
        yield client


@pytest.fixture
def platform(tmp_path: Path, trading_servers: TradingServers) -> Iterator[Platform]:
    """A platform with empty pools."""
    with Processes() as processes:
        yield start(processes, Trading.plan(tmp_path), trading_servers)


@pytest.fixture(scope="module")
def plain_door() -> Iterator[Door]:
    """A server that speaks http."""
    door = Door()
    with served(door) as door.url:
        yield door


@pytest.fixture
def slack() -> SlackStandIn:
    """A workspace with one channel and one person."""
    return SlackStandIn(SecretStr("xoxb-test"), slack_workspace.Directory(users=(PERSON,)))


@pytest.fixture
def slack_url(slack: SlackStandIn, plain_door: Door) -> str:
    """Its address."""
    plain_door.behind = slack.app()
    return plain_door.url


@pytest.fixture
def web(slack_url: str) -> WebClient:
    """Slack's own client, with the right token."""
    return WebClient(token="xoxb-test", base_url=f"{slack_url}/api/")
