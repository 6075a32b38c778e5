"""A process that carries a restore out, and waits at one stage to be killed: FOLDER CHAIN STAGE."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from flows import restore, restore_back
from tasks.restores import pg_restore, postgres_copy, postgres_switch, redis_copy, redis_databases
from tasks.restores.asked import Stands, Way
from tminus import events as ev
from tminus.backups.opened import open_backups
from tminus.chain_names import taken_back
from tminus.ledger.chain import Head
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry

folder, chain, stage = Path(sys.argv[1]), sys.argv[2], sys.argv[3]


def wait_here() -> None:
    """Says that the stage is reached, and goes no further."""
    (folder / "reached").touch()
    time.sleep(600)


def named(entry: Entry) -> str:
    """`step.ended beside`: what an entry tells."""
    event = ev.read(entry.body)
    return f"{event.type} {getattr(event, 'step', '')}".strip()


class Watched(SqliteStore):
    """Waits before or after the event after which the stage is named."""

    def append(self, *entries: Entry) -> list[Head]:
        """As a store."""
        return self._around(super().append, entries)

    def append_and_unlock(self, environment: str, *entries: Entry, listing: object = None) -> list[Head]:
        """As a store."""
        del listing
        unlock = super().append_and_unlock
        return self._around(lambda *some: unlock(environment, *some), entries)

    def _around(self, append: Callable[..., list[Head]], entries: tuple[Entry, ...]) -> list[Head]:
        mine = [named(one) for one in entries if one.chain.startswith("restore.")]
        if any(stage == f"before {one}" for one in mine):
            wait_here()
        heads = append(*entries)
        if any(stage == f"after {one}" for one in mine):
            wait_here()
        return heads


def then_wait(function: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    """The same, and waits after it."""

    async def waits(*arguments: object) -> object:
        came = await function(*arguments)
        wait_here()
        return came

    return waits


def and_wait(function: Callable[..., object]) -> Callable[..., object]:
    """The same, and waits after it."""

    def waits(*arguments: object) -> object:
        came = function(*arguments)
        wait_here()
        return came

    return waits


class Between(list[tuple[str, str]]):
    """Two renames, and a wait between them."""

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """As a list's."""
        for number, pair in enumerate(super().__iter__()):
            if number:
                wait_here()
            yield pair


def first_then_wait(way: Way, to: Stands) -> list[tuple[str, str]]:
    """As `renames`."""
    return Between(renames(way, to))


renames = postgres_switch.renames
match stage:
    case "waiting":
        restore.end_of = lambda *_: wait_here()  # type: ignore[assignment]
    case "copy made":
        postgres_copy.make = then_wait(postgres_copy.make)  # type: ignore[assignment]
    case "copy filled":
        pg_restore.fill = then_wait(pg_restore.fill)  # type: ignore[assignment]
    case "between the renames":
        postgres_switch.renames = first_then_wait
    case "renamed":
        postgres_switch._renamed = then_wait(postgres_switch._renamed)  # type: ignore[assignment]
    case "copied":
        redis_copy.copy = and_wait(redis_copy.copy)  # type: ignore[assignment]
    case "swapped":
        redis_databases._switch = and_wait(redis_databases._switch)  # type: ignore[assignment]
    case _:
        pass
opened = open_backups(folder / "backups.yaml", folder / "environment.yaml")
store = Watched(folder / "ledger.db")
asyncio.run((restore_back.carry_back if taken_back(chain) else restore.carry_out)(store, chain, print))
