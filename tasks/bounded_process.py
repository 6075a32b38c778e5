"""Running what a book names: no shell, no secrets of ours, an end in time, an output that cannot fill anything."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter
from typing import IO

import psutil

from tminus.errors import CouldNotObserve

LARGEST = 1024 * 1024  # bytes of both streams; a command that prints more is none that measures
_KEPT = ("PATH", "HOME", "LANG")  # of our environment variables, among which there may be secrets
_POLL = 0.05  # seconds between two looks at how much was printed
_NOTED = 0.5  # seconds between two looks at what it has started


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a process.

    Attributes:
        exit: its exit status; minus a signal's number where that ended it.
        took: seconds.
        in_time: whether it ended by itself within its time; else it was killed with its group.
    """

    exit: int
    out: bytes
    err: bytes
    took: float
    in_time: bool


async def run_bounded(argv: Sequence[str], within: timedelta, folder: Path) -> Ended:
    """Runs an argv in a folder, to its end or the end of its time; then what is left of what it started is killed.

    That is its group, and those of its descendants that were seen, also in a session of their own (`setsid`): one look
    is as its time ends, and others are at its beginning and every half second. What left both the group and its
    parents between two looks lives on. Raises CouldNotObserve where it cannot be started, or prints more than is read.
    """
    # Files, since a pipe stays open as long as anything that was started keeps it.
    with TemporaryFile() as out, TemporaryFile() as err:
        started = perf_counter()
        process = await _start(argv, folder, out, err)
        family = _Family(process.pid)
        try:
            in_time = await _ends(process, within, (out, err), family)
        finally:
            family.note()
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            family.kill()
            status = await process.wait()
        took = perf_counter() - started
        if in_time is None:
            raise CouldNotObserve(f"{argv[0]} prints over {LARGEST} bytes; have it print its result only")
        return Ended(status, _whole(out), _whole(err), took, in_time)


async def _start(argv: Sequence[str], folder: Path, out: IO[bytes], err: IO[bytes]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=folder,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            start_new_session=True,
        )
    except (OSError, ValueError) as e:  # ValueError: a NUL in an argument
        said = e.strerror if isinstance(e, OSError) else "an argument holds a NUL"
        raise CouldNotObserve(f"{argv[0]} could not be started: {said}; is it installed, and on the PATH?") from e


async def _ends(
    process: asyncio.subprocess.Process, within: timedelta, printed: Sequence[IO[bytes]], family: "_Family"
) -> bool | None:
    """Whether it ended in time; None where it printed too much, be it at an end or not."""
    until = perf_counter() + within.total_seconds()
    waiting = asyncio.ensure_future(process.wait())
    try:
        while True:
            left = until - perf_counter()
            done, _ = await asyncio.wait({waiting}, timeout=max(0.0, min(left, _POLL)))
            if sum(os.fstat(file.fileno()).st_size for file in printed) > LARGEST:
                return None
            if not done:
                family.note_at_times()
            if done or left <= 0:
                return bool(done)
    finally:
        waiting.cancel()


class _Family:
    """The descendants of a process, as far as they were seen; a number that was given anew is none of them."""

    def __init__(self, pid: int) -> None:
        self._seen: dict[int, psutil.Process] = {}
        self._noted = 0.0
        self._root: list[psutil.Process] = []
        with suppress(psutil.Error):
            self._root = [psutil.Process(pid)]

    def note_at_times(self) -> None:
        """Looks, unless it has just been done: to look costs some milliseconds."""
        if perf_counter() - self._noted > _NOTED:
            self.note()

    def note(self) -> None:
        """Looks at who is there now, below whom is known already."""
        self._noted = perf_counter()
        for known in [*self._root, *self._seen.values()]:
            with suppress(psutil.Error):
                if known.is_running():
                    self._seen |= {child.pid: child for child in known.children(recursive=True)}

    def kill(self) -> None:
        """Ends all of them, and what they started meanwhile."""
        for one in list(self._seen.values()):
            with suppress(psutil.Error):
                one.suspend()  # so that it starts nothing more
        self.note()
        for one in self._seen.values():
            with suppress(psutil.Error):  # psutil itself looks whether the number is still the same process
                one.kill()


def _whole(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(LARGEST)
