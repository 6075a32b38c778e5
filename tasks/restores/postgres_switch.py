"""Two databases change names in one transaction, and are told apart by their oids, which no rename changes.

Who holds a connection is ended while the rename waits for it: a rename locks the database's name first, and nobody
comes in behind that lock (`RenameDatabase` and `InitPostgres` of PostgreSQL's dbcommands.c and postinit.c).
"""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from tasks.restores.asked import Stands, Way
from tasks.restores.live_postgres import LivePostgres, complaint
from tasks.restores.postgres_copy import unmark
from tminus.clock import now
from tminus.errors import ActionFailed, CouldNotObserve

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_TRIES = 6  # of a rename, of which each waits up to 5 s for others to be gone
_POLL = 0.05  # seconds
_LOCK = "5s"  # for a lock that somebody holds from another database, who is not ended
_LONGEST_NAME = 63  # bytes: NAMEDATALEN - 1


def names(database: str, stamp: str) -> dict[str, str]:
    """What each of the two is called, when: `kept` is what is live now, once it is not any more."""
    return {
        "database": database,
        "restored": _named(database, f"_restored_{stamp}"),
        "kept": _named(database, f"_before_{stamp}"),
        "undone": _named(database, f"_undone_{stamp}"),
    }


def _named(database: str, suffix: str) -> str:
    return database.encode()[: _LONGEST_NAME - len(suffix)].decode(errors="ignore") + suffix


def renames(way: Way, to: Stands) -> list[tuple[str, str]]:
    """From which name to which, in order; what is not there (a live database that was lost) is left out."""
    if to is Stands.NEW:
        return [*([(way["database"], way["kept"])] if way["old"] else []), (way["restored"], way["database"])]
    return [(way["database"], way["undone"]), *([(way["kept"], way["database"])] if way["old"] else [])]


async def identified(server: LivePostgres, way: Way) -> Way:
    """The names with both oids; `old` is empty where nothing has the live name."""
    async with server.connect() as connection:
        found = await _by_name(connection, (way["database"], way["restored"]))
    if way["restored"] not in found:
        raise CouldNotObserve(f"the restored database {way['restored']} is not there any more; was it dropped?")
    return {**way, "old": found.get(way["database"], ""), "new": found[way["restored"]]}


async def stands(server: LivePostgres, way: Way) -> Stands:
    """Which of the two has the live name; raises CouldNotObserve where neither has, or one is called otherwise."""
    async with server.connect() as connection:
        return await _stands(connection, way)


async def _stands(connection: "Connection", way: Way) -> Stands:
    found = await _by_oid(connection, way)
    old, new = found.get(way["old"], ""), found.get(way["new"], "")
    live = way["database"]
    if new == live and old in {way["kept"], ""}:
        return Stands.NEW
    if new in {way["restored"], way["undone"]} and old == (live if way["old"] else ""):
        return Stands.OLD
    raise CouldNotObserve(
        f"what was live is called {old or 'nothing: it is gone'}, what was restored {new or 'nothing: it is gone'}; "
        f"one of them should be {live}. Somebody else renamed them; nothing was done"
    )


async def require_both(server: LivePostgres, way: Way) -> None:
    """Raises CouldNotObserve unless both are there; where nothing was live before, the restored one alone."""
    async with server.connect() as connection:
        await _require_both(connection, way)


async def _require_both(connection: "Connection", way: Way) -> None:
    await _stands(connection, way)
    if way["old"] and way["old"] not in await _by_oid(connection, way):
        raise CouldNotObserve(
            f"what was live before, {way['kept']} (oid {way['old']}), is not there any more: somebody dropped it. "
            f"Nothing was done, and there is nothing to switch back to; ask for a restore instead"
        )


async def switch(server: LivePostgres, way: Way, to: Stands, until: datetime) -> None:
    """Renames both, or neither. Raises ActionFailed; CouldNotObserve where nobody can tell, or one of them is gone."""
    why = ""
    for _ in range(_TRIES):
        async with server.connect() as connection, server.connect() as ending:
            if await _stands(connection, way) is to:
                return
            await _require_both(connection, way)  # before any session is ended for it
            why = await _renamed(connection, ending, way, to, until)
        if not why:
            return
    if await stands(server, way) is not to:
        raise ActionFailed(f"{way['database']} was not renamed, and nothing was changed: {why}", began=False)


async def _renamed(connection: "Connection", ending: "Connection", way: Way, to: Stands, until: datetime) -> str:
    """Why it was not renamed; "" where it was. What breaks off here is looked at again by whoever called.

    Raises ActionFailed where it is too late.
    """
    import psycopg
    from psycopg import sql

    _require_time(way, until)
    await connection.execute("SELECT set_config('lock_timeout', %s, false)", (_LOCK,))
    over = asyncio.Event()
    away = asyncio.create_task(_keep_out(ending, way, over))
    try:
        async with connection.transaction():
            if to is Stands.NEW:
                await unmark(connection, way)
            for before, after in renames(way, to):
                _require_time(way, until)
                await connection.execute(
                    sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(before), sql.Identifier(after))
                )
    except psycopg.Error as e:
        return complaint(e)
    finally:
        over.set()
        with suppress(psycopg.Error):
            await away
    return ""


def _require_time(way: Way, until: datetime) -> None:
    if now() >= until:
        late = f"{way['database']} was not renamed until {until:%Y-%m-%d %H:%M:%S} UTC, and is not after that"
        raise ActionFailed(f"{late}; nothing was changed", began=False)


async def _keep_out(connection: "Connection", way: Way, over: asyncio.Event) -> None:
    """Ends every session of both, again and again, until it is over."""
    oids = [int(way[name]) for name in ("old", "new") if way[name]]
    while not over.is_set():
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datid = ANY (%s) AND pid <> pg_backend_pid()",
            (oids,),
        )
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), _POLL)


async def _by_name(connection: "Connection", wanted: tuple[str, ...]) -> dict[str, str]:
    asked = "SELECT datname::text, oid::bigint FROM pg_database WHERE datname::text = ANY (%s)"
    return {str(name): str(oid) for name, oid in await (await connection.execute(asked, (list(wanted),))).fetchall()}


async def _by_oid(connection: "Connection", way: Way) -> dict[str, str]:
    asked = "SELECT oid::bigint, datname::text FROM pg_database WHERE oid::bigint = ANY (%s)"
    oids = [int(way[name]) for name in ("old", "new") if way[name]]
    return {str(oid): str(name) for oid, name in await (await connection.execute(asked, (oids,))).fetchall()}
