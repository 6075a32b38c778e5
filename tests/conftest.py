"""Real servers for the tests that need them, started when first asked for, and estates that lead to them."""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psycopg
import pytest
from hypothesis import settings
from pydantic import SecretStr

from deployments.rehearsal.aws import Aws
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.redis_servers import Redis
from tasks.estate import Estate
from tminus.environment import Environment, Impact
from tminus.release import Release

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# A shell's background job starts with Ctrl-C ignored, and would hand that on to the processes that tests send it to.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What `make test` draws of each rule, and what `make sweep` does: for a night, or before a release.
settings.register_profile("few", max_examples=50)
settings.register_profile("sweep", max_examples=2000, deadline=None)
settings.load_profile("few")

LAUNCH = "tradesense-2-0-0"
_LONGEST = ("worlds", "bench", "deploy")  # folders whose modules take longest
_TELLS = (
    "logging_collector = on",
    "log_destination = 'jsonlog,csvlog'",
    "log_connections = on",
    "log_statement = all",
    "log_timezone = UTC",
)
_BUILD = {"artifact": f"sha256:{'a' * 64}", "config": f"sha256:{'b' * 64}"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that with several workers none is left alone with it at the end."""
    items.sort(key=lambda item: not set(_LONGEST).intersection(item.path.parts))


@dataclass(frozen=True)
class PostgresServer:
    """A running primary, and its standby where there is one."""

    at: Postgres
    children: tuple[Child, ...]

    @property
    def dsn(self) -> SecretStr:
        """The connection string of the role that a launch uses."""
        return self.at.address.dsn("tminus")

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        """A superuser's connection to the trading database, each statement a transaction."""
        return psycopg.connect(self.at.address.dsn("postgres").get_secret_value(), autocommit=True)


@dataclass(frozen=True)
class RedisServer:
    """A running primary, and its replica where there is one."""

    at: Redis
    children: tuple[Child, ...]

    @property
    def dsn(self) -> SecretStr:
        """The connection URL."""
        return self.at.address.dsn()


@dataclass(frozen=True)
class S3Server:
    """moto's S3, with one bucket that encrypts by default."""

    at: Aws

    def client(self) -> "S3Client":
        """A client that is allowed everything."""
        return boto3.client(
            "s3",
            endpoint_url=self.at.address.url,
            region_name=self.at.address.region,
            aws_access_key_id=self.at.address.access_key_id,
            aws_secret_access_key=self.at.address.secret_access_key.get_secret_value(),
        )

    def section(self, secret: Callable[[SecretStr], str], prefix: str, bucket: str = "") -> Mapping[str, object]:
        """A `buckets` entry; each test has a prefix of its own."""
        at = self.at.address
        return at.section(prefix, secret(SecretStr(at.access_key_id)), secret(at.secret_access_key), bucket)


@dataclass
class Estates:
    """Makes estates whose secrets live in this process's environment, for the length of one test."""

    folder: Path
    _setenv: Callable[[str, str], None]
    _secrets: int = field(default=0)

    def secret(self, value: SecretStr) -> str:
        """A reference to a secret made up here."""
        self._secrets += 1
        name = f"TMINUS_TEST_SECRET_{self._secrets}"
        self._setenv(name, value.get_secret_value())
        return f"env:{name}"

    def make(self, *, launch: str = LAUNCH, release: Release | None = None, **sections: object) -> Estate:
        """An estate that allows every impact; `sections` are those of the environment file."""
        environment = Environment.model_validate(
            {
                "environment": "test",
                "kind": "rehearsal",
                "ledger": {"sqlite": str(self.folder / "ledger.sqlite")},
                "prefect": {"api": "http://127.0.0.1:1/api"},
                "state": str(self.folder / "state"),
                "allows": frozenset(Impact),
                **sections,
            }
        )
        return Estate(environment, release or made_release(), launch, self.folder)


def made_release(**changed: object) -> Release:
    """A release of one service, with `changed` fields."""
    build = {**_BUILD, "version": "2.0.0", "rollback_to": {**_BUILD, "artifact": f"sha256:{'c' * 64}", "version": "1"}}
    plain = {"release": "tradesense-2.0.0", "system": "tradesense", "ticket": "OPS-1", "services": {"trading": build}}
    return Release.model_validate({**plain, **changed})


@pytest.fixture
def estates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Estates:
    """Makes estates in the test's own folder."""
    return Estates(tmp_path, monkeypatch.setenv)


@pytest.fixture
def quick_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateways look again sooner what they verify with."""
    monkeypatch.setattr("tminus.signing_secrets.FRESH", 0.2)
    monkeypatch.setattr("tminus.signing_secrets.AGAIN", 0.05)
    monkeypatch.setattr("tminus.signing_secrets.WITHIN", 30.0)  # what a look finds is asserted, however busy it is here


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL without a standby."""
    with Processes() as processes:
        yield _postgres(processes, tmp_path_factory.mktemp("postgres"), standby=False)


@pytest.fixture(scope="session")
def telling_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL that logs every log-in and every statement."""
    with Processes() as processes:
        yield _postgres(processes, tmp_path_factory.mktemp("telling"), standby=False, settings=_TELLS)


@pytest.fixture(scope="session")
def postgres_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL primary and a standby that streams from it; leave both as you found them."""
    with Processes() as processes:
        yield _postgres(processes, tmp_path_factory.mktemp("postgres-pair"), standby=True)


@pytest.fixture(scope="session")
def redis_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis primary and a replica of it; leave both as you found them."""
    server = Redis.plan(tmp_path_factory.mktemp("redis-pair"))
    with Processes() as processes:
        yield RedisServer(server, tuple(server.start(processes)))


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """S3, by moto."""
    server = Aws.plan(tmp_path_factory.mktemp("s3"))
    with Processes() as processes:
        server.start(processes)
        yield S3Server(server)


def _postgres(processes: Processes, folder: Path, *, standby: bool, settings: Sequence[str] = ()) -> PostgresServer:
    server = Postgres.plan(folder, standby=standby, settings=settings)
    return PostgresServer(server, tuple(server.start(processes)))
