"""A dump on its way to pg_restore: as a file where several jobs read it, straight through a pipe where one does.

Through a pipe it is restored while it is still being fetched and decrypted, and lies on no disk in plain.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tasks.backups.asked import Asked
from tasks.backups.postgres_cluster import Cluster, own
from tasks.backups.postgres_dump import FILE
from tasks.backups.stored_file import Received, fetch, identity_for, receive


@dataclass
class Arriving:
    """It is being fetched.

    Attributes:
        source: what pg_restore reads: a file, or the number of an open one.
    """

    source: Path | int
    _cluster: Cluster
    _fetching: "asyncio.Task[Received]"

    async def ready(self) -> None:
        """Until pg_restore can begin; raises what `received` does, where it is a file."""
        if isinstance(self.source, Path):
            await self.received()
            own(self._cluster, self.source)

    async def received(self) -> Received:
        """How it was when all of it had come; raises Unreadable, CouldNotObserve, NotConfigured, MissingSecret."""
        return await asyncio.shield(self._fetching)

    def taken(self) -> None:
        """pg_restore has the pipe now: if it ends before the dump does, the rest is read all the same."""
        if isinstance(self.source, int):
            with suppress(OSError):
                os.close(self.source)
            self.source = -1


@asynccontextmanager
async def arriving(asked: Asked, cluster: Cluster, *, piped: bool) -> AsyncIterator[Arriving]:
    """Fetches the dump within the block; at its end nothing of that goes on."""
    given_up = threading.Event()
    if piped:
        reading, writing = os.pipe()
        work: Callable[[], Received] = lambda: _through(asked, writing, given_up)  # noqa: E731 - as the other
        source: Path | int = reading
    else:
        source = asked.scratch.folder / "fetched.dump"
        into = source
        work = lambda: fetch(asked.bucket, asked.manifest.file(FILE), into, _identity(asked), given_up)  # noqa: E731
    fetching = asyncio.create_task(asyncio.to_thread(work))
    dump = Arriving(source, cluster, fetching)
    try:
        yield dump
    finally:
        given_up.set()
        dump.taken()
        await asyncio.gather(fetching, return_exceptions=True)
