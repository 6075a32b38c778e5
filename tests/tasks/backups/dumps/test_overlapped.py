"""What was checked while the rest was restored counts only where nothing happened to it since."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tasks.backups.asked import Scratch
from tasks.backups.overlapped import Overlapped
from tasks.backups.postgres_cluster import cluster
from tasks.backups.postgres_contents import in_snapshot, tables_contents
from tasks.backups.postgres_server import ScratchServer, run
from tests.sampling import few
from tests.tasks.backups.dumps.shop import copied_clusters
from tminus.backups.contents import TableContents
from tminus.systems.stores import Postgres

TABLES = [
    "CREATE TABLE t (id int PRIMARY KEY, v text)",
    "INSERT INTO t SELECT n, 'v' || n FROM generate_series(1, 500) n",
    "CREATE TABLE other (id int)",
]


@pytest.fixture
async def server(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ScratchServer]:
    """A scratch server with a table."""
    folder = tmp_path / "scratch"
    folder.mkdir(mode=0o700)
    planned = cluster(Scratch("tminus-scratch-x", folder, 10**9), Postgres(dsn="env:NONE"), 18)
    await copied_clusters(tmp_path_factory.getbasetemp())(planned)
    async with run(planned) as server:
        await said(server, *TABLES)
        yield server


async def said(server: ScratchServer, *statements: str) -> None:
    """Done by somebody who is not tminus, in a session that ends then."""
    async with server.connect("postgres") as connection:
        await connection.execute("SET application_name = 'pg_restore'")
        for statement in statements:
            await connection.execute(statement.encode())


async def now(server: ScratchServer) -> dict[str, TableContents]:
    """What is there."""
    async with server.connect("postgres") as connection, in_snapshot(connection):
        return await tables_contents(connection)


async def looked_early(server: ScratchServer) -> Overlapped:
    """The table and its index were checked, and it is said that all is restored."""
    checks = Overlapped(server, "postgres")
    for hint in ("public.t", ""):
        checks.hint(hint)
    meanwhile = asyncio.create_task(checks.meanwhile())
    while not checks._indexes and not meanwhile.done():
        await asyncio.sleep(0.01)
    checks.all_restored()
    await meanwhile
    return checks


async def test_what_stays_as_it_was_is_not_checked_again(server: ScratchServer) -> None:
    """Neither the table nor its index; the rest is."""
    checks = await looked_early(server)
    checked = await checks.finish()
    assert checked.early == 1
    assert checked.contents.tables == await now(server)
    assert (checked.indexes, checked.broken_indexes) == (1, ())
    assert "amcheck: in" not in " ".join(checked.contents.schema_lines["extensions"])


_CHANGES = [
    ["INSERT INTO t VALUES (0, 'later')"],
    ["UPDATE t SET v = 'x' WHERE id = 3"],
    ["DELETE FROM t WHERE id = 3"],
    ["TRUNCATE t"],
    ["TRUNCATE t", "INSERT INTO t SELECT n, 'w' || n FROM generate_series(1, 500) n"],
    ["DROP TABLE t"],
    ["ALTER TABLE t ADD COLUMN more int DEFAULT 7"],
    ["ALTER TABLE t DROP COLUMN v", "ALTER TABLE t ADD COLUMN v text DEFAULT 'x'"],
    ["ALTER TABLE t ALTER v TYPE varchar(9) USING upper(v)"],
    ["ALTER TABLE t RENAME TO u", "ALTER TABLE other RENAME TO t"],
]


@pytest.mark.parametrize(
    "change",
    few(
        _CHANGES,
        *_CHANGES[::4],
    ),
    ids=lambda change: "; ".join(change)[:40],
)
async def test_what_changed_since_is_checked_again(server: ScratchServer, change: list[str]) -> None:
    """Whatever it was that happened: what is told is what is there at the end."""
    checks = await looked_early(server)
    await said(server, *change)
    checked = await checks.finish()
    assert checked.contents.tables == await now(server)


async def test_hints_at_nothing_do_no_harm(server: ScratchServer) -> None:
    """A table that is not there, and a database that is not."""
    for database in ("postgres", "nowhere"):
        checks = Overlapped(server, database)
        for hint in ("public.gone", "", "public.t; DROP TABLE t", "public.other"):
            checks.hint(hint)
        checks.all_restored()
        await checks.meanwhile()
    assert "public.t" in await now(server)
