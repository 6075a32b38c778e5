"""One restore in a scratch place: recorded before the place is made, watched while it runs, thrown away at its end."""

import asyncio
import errno
import logging
import platform
import secrets
import shutil
import traceback
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Literal

from tasks.backups.asked import Asked, Scratch, Seen, Verifier
from tasks.backups.scratch import PREFIX, bytes_in, make_scratch, remove_scratch
from tasks.giving_up import abandonable
from tminus import events as ev
from tminus.backups.book import Store
from tminus.errors import ActionFailed, CouldNotObserve, MissingSecret, NotConfigured

log = logging.getLogger(__name__)

Write = Callable[..., Awaitable[None]]
"""Appends events under the lease; raises LedgerError."""
Gone = Literal["destroyed", "swept"]
_LOOK = 1.0  # seconds between two looks at the disk
_SPARE = 256 << 20  # bytes that must stay free on the disk, whatever a restore may fill
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FRAMES = 3  # of a verifier that broke, named in the log


def patience(store: Store) -> timedelta:
    """How long a verification of it may take: four times what a restore may, and ten minutes; then it is given up."""
    return 4 * store.rto + timedelta(minutes=10)


def plan_scratch(parent: Path, verification: str, store: str) -> ev.ScratchPlanned:
    """A place of a name that no other has."""
    name = f"{PREFIX}{store}-{secrets.token_hex(6)}"
    return ev.ScratchPlanned(
        verification=verification, store=store, scratch=name, folder=str(parent / name), machine=platform.node()
    )


async def restored(verifier: Verifier, asked: Asked, planned: ev.ScratchPlanned, chain: str, write: Write) -> Seen:
    """What a verifier sees of a backup. The scratch is gone when this returns or raises, and the ledger knows that.

    Raises CouldNotObserve where it could not look, the disk is full or the time is up; NotConfigured, MissingSecret,
    LedgerError.
    """
    await write(planned)
    try:
        await asyncio.to_thread(make_scratch, asked.scratch, chain)
        return await _watched(verifier, asked)
    finally:
        await throw_away(planned, chain, write, "destroyed")


async def throw_away(planned: ev.ScratchPlanned, chain: str, write: Write, how: Gone) -> str:
    """Removes a scratch and writes that down; what stands in the way is returned in words, and left for a later try."""
    try:
        removed = await asyncio.to_thread(remove_scratch, planned, chain)
    except CouldNotObserve as e:
        log.warning("%s", e)
        return str(e)
    if removed.how == "never made" and planned.machine != platform.node():
        return ""  # it may be there, on the machine that made it
    await write(
        ev.ScratchGone(
            scratch=planned.scratch, how="never made" if removed.how == "never made" else how, ended=removed.ended
        )
    )
    return ""


async def _watched(verifier: Verifier, asked: Asked) -> Seen:
    """The verifier's work, ended where it fills the disk or takes too long."""
    _require_room(asked.scratch)
    within = patience(asked.store).total_seconds()
    with abandonable() as given_up:
        work = asyncio.create_task(verifier.verify(asked))
    disk = asyncio.create_task(_overfull(asked.scratch))
    try:
        done, _ = await asyncio.wait({work, disk}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        given_up.set()
        for task in (work, disk):
            task.cancel()
        came, full = await asyncio.gather(work, disk, return_exceptions=True)
    if work in done:
        return _as_seen(asked, came)
    if disk in done:
        raise CouldNotObserve(str(full))
    raise CouldNotObserve(f"no end within {within:.0f} s, four times what a restore may take and ten minutes")


def _as_seen(asked: Asked, came: "Seen | BaseException") -> Seen:
    match came:
        case Seen():
            return came
        case ActionFailed():
            raise CouldNotObserve(str(came)) from came
        case CouldNotObserve() | NotConfigured() | MissingSecret():
            raise came
        case OSError(errno=code) if code in _FULL:
            raise CouldNotObserve(f"the disk of {asked.scratch.folder.parent} is full: {came.strerror}") from came
        case Exception():
            frames = traceback.extract_tb(came.__traceback__)[-_FRAMES:]
            at = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
            log.error("the verification of %s broke: %s at %s", asked.name, type(came).__name__, at)
            what = f"{asked.store.kind}: the verification broke ({type(came).__name__})"
            raise CouldNotObserve(f"{what}, which is a fault of tminus; its log has the place") from came
        case _:
            raise came


def _require_room(scratch: Scratch) -> None:
    free = shutil.disk_usage(scratch.folder).free
    if free < _SPARE:
        raise CouldNotObserve(f"the disk of {scratch.folder.parent} has {free} bytes left; {_SPARE} are the least")


async def _overfull(scratch: Scratch) -> str:
    """Returns, with the reason, once the place holds more than it may, or its disk is nearly full."""
    while True:
        await asyncio.sleep(_LOOK)
        used = await asyncio.to_thread(bytes_in, scratch.folder)
        free = shutil.disk_usage(scratch.folder).free
        if used > scratch.disk:
            return f"the scratch is full: {used} bytes, and backups.disk allows {scratch.disk}"
        if free < _SPARE:
            return f"the disk of {scratch.folder.parent} is full: {free} bytes left, {used} of it are this restore's"
