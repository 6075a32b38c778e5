"""A dump on its way to pg_restore: as a file where several jobs read it, straight through a pipe where one does.

Through a pipe it is restored while it is still being fetched and decrypted, and lies on no disk in plain.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from tasks.backups.asked import Asked
from tasks.backups.digested import CHUNK
from tasks.backups.postgres_cluster import Cluster, own
from tasks.backups.postgres_dump import FILE
from tasks.backups.stored_file import Received, fetch, identity_for, receive
from tminus.errors import CouldNotObserve


class Arriving:
    """It is being fetched.

    Attributes:
        source: what pg_restore reads: a file, or the number of an open one.
    """

    def __init__(self, source: Path | int, cluster: Cluster, fetching: "asyncio.Task[Received]") -> None:
        self.source = source
        self._cluster = cluster
        self._fetching = fetching

    async def ready(self) -> None:
        """Until pg_restore can begin; for a file that is when all of it has come, and raises what `received` does."""
        if isinstance(self.source, Path):
            await self.received()
            own(self._cluster, self.source)

    async def received(self) -> Received:
        """How it was when all of it had come; raises Unreadable, CouldNotObserve, NotConfigured, MissingSecret."""
        self.let_go()
        return await asyncio.shield(self._fetching)

    def let_go(self) -> None:
        """Nobody here reads the pipe any more: where pg_restore does not either, the rest of it is dropped."""
        if isinstance(self.source, int) and self.source >= 0:
            os.close(self.source)
            self.source = -1


@asynccontextmanager
async def arriving(asked: Asked, cluster: Cluster, *, piped: bool) -> AsyncIterator[Arriving]:
    """Fetches the dump meanwhile; at the block's end nothing of that goes on."""
    given_up = threading.Event()
    if piped:
        source, writing = os.pipe()
        fetching = asyncio.create_task(asyncio.to_thread(_into_pipe, asked, writing, given_up))
        dump = Arriving(source, cluster, fetching)
    else:
        path = asked.scratch.folder / "fetched.dump"
        fetching = asyncio.create_task(asyncio.to_thread(_into_file, asked, path, given_up))
        dump = Arriving(path, cluster, fetching)
    try:
        yield dump
    finally:
        given_up.set()
        dump.let_go()
        await asyncio.gather(fetching, return_exceptions=True)


def _into_file(asked: Asked, path: Path, given_up: threading.Event) -> Received:
    identity = identity_for(asked.estate, asked.manifest)
    return fetch(asked.bucket, asked.manifest.file(FILE), path, identity, given_up)


def _into_pipe(asked: Asked, writing: int, given_up: threading.Event) -> Received:
    pipe = os.fdopen(writing, "wb", buffering=CHUNK)
    try:
        identity = identity_for(asked.estate, asked.manifest)
        return receive(asked.bucket, asked.manifest.file(FILE), _Pipe(pipe, given_up), identity)
    finally:
        with suppress(BrokenPipeError):
            pipe.close()


class _Pipe:
    """Takes everything, also when nobody reads it any more: size and hash are those of the whole."""

    def __init__(self, pipe: BinaryIO, given_up: threading.Event) -> None:
        self._pipe = pipe
        self._given_up = given_up
        self._read = True

    def write(self, data: bytes) -> None:
        if self._given_up.is_set():
            raise CouldNotObserve("the dump was not fetched to its end: it was given up")
        if self._read:
            try:
                self._pipe.write(data)
            except BrokenPipeError:
                self._read = False
