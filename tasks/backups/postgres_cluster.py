"""The data folder of a scratch PostgreSQL: whose it is, which programs it has, and how it is made."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tasks.backups.asked import Scratch
from tasks.pg_tools import server_programs
from tminus.errors import CouldNotObserve
from tminus.foreign_text import printable
from tminus.systems.stores import Postgres
from tminus.unprivileged import Account, unprivileged

SUPERUSER = "tminus_scratch"
"""The cluster's own superuser: no name that a role of a backup would have."""
_KEPT = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")
_SAID = 400  # characters of what a program prints that fit into a sentence

ISOLATED: Mapping[str, str] = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "ssl": "off",
    "shared_preload_libraries": "",
    "session_preload_libraries": "",
    "local_preload_libraries": "",
    "archive_mode": "off",
    "archive_command": "",
    "archive_library": "",
    "archive_cleanup_command": "",
    "recovery_end_command": "",
    "primary_conninfo": "",
    "primary_slot_name": "",
    "synchronous_standby_names": "",
    "max_logical_replication_workers": "0",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "autovacuum": "off",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_statement": "none",
    "log_min_error_statement": "panic",  # a statement may hold customers' data
    "log_min_duration_statement": "-1",
    "log_error_verbosity": "terse",
    "external_pid_file": "",
    "restart_after_crash": "off",  # a server that lost what it was doing has nothing more to say
    "max_connections": "40",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
}
"""Given on the command line: what a restored cluster says otherwise (ALTER SYSTEM) does not hold."""
ACCESS = "local all all trust\n"  # whoever can reach the socket is us: folder and socket are 0700


@dataclass(frozen=True)
class Cluster:
    """A data folder in a scratch place, and the programs of its version.

    Attributes:
        data: the data folder, which need not be there yet.
        superuser: a role of it that may do everything, and logs in without a password.
    """

    scratch: Scratch
    programs: Path
    major: int
    account: Account
    superuser: str = SUPERUSER

    @property
    def data(self) -> Path:
        """Where its files are."""
        return self.scratch.folder / "data"


def cluster(scratch: Scratch, section: Postgres, major: int) -> Cluster:
    """What a server of that major version in the scratch will be; nothing is made. Blocks.

    Raises CouldNotObserve where no such server is installed, or it cannot be run here.
    """
    programs = server_programs(section, major)
    account = unprivileged(scratch.folder, offline=True, program=programs / "postgres")
    return Cluster(scratch, programs, major, account)


async def make(planned: Cluster, encoding: str = "UTF8") -> None:
    """Makes its data folder, with a superuser of its own; raises CouldNotObserve."""
    pass_through(planned)
    await asyncio.to_thread(planned.data.mkdir, 0o700)
    own(planned, planned.data)
    options = ["-D", str(planned.data), "-U", SUPERUSER, "-A", "trust", "-E", encoding, "--locale=C.UTF-8"]
    options += ["--locale-provider=libc", "--no-sync", "--no-instructions"]
    await _to_its_end(planned, "initdb", options)


def own(planned: Cluster, *paths: Path) -> None:
    """Hands files to whom the server runs as; raises CouldNotObserve."""
    try:
        planned.account.own(*paths)
    except OSError as e:
        raise CouldNotObserve(f"{planned.scratch.folder} cannot be handed over: {e.strerror}") from e


def pass_through(planned: Cluster) -> None:
    """Lets the server into the scratch folder, which stays ours; raises CouldNotObserve."""
    try:
        planned.account.pass_through(planned.scratch.folder)
    except OSError as e:
        raise CouldNotObserve(f"{planned.scratch.folder} cannot be handed over: {e.strerror}") from e


def put(planned: Cluster, path: Path, text: str = "") -> None:
    """Writes a file of the server's anew, through no link; raises CouldNotObserve."""
    try:
        planned.account.put(path, text)
    except OSError as e:
        raise CouldNotObserve(f"{path} cannot be written: {e.strerror}") from e


def inherited() -> dict[str, str]:
    """The variables of ours that a program of the scratch may see: none that lead anywhere, and no secrets."""
    return {**{name: os.environ[name] for name in _KEPT if name in os.environ}, "LC_ALL": "C.UTF-8"}


def mortal(signal_name: str) -> tuple[str, ...]:
    """Words that make a program end with this process, where setpriv of util-linux can; else the sweep finds it."""
    return ("setpriv", "--pdeathsig", signal_name) if shutil.which("setpriv") else ()


async def _to_its_end(planned: Cluster, program: str, options: Sequence[str]) -> None:
    """Runs a program of the server's that needs no server."""
    argv = [*planned.account.prefix, *mortal("KILL"), str(planned.programs / program), *options]
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=planned.scratch.folder,
            env=inherited(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    except OSError as e:
        raise CouldNotObserve(f"{program} could not be started: {e.strerror}") from e
    try:
        said, _ = await process.communicate()
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        last = printable(" ".join(said.decode(errors="replace").split()))[-_SAID:]
        raise CouldNotObserve(f"the scratch server cannot be made: {program} ended with {process.returncode}: …{last}")
