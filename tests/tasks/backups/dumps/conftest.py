"""A live shop, its one good backup, and a way to verify backups without making a new cluster each time."""

import asyncio
import os
from collections.abc import Iterator

import pytest

from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Processes
from tasks.backups import verify_postgres_dump
from tests.conftest import S3Server
from tests.tasks.backups.dumps.shop import Shop, copied_clusters, make_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server) -> Iterator[Shop]:
    """The live shop; what a test changes there it puts back."""
    folder = tmp_path_factory.mktemp("shop")
    server = Postgres.plan(folder / "live", standby=False)
    with Processes() as processes, pytest.MonkeyPatch.context() as patch:
        server.start(processes)
        shop = make_shop(server, s3_server, folder)
        for name, value in shop.secrets().items():
            patch.setenv(name, value)
        patch.setattr(verify_postgres_dump, "make", copied_clusters(folder))
        shop.manifest = asyncio.run(shop.take())
        shop.plain = shop.dump()
        assert not [name for name in os.environ if name.startswith("PG")]
        yield shop
