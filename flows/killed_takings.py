"""What takings that were killed left behind: plain data in a scratch place, and a backup that nobody recorded."""

import asyncio
import platform
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from flows.restoring import Write, throw_away
from tasks.backup_store import BackupStore
from tasks.backups.asked import manifest_key
from tasks.lock_file import hold, is_held
from tminus import events as ev
from tminus.backups.history import History
from tminus.backups.manifest import digest
from tminus.backups.opened import OpenedBackups
from tminus.clock import now
from tminus.errors import ActionFailed, CouldNotObserve

_LARGEST = 64 << 20  # bytes of a manifest
_LOCK_WITHIN = 1.0  # seconds; nobody else takes a lock of that name


@asynccontextmanager
async def held(opened: OpenedBackups, planned: ev.ScratchPlanned) -> AsyncIterator[None]:
    """The block in which nobody sweeps this scratch place of a taking; raises CouldNotObserve."""
    lock = _lock(opened, planned)
    try:
        async with hold(lock, _LOCK_WITHIN):
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
    except ActionFailed as e:
        raise CouldNotObserve(str(e)) from e


async def sweep_takings(opened: OpenedBackups, history: History, write: Write) -> list[str]:
    """Throws away what killed takings left on this machine; returns what stands in the way of that. Raises LedgerError.

    One that goes on holds a lock from before its place was written down; the kernel lets go of it when it is killed.
    """
    left = []
    for planned in history.scratches.values():
        if not planned.backup or planned.machine != platform.node():
            continue
        lock = _lock(opened, planned)
        if await asyncio.to_thread(is_held, lock):
            continue
        if said := await throw_away(planned, opened.chain, write, "swept"):
            left.append(said)
        else:
            lock.unlink(missing_ok=True)
    return left


async def adopt(bucket: BackupStore, name: str, history: History, write: Write) -> None:
    """Records the backups of a store that were announced and lie in their bucket just so: nobody lived to record them.

    Raises CouldNotObserve where S3 does not answer; LedgerError.
    """
    for taken in [one for one in history.announced.values() if one.store == name]:
        text = await asyncio.to_thread(bucket.text, manifest_key(bucket.prefix, name, taken.backup), _LARGEST)
        if text is not None and digest(text) == taken.manifest_digest:
            await write(taken.model_copy(update={"at": now()}))


def _lock(opened: OpenedBackups, planned: ev.ScratchPlanned) -> Path:
    return opened.base / opened.environment.state / "locks" / planned.scratch
