"""A dump on its way into a scratch place: nothing is restored of it before all of it is what the manifest says."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tasks.backups.asked import Asked
from tasks.backups.damage import Damaged
from tasks.backups.looked import Looked
from tasks.backups.postgres_dump import FILE
from tasks.backups.stored_file import Fetched, Unreadable, fetch, identity_for

Arriving = asyncio.Task[Fetched]


@asynccontextmanager
async def arriving(asked: Asked) -> AsyncIterator[Arriving]:
    """Fetches the dump meanwhile; at the block's end nothing of that goes on."""
    given_up = threading.Event()
    fetching = asyncio.create_task(asyncio.to_thread(_fetched, asked, given_up))
    try:
        yield fetching
    finally:
        given_up.set()
        await asyncio.gather(fetching, return_exceptions=True)


async def arrived(asked: Asked, looked: Looked, dump: Arriving) -> Path:
    """Where the dump lies, once all of it has come; what it was like is told.

    A dump is run by a superuser, so one that is not what was written is not restored: that raises Damaged, Unreadable
    where it does not decrypt. Raises CouldNotObserve, NotConfigured, MissingSecret.
    """
    try:
        came = await asyncio.shield(dump)
    except Unreadable as e:
        looked.count("files_damaged", [str(e)])
        if asked.store.encrypted:
            looked.word("readable_without_key", e.readable_without_key)
        raise
    looked.count("files_damaged", [came.differs] if came.differs else [])
    if asked.store.encrypted:
        looked.word("readable_without_key", came.readable_without_key)
    if came.differs:
        raise Damaged("it is not the dump that was written, so it is not restored")
    return came.path


def _fetched(asked: Asked, given_up: threading.Event) -> Fetched:
    identity = identity_for(asked.estate, asked.manifest)
    path = asked.scratch.folder / "fetched.dump"
    return fetch(asked.bucket, asked.manifest.file(FILE), path, identity, given_up)
