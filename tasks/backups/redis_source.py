"""A live Redis that is backed up: what it is, and looks at it while the backup is taken. It is only read."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, SecretStr, ValidationError

from tasks.backups.redis_contents import MARKER_KEY, as_marker
from tasks.backups.redis_tools import RedisVersion
from tasks.estate import Estate
from tminus.backups.redis_bounds import Look
from tminus.credentials import resolve
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import redis.asyncio

_EVERY = 0.2  # seconds between two looks


class _Keyspace(BaseModel, frozen=True):
    keys: int
    expires: int


class _Said(BaseModel, frozen=True):
    """The fields of INFO that are read. See https://redis.io/docs/latest/commands/info/."""

    redis_version: str
    valkey_version: str | None = None
    master_replid: str
    rdb_changes_since_last_save: int
    expired_keys: int
    evicted_keys: int
    total_commands_processed: int
    aof_enabled: bool
    aof_current_size: int = 0


@dataclass(frozen=True)
class Source:
    """A live server at one moment.

    Attributes:
        at: its own clock.
        aof_size: bytes of its append-only files that are whole; None where it keeps none.
    """

    version: RedisVersion
    replication_id: str
    at: datetime
    aof_size: int | None


async def source(client: "redis.asyncio.Redis", name: str) -> Source:
    """What a server is; raises CouldNotObserve where it says something else than expected."""
    said = _said(name, await client.info())
    seconds, microseconds = await client.time()
    family, number = ("valkey", said.valkey_version) if said.valkey_version else ("redis", said.redis_version)
    return Source(
        version=RedisVersion.parse(f"{family} {number}"),
        replication_id=said.master_replid,
        at=datetime.fromtimestamp(seconds + microseconds / 1e6, UTC),
        aof_size=said.aof_current_size if said.aof_enabled else None,
    )


async def look(client: "redis.asyncio.Redis", name: str) -> Look:
    """What the server says of its keys at one moment."""
    async with client.pipeline(transaction=True) as pipe:
        pipe.execute_command("SELECT", 0)  # whichever database the URL names, the mark is in the first
        pipe.info()
        pipe.hmget(MARKER_KEY, ["number", "at"])
        _, info, mark = await pipe.execute()
    said = _said(name, info)
    databases = {
        int(key[2:]): _Keyspace.model_validate(value)
        for key, value in info.items()
        if key.startswith("db") and key[2:].isdigit()
    }
    return Look(
        databases={number: (found.keys, found.expires) for number, found in databases.items()},
        unsaved=said.rdb_changes_since_last_save,
        removed=said.expired_keys + said.evicted_keys,
        commands=said.total_commands_processed,
        marker=as_marker(*mark),
    )


@asynccontextmanager
async def looked_at(client: "redis.asyncio.Redis", name: str) -> AsyncIterator[list[Look]]:
    """Looks at the server before, during and after the block; all looks are in the list once it has ended."""
    looks, over = [await look(client, name)], asyncio.Event()
    watching = asyncio.create_task(_watch(client, name, looks, over))
    try:
        yield looks
    finally:
        over.set()  # and no cancelling: redis-py may swallow that, and the watch would go on for ever
        with suppress(CouldNotObserve):
            await watching
    looks.append(await look(client, name))


async def _watch(client: "redis.asyncio.Redis", name: str, looks: list[Look], over: asyncio.Event) -> None:
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), _EVERY)
        if over.is_set():
            return
        looks.append(await look(client, name))


def address(estate: Estate, name: str) -> SecretStr:
    """The URL of a Redis that `estate.redis` has opened, read now. May block: use a thread."""
    return resolve(estate.environment.redis[name].url)


def _said(name: str, info: Mapping[str, object]) -> _Said:
    try:
        return _Said.model_validate(info)
    except ValidationError as e:
        missing = ", ".join(str(error["loc"][0]) for error in e.errors())
        raise CouldNotObserve(f"redis {name}: INFO does not say {missing}") from e
