"""What every restore of a PostgreSQL database has in common: a new one beside the live one, and names that change."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from tasks.restores import postgres_copy, postgres_switch
from tasks.restores.asked import Live, Restorer, Stands, Way
from tasks.restores.live_postgres import LivePostgres
from tminus.backups.book import AnyStore, PostgresBase, PostgresDump
from tminus.errors import CouldNotObserve, NotConfigured

_MAY = "SELECT rolname::text, rolsuper OR rolcreatedb, rolsuper FROM pg_roles WHERE rolname = current_user"


class DatabaseRestorer(Restorer):
    """Into a new database of the live server, which then takes the live one's name."""

    async def plan(self, live: Live, stamp: str) -> Way:
        """See Restorer."""
        server = await server_of(live)
        async with server.connect() as connection:
            row = await (await connection.execute(_MAY)).fetchone()
        role, may, superuser = row or ("nobody", False, False)
        if not may:
            raise NotConfigured(
                f"postgres {server.name}: {role} may not make databases; name a role that may, as "
                f"`restorer` beside `dsn` in the environment file"
            )
        return {
            **postgres_switch.names(server.database, stamp),
            "as": str(role),
            "superuser": "yes" if superuser else "",
        }

    def said(self, way: Way) -> Sequence[str]:
        """See Restorer."""
        warning = () if way["superuser"] else (f"{way['as']} is no superuser: owners and grants it may not give fail",)
        away, live = (
            f"{one} becomes {other}" for one, other in postgres_switch.renames({**way, "old": "?"}, Stands.NEW)
        )
        return (
            f"a new database {way['restored']} on the same server, looked at there",
            f"once nobody trades: every session ended, and in one transaction {away}, {live}",
            *warning,
        )

    async def identified(self, live: Live, way: Way) -> Way:
        """See Restorer."""
        return await postgres_switch.identified(await server_of(live), way)

    async def stands(self, live: Live, way: Way) -> Stands:
        """See Restorer."""
        return await postgres_switch.stands(await server_of(live), way)

    async def require_both(self, live: Live, way: Way) -> None:
        """See Restorer."""
        await postgres_switch.require_both(await server_of(live), way)

    async def switch(self, live: Live, way: Way, to: Stands, until: datetime) -> None:
        """See Restorer."""
        await postgres_switch.switch(await server_of(live), way, to, until)

    def by_hand(self, way: Way, to: Stands) -> Sequence[str]:
        """See Restorer."""
        pairs = postgres_switch.renames(way, to)
        return ("BEGIN", *(f'ALTER DATABASE "{one}" RENAME TO "{other}"' for one, other in pairs), "COMMIT")

    async def discard(self, live: Live, way: Way) -> None:
        """See Restorer."""
        async with (await server_of(live)).connect() as connection:
            await postgres_copy.drop(connection, way, mark_of(live))


def mark_of(live: Live) -> str:
    """What a database that a restore made says of itself."""
    return postgres_copy.mark(live.restore, live.token)


async def server_of(live: Live) -> LivePostgres:
    """The live server; raises NotConfigured, MissingSecret, CouldNotObserve."""
    return await asyncio.to_thread(LivePostgres.of, live.estate, _database(live.store))


def _database(store: AnyStore) -> str:
    if not isinstance(store, PostgresDump | PostgresBase):
        raise CouldNotObserve(f"{store.title} is no store of a PostgreSQL")
    return store.database
