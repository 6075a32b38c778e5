"""pg_basebackup as a stream that is read while it arrives, and pg_receivewal for the WAL from its end to a point."""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from pydantic import SecretStr

from tasks.backups.postgres_cluster import mortal
from tasks.pg_tools import Connection, Tool
from tasks.redaction import redacted_tail
from tminus.backups.wal_names import Segment, parse_lsn
from tminus.errors import CouldNotObserve
from tminus.foreign_text import printable

_SAID = 300  # characters of what a tool printed that fit into a sentence
_WAL_WITHIN = 300.0  # seconds for the WAL of some seconds to come
_ENDED = 5.0  # seconds for a process that was killed to be gone
_POINT = r"write-ahead log {} point: ([0-9A-F]{{1,8}}/[0-9A-F]{{1,8}})(?: on timeline (\d+))?"
_START, _END = (re.compile(_POINT.format(which)) for which in ("start", "end"))
_PARTIAL = ".partial"


@dataclass(frozen=True)
class Ends:
    """Where the WAL of a base backup begins and ends, and on which timeline."""

    start: str
    end: str
    timeline: int


class BaseStream:
    """A running pg_basebackup, of which the tar is read; the end of the stream is its end with status 0."""

    def __init__(self, process: "subprocess.Popen[bytes]", complaints: IO[bytes], secret: SecretStr) -> None:
        self._process = process
        self._complaints = complaints
        self._secret = secret

    def read(self, size: int = -1) -> bytes:
        """The next bytes; raises CouldNotObserve where pg_basebackup failed. Blocks."""
        if self._process.stdout is None:
            raise CouldNotObserve("pg_basebackup has no output")
        if chunk := self._process.stdout.read(size):
            return chunk
        if status := self._process.wait():
            raise CouldNotObserve(f"pg_basebackup ended with status {status}: {self._said(_SAID)}")
        return b""

    def ends(self) -> Ends:
        """What it said once it was through; raises CouldNotObserve where it did not."""
        said = self._said(1 << 16)
        start, end = _START.search(said), _END.search(said)
        if start is None or end is None or start[2] is None:
            raise CouldNotObserve("pg_basebackup did not say where the WAL of the base backup begins and ends")
        return Ends(start[1], end[1], int(start[2]))

    def _said(self, most: int) -> str:
        self._complaints.seek(0)
        text = self._complaints.read(1 << 20).decode(errors="replace")
        return " ".join(printable(redacted_tail(text, [self._secret], most)).split())


@contextmanager
def base_stream(tool: Tool, connection: Connection, label: str) -> Iterator[BaseStream]:
    """Starts pg_basebackup: one tar, with the WAL that it needs to be whole and its `backup_manifest`, to its output.

    It is killed where the block ends before it does, or this process ends. Raises CouldNotObserve.
    """
    argv = [*mortal("KILL"), str(tool.path), "--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast"]
    argv += ["--manifest-checksums=SHA256", f"--label={label}", "--no-password", "--verbose"]
    argv += [f"--dbname={connection.conninfo}"] if connection.conninfo else []
    with TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(
                argv,
                env={**connection.env, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                process_group=0,
            )
        except OSError as e:
            raise CouldNotObserve(f"{tool.path} could not be started: {e.strerror}") from e
        try:
            yield BaseStream(process, complaints, SecretStr(connection.env.get("PGPASSWORD", "")))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_ENDED)
            if process.stdout is not None:
                process.stdout.close()


async def receive_wal(tool: Tool, connection: Connection, begin: Segment, until: str, size: int, folder: Path) -> None:
    """Receives the WAL from a segment's beginning until a position into an empty folder, as segments of that size.

    The server must still have it: a slot keeps it there. Raises CouldNotObserve.
    """
    before = folder / Segment(begin.timeline, begin.number - 1).name(size)
    _sparse(before, size)  # pg_receivewal goes on behind the last segment that it finds in its folder
    argv = [*mortal("KILL"), str(tool.path), f"--directory={folder}", f"--endpos={until}", "--no-loop", "--no-password"]
    argv += ["--no-sync", *([f"--dbname={connection.conninfo}"] if connection.conninfo else [])]
    with TemporaryFile() as said:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, env={**connection.env, "LC_ALL": "C"}, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
        except OSError as e:
            raise CouldNotObserve(f"{tool.path} could not be started: {e.strerror}") from e
        status = await _within(process)
        if status:
            said.seek(0)
            secret = SecretStr(connection.env.get("PGPASSWORD", ""))
            text = printable(redacted_tail(said.read(1 << 20).decode(errors="replace"), [secret], _SAID))
            raise CouldNotObserve(f"pg_receivewal ended with status {status}: {' '.join(text.split())}")
    before.unlink()
    last = Segment.holding(begin.timeline, parse_lsn(until), size).name(size)
    if last not in _named(folder):
        raise CouldNotObserve(f"pg_receivewal did not bring the WAL until {until}")


def _sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def _named(folder: Path) -> list[str]:
    """The segments that came; the last is not complete, and is called so."""
    for path in folder.iterdir():
        path.replace(folder / path.name.removesuffix(_PARTIAL))
    return [path.name for path in folder.iterdir()]


async def _within(process: asyncio.subprocess.Process) -> int:
    try:
        return await asyncio.wait_for(process.wait(), _WAL_WITHIN)
    except TimeoutError as e:
        raise CouldNotObserve(f"pg_receivewal was not through after {_WAL_WITHIN:g} s") from e
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
