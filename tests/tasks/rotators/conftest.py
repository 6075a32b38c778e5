"""PostgreSQL logins to be rotated, on the session's server, and on one whose own log tells who logs in."""

from collections.abc import Iterator

import pytest

from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Processes
from tests.conftest import Estates, PostgresServer
from tests.tasks.rotators.pair import Pair, made_pair

_TELLS = (
    "logging_collector = on",
    "log_destination = 'jsonlog,csvlog'",
    "log_connections = on",
    "log_statement = all",
    "log_timezone = UTC",
)


@pytest.fixture
def pair(postgres_server: PostgresServer, estates: Estates) -> Iterator[Pair]:
    """A pair on the server that all tests share, whose log tells nothing."""
    with made_pair(postgres_server, estates) as made:
        yield made


@pytest.fixture(scope="session")
def telling_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL that logs every log-in and every statement."""
    server = Postgres.plan(tmp_path_factory.mktemp("telling"), standby=False, settings=_TELLS)
    with Processes() as processes:
        yield PostgresServer(server, tuple(server.start(processes)))


@pytest.fixture
def told_pair(telling_server: PostgresServer, estates: Estates) -> Iterator[Pair]:
    """A pair on that one."""
    with made_pair(telling_server, estates) as made:
        yield made
