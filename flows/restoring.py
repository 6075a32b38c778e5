"""Work in a scratch place: recorded before the place is made, watched while it goes on, thrown away at its end."""

import asyncio
import errno
import logging
import platform
import secrets
import shutil
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

from tasks.backups.asked import Asked, Scratch, Seen, Verifier
from tasks.backups.scratch import PREFIX, bytes_in, make_scratch, remove_scratch
from tasks.giving_up import abandonable
from tminus import events as ev
from tminus.backups.book import Store
from tminus.errors import ActionFailed, CouldNotObserve, MissingSecret, NotConfigured

log = logging.getLogger(__name__)
_Came = TypeVar("_Came")

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


def plan_scratch(parent: Path, verification: str, store: str, *, backup: str = "") -> ev.ScratchPlanned:
    """A place of a name that no other has; `backup` names the one that is taken in it."""
    name = f"{PREFIX}{store}-{secrets.token_hex(6)}"
    return ev.ScratchPlanned(
        verification=verification,
        store=store,
        scratch=name,
        folder=str(parent / name),
        machine=platform.node(),
        backup=backup,
    )


async def restored(
    verifier: Verifier,
    asked: Asked,
    planned: ev.ScratchPlanned,
    chain: str,
    write: Write,
    *,
    within: timedelta | None = None,
) -> Seen:
    """What a verifier sees of a backup. The scratch is gone when this returns or raises, and the ledger knows that.

    Where something stands in the way of that, it is among the details. Raises CouldNotObserve where it could not look,
    the disk is full or the time is up; NotConfigured, MissingSecret, LedgerError.
    """
    what = f"the verification of {asked.name} ({asked.store.kind})"
    within = within or patience(asked.store)
    came, left = await in_scratch(
        lambda: verifier.verify(asked), asked.scratch, planned, chain, write, what=what, within=within
    )
    return replace(came, details=(*came.details, left)) if left else came


async def in_scratch(
    work: Callable[[], Coroutine[Any, Any, _Came]],
    scratch: Scratch,
    planned: ev.ScratchPlanned,
    chain: str,
    write: Write,
    *,
    what: str,
    within: timedelta,
) -> tuple[_Came, str]:
    """What the work came to, and what stands in the way of throwing its place away; "" where it is gone.

    Args:
        work: is done in the place, once it is made.
        scratch: the place.
        planned: the place, as the ledger has it.
        chain: in which that is written down.
        write: appends to it.
        what: the work, for sentences.
        within: how long it may take.
    """
    await write(planned)
    left = ""
    try:
        try:
            await asyncio.to_thread(make_scratch, scratch, chain)
            came = await _watched(work, scratch, what, within)
        finally:
            left = await throw_away(planned, chain, write, "destroyed")
    except CouldNotObserve as e:
        if left:
            raise CouldNotObserve(f"{e}; {left}") from e
        raise
    return came, left


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


async def _watched(
    work: Callable[[], Coroutine[Any, Any, _Came]], scratch: Scratch, what: str, within: timedelta
) -> _Came:
    """The work, ended where it fills the disk or takes too long."""
    _require_room(scratch)
    with abandonable() as given_up:
        working = asyncio.create_task(work())
    disk = asyncio.create_task(_overfull(scratch))
    try:
        done, _ = await asyncio.wait(
            {working, disk}, timeout=within.total_seconds(), return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        given_up.set()
        for task in (working, disk):
            task.cancel()
        came, full = await asyncio.gather(working, disk, return_exceptions=True)
    if working in done:
        return _as_came(came, scratch, what)
    if disk in done:
        raise CouldNotObserve(str(full))
    raise CouldNotObserve(f"{what}: no end within {within.total_seconds():.0f} s, so it was given up")


def _as_came(came: _Came | BaseException, scratch: Scratch, what: str) -> _Came:
    match came:
        case ActionFailed():
            raise CouldNotObserve(str(came)) from came
        case CouldNotObserve() | NotConfigured() | MissingSecret():
            raise came
        case OSError(errno=code) if code in _FULL:
            raise CouldNotObserve(f"the disk of {scratch.folder.parent} is full: {came.strerror}") from came
        case Exception():
            frames = traceback.extract_tb(came.__traceback__)[-_FRAMES:]
            at = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
            log.error("%s broke: %s at %s", what, type(came).__name__, at)
            raise CouldNotObserve(
                f"{what} broke ({type(came).__name__}), which is a fault of tminus; its log has the place"
            ) from came
        case BaseException():
            raise came
        case _:
            return came


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
            return f"the disk of {scratch.folder.parent} is full: {free} bytes left, {used} were filled by this alone"
