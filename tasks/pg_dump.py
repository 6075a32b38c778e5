"""Running pg_dump: the password in the environment, a process group of its own, a lock that an orphan still holds."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from tempfile import TemporaryFile
from typing import BinaryIO

from pydantic import SecretStr

from tasks.lock_file import HeldLock
from tasks.pg_tools import Connection, Tool
from tasks.redaction import redacted_tail
from tminus.errors import CouldNotObserve
from tminus.foreign_text import printable

_LOCK_WAIT = "30s"  # for pg_dump's locks on tables; a schema change under way must not hold it for ever
_SAID = 400  # characters of what it printed that fit into a sentence


def arguments(snapshot: str, conninfo: str = "") -> list[str]:
    """pg_dump's arguments: the custom format, which pg_restore can check and restore in parallel, to its output."""
    given = ["--format=custom", "--no-password", f"--lock-wait-timeout={_LOCK_WAIT}", f"--snapshot={snapshot}"]
    return [*given, f"--dbname={conninfo}"] if conninfo else given


class DumpStream:
    """What pg_dump writes, while it writes it; to be read in a thread. Nothing of it lies on a disk.

    Its end is reached only once pg_dump has ended well; else reading raises CouldNotObserve with what it said.
    """

    def __init__(self, output: BinaryIO, process: asyncio.subprocess.Process, complaint: "_Complaint") -> None:
        self._output = output
        self._process = process
        self._complaint = complaint
        self._loop = asyncio.get_running_loop()

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes; b"" at the end."""
        if chunk := self._output.read(size):
            return chunk
        status = asyncio.run_coroutine_threadsafe(self._process.wait(), self._loop).result()
        if status:
            raise CouldNotObserve(f"{self._complaint.tool} ended with status {status}: …{self._complaint.said()}")
        return b""

    async def end(self) -> None:
        """Kills pg_dump, where it still runs: whoever reads then gets an error."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()


@asynccontextmanager
async def dumping(
    tool: Tool, connection: Connection, snapshot: str, held: HeldLock | None = None
) -> AsyncIterator[DumpStream]:
    """Dumps the database as it is in `snapshot` into a stream; what is left of pg_dump at the block's end is killed.

    pg_dump holds the lock as long as it lives, also when this process is killed meanwhile: then nobody reads what it
    writes, and it ends as soon as it writes more. Raises CouldNotObserve where it cannot be started.
    """
    argv = [str(tool.path), *arguments(snapshot, connection.conninfo)]
    reading, writing = os.pipe()
    with TemporaryFile() as complaints, os.fdopen(reading, "rb", buffering=0) as output:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                env=connection.env,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=complaints,
                process_group=0,
                pass_fds=(held.descriptor,) if held else (),
            )
        except OSError as e:
            raise CouldNotObserve(f"{tool.path} could not be started: {e.strerror}") from e
        finally:
            os.close(writing)
        if held:
            held.note(f"pg_dump, process {process.pid}")
        secret = SecretStr(connection.env.get("PGPASSWORD", ""))
        stream = DumpStream(output, process, _Complaint(str(tool.path), complaints, secret))
        try:
            yield stream
        finally:
            await stream.end()


class _Complaint:
    """What it printed, without the password."""

    def __init__(self, tool: str, file: BinaryIO, secret: SecretStr) -> None:
        self.tool = tool
        self._file = file
        self._secret = secret

    def said(self) -> str:
        """Its end."""
        self._file.seek(0)
        text = self._file.read().decode(errors="replace")
        return printable(" ".join(redacted_tail(text, [self._secret], _SAID).split()))
