"""PostgreSQL logins to be rotated, on the session's server, and on one whose own log tells who logs in."""

from collections.abc import Iterator

import pytest

from deployments.rehearsal.vendors.aws_moto import fake_aws
from tests.conftest import Estates, PostgresServer
from tests.tasks.rotators.kms_room import KmsRoom
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


@pytest.fixture
def kms_room(postgres_server: PostgresServer, estates: Estates) -> Iterator[KmsRoom]:
    """An empty bucket and an empty table, and a key for both."""
    with fake_aws() as aws:
        yield KmsRoom(aws, postgres_server, estates)
