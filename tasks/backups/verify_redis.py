"""Verifying a backup of a Redis: loaded into a scratch server, counted, and held against what was counted before."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import ClassVar

from tasks.backups.asked import Asked, Seen, Verifier
from tasks.backups.damage import Damaged
from tasks.backups.redis_aof import MANIFEST, aof_folder
from tasks.backups.redis_counting import Counted, counted, own_folder
from tasks.backups.redis_file_check import file_check
from tasks.backups.redis_server import RDB
from tasks.backups.redis_tools import RedisVersion, find_redis
from tasks.backups.redis_wire import Wire
from tasks.backups.stored_file import Unreadable, fetch, identity_for
from tasks.backups.together_asking import ask_redis
from tasks.giving_up import in_thread
from tminus.backups.contents import Marker, RedisContents
from tminus.backups.loss import loss
from tminus.backups.manifest import BackupKind, StoredFile
from tminus.backups.redis_differences import redis_differences
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement

_WORST = ("yes", "unproven", "no")  # the first that was found of any file counts for all
_NAMED = 20


@dataclass
class _Fetching:
    """What is found while files are fetched."""

    readable: set[str] = field(default_factory=set)
    differ: list[str] = field(default_factory=list)

    def measured(self, encrypted: bool) -> list[Measurement]:
        found = [Measurement.number("files_damaged", len(self.differ))]
        if encrypted and self.readable:
            word = next(word for word in _WORST if word in self.readable)
            found.append(Measurement(name="readable_without_key", word=word))
        return found


class VerifyRedis(Verifier):
    """RDB files, and append-only files."""

    kinds: ClassVar[tuple[BackupKind, ...]] = ("redis.rdb", "redis.aof")

    async def verify(self, asked: Asked) -> Seen:
        """See Verifier."""
        wanted = asked.manifest.contents
        if not isinstance(wanted, RedisContents):
            raise CouldNotObserve(f"{asked.manifest.backup} says nothing of what a Redis held")
        program = await asyncio.to_thread(find_redis, RedisVersion.parse(asked.manifest.origin.version))
        folder = await asyncio.to_thread(own_folder, asked.scratch.folder)
        fetching = _Fetching()
        began = perf_counter()
        try:
            await in_thread(_fetch, asked, folder, fetching)
            fetched_in = perf_counter() - began
            found = await counted(
                program,
                folder,
                asked.manifest.taken_at,
                appendonly=_appendonly(asked),
                invariants=asked.store.invariants,
                besides=partial(self.besides, asked),
            )
        except Damaged as e:
            restored = Measurement(name="restored", word="no")
            return Seen((restored, *fetching.measured(asked.store.encrypted)), fetching.differ, str(e))
        place = aof_folder(folder, asked.manifest.names)
        checked = await file_check(program, [place / name for name in asked.manifest.names])
        return _seen(asked, wanted, found, fetching, fetched_in + found.loaded_in, checked)

    def besides(self, asked: Asked, wire: Wire, mark: Marker | None) -> None:
        """What else is asked of the scratch server while it runs. Blocks."""
        ask_redis(asked, wire, mark)


def _fetch(asked: Asked, folder: Path, fetching: _Fetching) -> None:
    """Brings every file into the folder; raises Damaged where one is not what was written."""
    identity = identity_for(asked.estate, asked.manifest)
    place = aof_folder(folder, asked.manifest.names)
    place.mkdir(mode=0o700, exist_ok=True)
    for file in asked.manifest.files:
        _require_plain(file)
        try:
            came = fetch(asked.bucket, file, place / file.name, identity)
        except Unreadable as e:
            fetching.readable.add(e.readable_without_key)
            fetching.differ.append(str(e))
            raise
        fetching.readable.add(came.readable_without_key)
        if came.differs:
            fetching.differ.append(came.differs)
            raise Damaged(f"{came.differs}, so it is not loaded")


def _require_plain(file: StoredFile) -> None:
    """A name with a folder in it would lead out of the scratch, and one of the server's own would steer it."""
    if file.name != Path(file.name).name or file.name.startswith(".") or file.name.endswith((".conf", ".sock")):
        raise Damaged(f"{file.name[:80]!r} is no name of a file of Redis' own")


def _appendonly(asked: Asked) -> str:
    """What the append-only files are called: their manifest's name without its ending, else the only file's."""
    if asked.manifest.kind == "redis.rdb":
        if RDB not in asked.manifest.names:
            raise Damaged(f"the backup names no {RDB}")
        return ""
    named = [name.removesuffix(MANIFEST) for name in asked.manifest.names if name.endswith(MANIFEST)]
    return (named or list(asked.manifest.names))[0]


def _seen(
    asked: Asked, wanted: RedisContents, found: Counted, fetching: _Fetching, took: float, checked: Sequence[str]
) -> Seen:
    differ = redis_differences(wanted, found.contents, asked.manifest.taken_at, found.at)
    lines = [f"{where}: {what}" for where, what in differ.items()]
    broken = [str(one) for one in found.broken]
    measured = [
        *fetching.measured(asked.store.encrypted),
        Measurement(name="restored", word="yes"),
        Measurement.number("restore_time", took, "s"),
        Measurement.number("databases_differ", len(differ)),
        Measurement.number("invariants_broken", len(broken)),
    ]
    details = [*fetching.differ, *lines, *broken, _census(found), *checked]
    lost, said = loss(asked.needed_at, found.marker, asked.manifest.taken_at, asked.manifest.finished_at)
    measured += lost
    details += said
    details += found.exposed
    because = "; ".join([*fetching.differ, *lines, *broken][:3])
    return Seen(tuple(measured), tuple(details[:_NAMED]), because)


def _census(found: Counted) -> str:
    databases = found.contents.databases
    keys, expiring = sum(one.keys for one in databases.values()), sum(one.expiring for one in databases.values())
    unread = keys - sum(sum(one.types.values()) for one in databases.values())
    return f"{len(databases)} databases, {keys} keys, {expiring} with a time to live, {unread} of them expired by now"
