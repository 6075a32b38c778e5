"""A backup of a Redis loaded into a scratch server, and counted there, be it just taken or just fetched."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import perf_counter

from tasks.backups.redis_contents import marker, redis_contents
from tasks.backups.redis_invariants import Broken, broken_invariants
from tasks.backups.redis_server import scratch_redis
from tasks.backups.redis_tools import RedisProgram
from tasks.backups.redis_wire import Wire
from tminus.backups.book import Invariant
from tminus.backups.contents import Marker, RedisContents
from tminus.clock import now


@dataclass(frozen=True)
class Counted:
    """What was found.

    Attributes:
        at: when the last key had been read.
        loaded_in: seconds until everything was loaded.
        exposed: what the server was not kept from, in sentences.
    """

    contents: RedisContents
    marker: Marker | None
    at: datetime
    loaded_in: float
    exposed: Sequence[str]
    broken: Sequence[Broken] = field(default_factory=tuple)


async def counted(
    program: RedisProgram,
    folder: Path,
    taken_at: datetime,
    *,
    appendonly: str = "",
    forgiving: bool = False,
    invariants: Sequence[Invariant] = (),
    besides: Callable[[Wire, Marker | None], None] | None = None,
) -> Counted:
    """Loads what lies in a folder, and counts it.

    Args:
        program: the server's.
        folder: of the files.
        taken_at: the backup's moment.
        appendonly: see `scratch_redis`.
        forgiving: see `scratch_redis`.
        invariants: what must hold.
        besides: called at the end with a connection and the newest mark, in a thread.

    Raises Damaged where the server refuses the files, CouldNotObserve where it cannot be asked.
    """
    began = perf_counter()
    async with scratch_redis(program, folder, appendonly=appendonly, forgiving=forgiving) as server:
        loaded_in = perf_counter() - began

        def count() -> Counted:
            with server.wire() as wire:
                mark = marker(wire)
                contents = redis_contents(wire, taken_at)
                at = now()
                broken = tuple(broken_invariants(wire, invariants))
                if besides is not None:
                    besides(wire, mark)
            return Counted(contents, mark, at, loaded_in, server.exposed, broken)

        return await asyncio.to_thread(count)


def own_folder(parent: Path, name: str = "redis") -> Path:
    """An empty folder for a scratch server within one of ours; what a broken try left there is thrown away."""
    folder = parent / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    parent.chmod(0o711)  # whoever the server runs as has to pass through, and needs to list nothing
    return folder
