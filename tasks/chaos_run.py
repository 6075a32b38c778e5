"""A run of Chaos Toolkit that outlives whoever started it, and that whoever comes next finds again.

Chaos Toolkit's own process must not die with ours: it is the one that rolls back. So it has a session of its own, and
its id is on the disk before it begins: a shell waits for one line before it becomes Chaos Toolkit, and ends without it.
"""

import asyncio
import math
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import ValidationError

from tasks.chaos_journal import Journal
from tasks.command import GRACE
from tminus.errors import ActionFailed, CouldNotObserve
from tminus.process_identity import Process

_GATE = 'cd "$1" && shift && read -r _ && exec "$@"'
_ROLLING_BACK = (
    b"Rollbacks were explicitly requested to be played"  # in the log of chaostoolkit-lib 1.44; unknown, it is run twice
)
_LOOK = 0.05  # seconds between two looks
_TICK = 0.01  # seconds; in such steps Linux says when a process started, never too late
_CHILDREN: dict[int, "subprocess.Popen[bytes]"] = {}  # asked whether they ended, lest they stay as zombies


@dataclass(frozen=True)
class ChaosRun:
    """One run.

    Attributes:
        folder: where it keeps its files.
        name: what they begin with: `run`, `rollbacks-1`.
    """

    folder: Path
    name: str

    @property
    def journal(self) -> Path:
        """Where Chaos Toolkit writes what it did, once it is over."""
        return self.folder / f"{self.name}-journal.json"

    @property
    def log(self) -> Path:
        """Where it writes what it does; secrets may be in it."""
        return self.folder / f"{self.name}.log"

    @property
    def begun(self) -> bool:
        """Whether it was to begin; maybe it never did."""
        return self._record.exists()

    def over(self) -> Journal | None:
        """What it says it did; None where it did not live to say so."""
        return Journal.read(self.journal)

    def lives(self) -> bool:
        """Whether it still runs. Raises CouldNotObserve where that cannot be told from here, and nobody said so."""
        if self._ended.exists():
            return False
        process = self._process()
        if child := _CHILDREN.get(process.pid):
            if child.poll() is not None:
                del _CHILDREN[process.pid]
            return child.returncode is None
        lives = process.lives()
        if lives is None and not process.of_an_earlier_boot():
            raise CouldNotObserve(
                f"{self._record} names process {process.pid} of {process.host}, and nobody can tell from here whether "
                f"it still runs; undo it there, or make sure that it has ended, `touch {self._ended}`, and undo again"
            )
        return bool(lives)

    async def start(
        self, command: Sequence[str], where: Path, experiment: Path, fence: Callable[[], Awaitable[None]]
    ) -> None:
        """Starts it; raises ActionFailed where that cannot be, and whatever the fence raises: then it never began.

        Args:
            command: what runs Chaos Toolkit.
            where: the folder from which the experiment's relative paths start.
            experiment: the file, an absolute path.
            fence: asked at the last moment.
        """
        options = ("--no-version-check", "--log-file", str(self.log), "--log-file-level", "info")
        run = ("run", "--rollback-strategy=always", "--journal-path", str(self.journal), str(experiment))
        argv = ("sh", "-c", _GATE, "sh", str(where), *command, *options, *run)
        child = await asyncio.to_thread(self._spawned, argv)
        gate = child.stdin
        if gate is None:
            raise ActionFailed(f"{command[0]}: no way to tell it to begin", began=False)
        try:
            with gate:
                await fence()
                gate.write(b"go\n")
        except OSError as e:
            raise ActionFailed(f"{where}: {command[0]} cannot be started there ({e.strerror})", began=False) from e

    async def until_over(self) -> None:
        """Waits until it runs no more."""
        while self.lives():
            await asyncio.sleep(_LOOK)

    async def interrupt(self, fence: Callable[[], Awaitable[None]]) -> None:
        """Has it end early and roll back, as Ctrl-C does; once, and not while it rolls back: that would end it."""
        if self.lives() and not self._interrupted.exists() and not self._rolls_back():
            await fence()
            with suppress(ProcessLookupError):
                os.killpg(self._process().pid, signal.SIGINT)  # its actions' commands too
            self._interrupted.touch()

    async def end_what_is_left(self) -> int:
        """Ends the processes of its session that outlived it, where it was killed or interrupted; how many there were.

        A shell may go on with its next command where it was interrupted just after one. What a rollback started stays,
        unless that was killed: it may be what serves now.
        """
        over = self.over()
        if over is not None and over.status != "interrupted":
            return 0
        before = math.inf if over is None else over.method_over
        first = left = await asyncio.to_thread(self._left, before)
        for deed in (psutil.Process.terminate, psutil.Process.kill):
            for one in left:
                with suppress(psutil.NoSuchProcess):
                    deed(one)
            patience = time.monotonic() + GRACE
            while (left := await asyncio.to_thread(self._left, before)) and time.monotonic() < patience:
                await asyncio.sleep(_LOOK)
        return len(first)

    @property
    def _record(self) -> Path:
        return self.folder / f"{self.name}-process.json"

    @property
    def _ended(self) -> Path:
        """There where a person says so."""
        return self.folder / f"{self.name}-ended"

    @property
    def _interrupted(self) -> Path:
        return self.folder / f"{self.name}-interrupted"

    def _rolls_back(self) -> bool:
        try:
            return _ROLLING_BACK in self.log.read_bytes()
        except OSError:
            return False

    def _process(self) -> Process:
        try:
            return Process.model_validate_json(self._record.read_bytes())
        except (OSError, ValidationError) as e:
            raise CouldNotObserve(f"{self._record} cannot be read ({type(e).__name__}); which process was it?") from e

    def _spawned(self, argv: Sequence[str]) -> "subprocess.Popen[bytes]":
        try:
            with (self.folder / f"{self.name}.out").open("ab") as out:
                child = subprocess.Popen(
                    argv, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
                )
            _CHILDREN[child.pid] = child
            write_whole(self._record, Process.of(child.pid).model_dump_json().encode())
        except OSError as e:
            raise ActionFailed(f"{self.folder}: nothing can be started there ({e.strerror})", began=False) from e
        return child

    def _left(self, before: float) -> list[psutil.Process]:
        """Those that began before then.

        While anybody is left of its group, its number is given to no other process (setpgid(2)).
        """
        if self._ended.exists():
            return []
        first = self._process()
        group = first.pid
        if psutil.pid_exists(group) and Process.of(group).since != first.since:
            return []
        left, last = [], before - _skew() - _TICK
        for one in psutil.process_iter():
            with suppress(psutil.NoSuchProcess):
                if _group(one.pid) == group and one.status() != psutil.STATUS_ZOMBIE and one.create_time() < last:
                    left.append(one)
        return left


def write_whole(path: Path, text: bytes) -> None:
    """Writes a file that is there whole or not at all, also after a power cut; only its owner may read it."""
    part = path.with_name(f".{path.name}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _skew() -> float:
    """What is to be added to psutil's start of a process for Unix seconds: it rests on a boot in whole seconds."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return time.time() - psutil.boot_time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return -1
