"""Two databases change names in time, or not at all; and nobody is sent away for a change that cannot be."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from psycopg import sql

from tasks.restores import postgres_switch
from tasks.restores.asked import Stands, Way
from tasks.restores.live_postgres import LivePostgres
from tests.conftest import PostgresServer
from tminus.clock import now
from tminus.errors import ActionFailed, CouldNotObserve
from tminus.systems.stores import Postgres

NAMES = postgres_switch.names("switched", "20261122180000_000001")
BOTH = {NAMES["database"], NAMES["restored"]}


@pytest.fixture
def server(postgres_server: PostgresServer) -> Iterator[LivePostgres]:
    """A live database, and a copy beside it."""
    address = postgres_server.at.address
    section = Postgres.model_validate({"dsn": "env:NONE"})
    with postgres_server.connect() as connection:
        for name in BOTH:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield LivePostgres("main", section, address.dsn("postgres", database="switched"), "switched")
        for name in NAMES.values():
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


async def there(server: LivePostgres) -> set[str]:
    """Which of the names there are."""
    async with server.connect() as connection:
        rows = await (await connection.execute("SELECT datname::text FROM pg_database")).fetchall()
    return {str(name) for (name,) in rows} & set(NAMES.values())


async def test_not_after_its_deadline(server: LivePostgres) -> None:
    """By a conductor that was stopped before it, say; and who is connected stays."""
    way = await postgres_switch.identified(server, NAMES)
    async with server.connect("switched") as trader:
        with pytest.raises(ActionFailed, match="nothing was changed"):
            await postgres_switch.switch(server, way, Stands.NEW, now())
        await trader.execute("SELECT 1")
    assert await there(server) == BOTH


async def test_a_lock_from_elsewhere_is_not_waited_for_without_end(
    server: LivePostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds it is connected to neither, and so is not ended."""
    monkeypatch.setattr(postgres_switch, "_LOCK", "100ms")
    monkeypatch.setattr(postgres_switch, "_TRIES", 1)
    way = await postgres_switch.identified(server, NAMES)
    async with server.connect() as elsewhere, elsewhere.transaction():
        await elsewhere.execute("COMMENT ON DATABASE switched IS 'held'")
        with pytest.raises(ActionFailed, match="lock timeout"):
            await postgres_switch.switch(server, way, Stands.NEW, now() + timedelta(minutes=1))
    assert await there(server) == BOTH


async def test_nobody_is_sent_away_for_a_way_back_that_is_gone(server: LivePostgres) -> None:
    """It is looked for first."""
    way: Way = await postgres_switch.identified(server, NAMES)
    until = now() + timedelta(minutes=1)
    await postgres_switch.switch(server, way, Stands.NEW, until)
    await postgres_switch.require_both(server, way)
    async with server.connect() as connection:
        await connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(way["kept"])))
    async with server.connect("switched") as trader:
        with pytest.raises(CouldNotObserve, match="somebody dropped it"):
            await postgres_switch.require_both(server, way)
        with pytest.raises(CouldNotObserve, match="somebody dropped it"):
            await postgres_switch.switch(server, way, Stands.OLD, until)
        await trader.execute("SELECT 1")
    assert await postgres_switch.stands(server, way) is Stands.NEW
