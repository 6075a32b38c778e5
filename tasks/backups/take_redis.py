"""Taking a backup of a Redis: its snapshot as a replica gets it, or its append-only files, counted before it counts."""

import asyncio
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tasks.backups.asked import TakeAsked, Taker
from tasks.backups.damage import Damaged
from tasks.backups.redis_aof import AofLayout, aof_folder, copy_aof, size_of
from tasks.backups.redis_counting import Counted, counted, own_folder
from tasks.backups.redis_server import RDB
from tasks.backups.redis_source import Source, address, looked_at, source
from tasks.backups.redis_stream import snapshot
from tasks.backups.redis_tools import find_redis
from tasks.backups.stored_file import upload
from tasks.giving_up import in_thread
from tminus.backups.book import RedisAof, RedisRdb
from tminus.backups.manifest import BackupKind, BackupManifest, Origin, StoredFile
from tminus.backups.redis_bounds import Look, marker_outside, outside
from tminus.clock import now
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import redis.asyncio

_TRIES = 3  # a copy that cannot be a whole one is taken again


@dataclass(frozen=True)
class _Copy:
    """Files of ours, as they came from the server.

    Attributes:
        appendonly: what its append-only files are called; "" for an RDB file.
    """

    folder: Path
    names: tuple[str, ...]
    appendonly: str = ""


@dataclass(frozen=True)
class _Taken:
    live: Source
    copy: _Copy
    found: Counted


class _TakeRedis(Taker):
    """What both kinds have in common.

    A live server cannot be counted at the copy's very moment. So the copy is counted, by a scratch server that loads it
    as a restore would, and held against looks at the live server before, during and after.
    """

    async def take(self, asked: TakeAsked) -> BackupManifest:
        """See Taker. Raises CouldNotObserve also where no copy of three can be a whole one."""
        store = _redis_store(asked)
        async with asked.estate.redis(store.redis) as client:
            taken = await self._whole(asked, store, client)
        files = await in_thread(_uploaded, asked, taken.copy)
        return BackupManifest(
            backup=asked.backup,
            system=asked.system,
            store=asked.name,
            kind=store.kind,
            taken_at=taken.live.at,
            finished_at=now(),
            origin=Origin(identity=taken.live.replication_id, version=str(taken.live.version)),
            encrypted_to=asked.recipients,
            files=files,
            marker=taken.found.marker,
            contents=taken.found.contents,
        )

    @abstractmethod
    async def _copied(self, asked: TakeAsked, client: "redis.asyncio.Redis", live: Source, folder: Path) -> _Copy:
        """Brings the server's files into a folder of ours."""

    def _lost(self, live: Source, copy: _Copy) -> Iterator[str]:  # noqa: ARG002 - what only some kinds can tell
        """Why the copy, as the scratch server left it, holds less than it must."""
        yield from ()

    async def _whole(self, asked: TakeAsked, store: RedisRdb | RedisAof, client: "redis.asyncio.Redis") -> _Taken:
        why: list[str] = []
        for _ in range(_TRIES):
            folder = await asyncio.to_thread(own_folder, asked.folder)
            live = await source(client, store.redis)
            program = await asyncio.to_thread(find_redis, live.version)
            async with looked_at(client, store.redis) as looks:
                copy = await self._copied(asked, client, live, folder)
            try:
                found = await counted(program, folder, live.at, appendonly=copy.appendonly, forgiving=True)
            except Damaged as e:
                raise CouldNotObserve(f"redis {store.redis}: the copy does not load, so it is none: {e}") from e
            why = [*_not_whole(looks, found), *self._lost(live, copy)]
            if not why:
                return _Taken(live, copy, found)
        raise CouldNotObserve(
            f"redis {store.redis}: {_TRIES} copies in a row cannot be whole, so there is no backup: {'; '.join(why)}"
        )


class TakeRedisRdb(_TakeRedis):
    """The snapshot that a new replica would get; it reads no file of the server's."""

    kinds: ClassVar[tuple[BackupKind, ...]] = ("redis.rdb",)

    async def _copied(
        self,
        asked: TakeAsked,
        client: "redis.asyncio.Redis",  # noqa: ARG002 - it comes over a connection of its own
        live: Source,  # noqa: ARG002 - it is whole or not there
        folder: Path,
    ) -> _Copy:
        name = _redis_store(asked).redis

        def receive() -> None:
            with (folder / RDB).open("xb") as file:
                snapshot(name, address(asked.estate, name), file)

        await in_thread(receive)
        return _Copy(folder, (RDB,))


class TakeRedisAof(_TakeRedis):
    """The append-only files, from the server's folder."""

    kinds: ClassVar[tuple[BackupKind, ...]] = ("redis.aof",)

    async def _copied(self, asked: TakeAsked, client: "redis.asyncio.Redis", live: Source, folder: Path) -> _Copy:
        store = asked.store
        if not isinstance(store, RedisAof):
            raise TypeError(f"{asked.name} is no store of append-only files")
        if live.aof_size is None:
            raise CouldNotObserve(f"redis {store.redis} keeps no append-only files: its `appendonly` is no")
        settings = await client.config_get("append*")
        name, inner = str(settings.get("appendfilename", "appendonly.aof")), str(settings.get("appenddirname", ""))

        def copy() -> tuple[str, ...]:
            return copy_aof(AofLayout.find(Path(store.folder), name, inner), folder)

        return _Copy(folder, await asyncio.to_thread(copy), name)

    def _lost(self, live: Source, copy: _Copy) -> Iterator[str]:
        try:
            kept = size_of(copy.folder, copy.names)
        except OSError:  # an older form, which a newer server turns into its own as it loads it
            yield "the scratch server, which is of another version, did not leave the files as they were"
            return
        if live.aof_size is not None and kept < live.aof_size:
            yield f"{kept} bytes of the copy can be read, and the server had written {live.aof_size} before"


def _redis_store(asked: TakeAsked) -> RedisRdb | RedisAof:
    if isinstance(asked.store, RedisRdb | RedisAof):
        return asked.store
    raise TypeError(f"{asked.name} is no store of a Redis")


def _not_whole(looks: list[Look], found: Counted) -> Iterator[str]:
    yield from outside(looks, found.contents)
    if wrong := marker_outside(looks, found.marker):
        yield wrong


def _uploaded(asked: TakeAsked, copy: _Copy) -> tuple[StoredFile, ...]:
    stored = []
    for name in copy.names:
        path = aof_folder(copy.folder, copy.names) / name
        try:
            with path.open("rb") as file:
                key, size = asked.key(name), path.stat().st_size
                stored.append(upload(asked.bucket, key, file, asked.recipients, name=name, expected=size))
        except OSError as e:
            raise CouldNotObserve(f"{name} cannot be read again below {asked.folder}: {e.strerror}") from e
    return tuple(stored)
