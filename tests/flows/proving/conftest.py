"""One shop for all of these tests: what they break, they mend."""

from collections.abc import Iterator

import pytest

from tests.conftest import Estates, PostgresServer, RedisServer, S3Server
from tests.flows.proving.faulty_s3 import FaultyS3, faulty
from tests.flows.proving.shop import ProvenShop, make_shop


@pytest.fixture(scope="module")
def shop(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: PostgresServer,
    redis_pair: RedisServer,
    s3_server: S3Server,
) -> Iterator[ProvenShop]:
    """A store of each kind, and a good backup of each."""
    with pytest.MonkeyPatch.context() as patch:
        estates = Estates(tmp_path_factory.mktemp("proving"), patch.setenv)
        estates._secrets = 500  # names of variables that no other fixture uses
        name = request.module.__name__.rpartition(".")[2]
        yield from make_shop(estates, postgres_server, redis_pair, s3_server, name)


@pytest.fixture
def s3(shop: ProvenShop) -> Iterator[FaultyS3]:
    """What stands before the bucket of backups for one test."""
    address = shop.s3.at.address.url
    with faulty(address) as before:
        shop.change(buckets={"backups": {"endpoint": before.url}})
        yield before
        shop.change(buckets={"backups": {"endpoint": address}})
