"""Locks that outlive whoever took them, for as long as a command started under them still runs."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tminus.errors import ActionFailed

_POLL = 0.02  # seconds between two tries
_NOTE = 200  # bytes kept of what a holder says about itself


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock that is held. A command to which `descriptor` is passed holds it too, and so does whatever that starts.

    The kernel lets go when the last of them has ended (flock(2): the lock belongs to the open file description).
    """

    path: Path
    descriptor: int

    def note(self, text: str) -> None:
        """Says in the file who holds it, for whoever finds it held."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text.encode()[:_NOTE], 0)


@asynccontextmanager
async def hold(path: Path, within: float) -> AsyncIterator[HeldLock]:
    """Holds the lock at `path`, made where it is missing and never removed.

    Raises ActionFailed (nothing began) where somebody else holds it for longer than `within` seconds, or where the
    file cannot be made.
    """
    descriptor = _open(path)
    try:
        deadline = monotonic() + within
        while not _take(descriptor):
            if monotonic() > deadline:
                raise ActionFailed(
                    f"{path}: held for {within:g} s by {holder(path) or 'somebody else'}; wait until that has ended, "
                    f"or find it with `fuser {path}`",
                    began=False,
                )
            await asyncio.sleep(_POLL)
        lock = HeldLock(path, descriptor)
        lock.note(f"process {os.getpid()}")
        yield lock
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether anybody holds the lock at `path`: its taker, or a command that has outlived its taker."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def holder(path: Path) -> str:
    """What the last holder said about itself; "" where it said nothing."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as e:
        raise ActionFailed(
            f"{path}: the lock file cannot be opened ({e.strerror}); may tminus write there?", False
        ) from e


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
