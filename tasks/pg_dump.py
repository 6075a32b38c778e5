"""Running pg_dump: the password in the environment, a process group of its own, a lock that an orphan still holds."""

import asyncio
import os
import signal
import subprocess
from tempfile import TemporaryFile
from typing import BinaryIO

from pydantic import SecretStr

from tasks.lock_file import HeldLock
from tasks.pg_tools import Connection, Tool
from tasks.redaction import redacted_tail
from tminus.errors import ActionFailed

_LOCK_WAIT = "30s"  # for pg_dump's locks on tables; a schema change under way must not hold it for ever
_SAID = 400  # characters of what it printed that fit into a sentence


def arguments(snapshot: str, conninfo: str = "") -> list[str]:
    """pg_dump's arguments: the custom format, which pg_restore can check and restore in parallel, to its output."""
    given = ["--format=custom", "--no-password", f"--lock-wait-timeout={_LOCK_WAIT}", f"--snapshot={snapshot}"]
    return [*given, f"--dbname={conninfo}"] if conninfo else given


async def dump(tool: Tool, connection: Connection, snapshot: str, into: BinaryIO, held: HeldLock) -> None:
    """Dumps the database as it is in `snapshot` into a file that has no name: it ends with who has it open.

    pg_dump holds the lock, and the file, as long as it lives, also when this process is killed meanwhile. A
    cancellation ends it. Raises ActionFailed, with began=False: a dump changes nothing.
    """
    argv = [str(tool.path), *arguments(snapshot, connection.conninfo)]
    with TemporaryFile() as complaints:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                env=connection.env,
                stdin=subprocess.DEVNULL,
                stdout=into,
                stderr=complaints,
                process_group=0,
                pass_fds=(held.descriptor,),
            )
        except OSError as e:
            raise ActionFailed(f"{tool.path} could not be started: {e.strerror}", began=False) from e
        held.note(f"pg_dump, process {process.pid}")
        try:
            status = await process.wait()
        finally:
            await _end(process)
        if status:
            complaints.seek(0)
            secret = SecretStr(connection.env.get("PGPASSWORD", ""))
            said = " ".join(redacted_tail(complaints.read().decode(errors="replace"), [secret], _SAID).split())
            raise ActionFailed(f"{tool.path} ended with status {status}: …{said}", began=False)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
