"""PostgreSQL logins to be rotated, on the session's server, and on one whose own log tells who logs in."""

from collections.abc import Iterator

import pytest

from tests.conftest import Estates, PostgresServer
from tests.tasks.rotators.pair import Pair, made_pair


@pytest.fixture
def pair(postgres_server: PostgresServer, estates: Estates) -> Iterator[Pair]:
    """A pair on the server that all tests share, whose log tells nothing."""
    with made_pair(postgres_server, estates) as made:
        yield made


@pytest.fixture
def told_pair(telling_server: PostgresServer, estates: Estates) -> Iterator[Pair]:
    """A pair on that one."""
    with made_pair(telling_server, estates) as made:
        yield made
