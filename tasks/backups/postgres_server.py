"""A PostgreSQL of our own in a scratch folder: behind a socket file, cut off from every network, with nothing to do."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from tasks.backups.postgres_cluster import ACCESS, ISOLATED, Cluster, inherited, mortal, own, pass_through, put
from tminus.errors import CouldNotObserve
from tminus.foreign_text import printable
from tminus.unprivileged import no_link

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_SOCKET_PATH = 90  # characters; what a socket's address can hold (108), less the file's own name
_NOWHERE = "/nonexistent"  # where libpq finds no password file and no service file of ours
# A restored database or role may name libraries to load into each session; what a session says itself goes before that.
_NOTHING_ELSE = "-c session_preload_libraries= -c local_preload_libraries="
_POLL = 0.02  # seconds
_ENDED = 10.0  # seconds for a server that was told to end at once
_NOTICED = 2.0  # seconds until the end of a server is noticed
_SAID = 400  # characters of its log that fit into a sentence
_CRASHED = "was terminated by signal "
_KILLED = f"{_CRASHED}{signal.SIGKILL:d}:"
_TAIL = 8192  # bytes of the log that are read for that


class Killed(CouldNotObserve):
    """The scratch server, or one of its processes, was killed from outside: says nothing of what was restored."""


@dataclass(frozen=True)
class ScratchServer:
    """It runs, and answers on its socket only.

    Attributes:
        sockets: the folder of its socket.
    """

    cluster: Cluster
    sockets: Path

    @property
    def offline(self) -> bool:
        """Whether it is kept from every network."""
        return self.cluster.account.offline

    def env(self, database: str) -> dict[str, str]:
        """What leads PostgreSQL's tools there, and nowhere else: none of our own variables."""
        there = {
            "PGHOST": str(self.sockets),
            "PGPORT": "5432",
            "PGUSER": self.cluster.superuser,
            "PGDATABASE": database,
        }
        nowhere = {
            "PGPASSFILE": _NOWHERE,
            "PGSERVICEFILE": _NOWHERE,
            "PGSYSCONFDIR": _NOWHERE,
            "PGOPTIONS": _NOTHING_ELSE,
        }
        return {**inherited(), **there, **nowhere, "PGDATABASE": database, "PGAPPNAME": "tminus"}

    def argv(self, tool: str, *arguments: str) -> list[str]:
        """The command line of one of its tools, which then is as cut off as the server, and ends with us."""
        return [*self.cluster.account.prefix, *mortal("KILL"), str(self.cluster.programs / tool), *arguments]

    @asynccontextmanager
    async def connect(self, database: str) -> "AsyncIterator[Connection]":
        """The same for a block; what PostgreSQL refuses in it and is not handled there is CouldNotObserve."""
        import psycopg

        try:
            connection = await self.connection(database)
        except psycopg.Error as e:
            raise CouldNotObserve(
                f"the scratch server lets nobody into {database!r}: {_first_line(e)}; its log: {self.complaint()}"
            ) from e
        try:
            async with connection:
                yield connection
        except psycopg.Error as e:
            raise CouldNotObserve(f"the scratch server: {type(e).__name__} {e.sqlstate or ''}".strip()) from e

    async def connection(self, database: str) -> "Connection":
        """A connection, each statement a transaction; psycopg.Error passes through."""
        import psycopg

        return await psycopg.AsyncConnection.connect(
            host=str(self.sockets),
            port=5432,
            user=self.cluster.superuser,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
            application_name="tminus",
            passfile=_NOWHERE,
            options=_NOTHING_ELSE,
        )

    def complaint(self) -> str:
        """What its log ends with."""
        return _complaint(self.cluster.scratch.folder / "server.log")

    async def require_scratch(self) -> None:
        """Raises CouldNotObserve unless this is the scratch it should be: nothing is restored onto anything else."""
        async with self.connect("template1") as connection:
            answer = await connection.execute(
                "SELECT current_setting('cluster_name'), current_setting('data_directory')"
            )
            named = await answer.fetchone()
        expected = (self.cluster.scratch.name, str(self.cluster.data))
        if named != expected:
            raise CouldNotObserve(f"the server at {self.sockets} is not the scratch {expected[0]}: nothing is restored")


@asynccontextmanager
async def run(
    made: Cluster, settings: Mapping[str, str] | None = None, *, ready_within: float = 60.0
) -> AsyncIterator[ScratchServer]:
    """Runs it until the block ends, or this process does, however rudely.

    Its cluster_name is the scratch's, which no other server has. It reads a postgresql.conf and a pg_hba.conf of ours
    that lie beside its data folder, never those in it; `postgresql.auto.conf` is overruled by the command line.

    Args:
        made: its data folder is there: by `make`, or by a base backup.
        settings: more of them, which win over ours.
        ready_within: seconds for it to let somebody in, recovery included.

    Raises CouldNotObserve where it does not come up, or died meanwhile, with the end of its log.
    """
    pass_through(made)
    with _sockets(made) as sockets:
        process = await _start(made, sockets, settings or {})
        server = ScratchServer(made, sockets)
        try:
            await _ready(process, server, ready_within)
            yield server
            _require_running(process, server)
        except CouldNotObserve as e:
            with suppress(TimeoutError):  # whoever lost a connection may be told before us
                await asyncio.wait_for(process.wait(), _NOTICED)
            if process.returncode is None:
                raise
            raise _died(process.returncode, server) from e
        finally:
            await _end(process)


def _require_running(process: asyncio.subprocess.Process, server: ScratchServer) -> None:
    if process.returncode is not None:
        raise _died(process.returncode, server)


def _died(status: int, server: ScratchServer) -> CouldNotObserve:
    said = server.complaint()
    if status == -signal.SIGKILL or _KILLED in said:
        return Killed("the scratch server was killed, or one of its processes: is memory short?")
    return CouldNotObserve(f"the scratch server ended with status {status}: {said}")


class _sockets:  # noqa: N801 - it reads as what it is in a `with`
    """A folder for the socket: in the scratch, or, where its path is too long for an address, a temporary one."""

    def __init__(self, made: Cluster) -> None:
        self._made = made
        self._temporary: Path | None = None

    def __enter__(self) -> Path:
        folder = self._made.scratch.folder / "sockets"
        if len(os.fsencode(folder)) <= _SOCKET_PATH:
            folder.mkdir(mode=0o700, exist_ok=True)
            own(self._made, folder)
            return folder
        self._temporary = Path(tempfile.mkdtemp(prefix="tminus-"))
        own(self._made, self._temporary)
        return self._temporary

    def __exit__(self, *_: object) -> None:
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)


async def _start(made: Cluster, sockets: Path, settings: Mapping[str, str]) -> asyncio.subprocess.Process:
    folder = made.scratch.folder
    try:
        for name, text in {"postgresql.conf": "", "pg_hba.conf": ACCESS, "pg_ident.conf": ""}.items():
            put(made, folder / name, text)
        log = (folder / "server.log").open("ab")
    except OSError as e:
        raise CouldNotObserve(f"the scratch folder {folder} cannot be used: {e.strerror}") from e
    given = {
        **ISOLATED,
        **({"event_triggers": "off"} if made.major >= 17 else {}),  # noqa: PLR2004 - it came with PostgreSQL 17
        "config_file": str(folder / "postgresql.conf"),
        "hba_file": str(folder / "pg_hba.conf"),
        "ident_file": str(folder / "pg_ident.conf"),
        **settings,
        "unix_socket_directories": str(sockets),
        "cluster_name": made.scratch.name,
    }
    words = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
    argv = [*made.account.prefix, *mortal("QUIT"), str(made.programs / "postgres"), "-D", str(made.data), *words]
    with log:
        return await _started(argv, folder, stdout=log.fileno())


async def _started(argv: Sequence[str], folder: Path, stdout: int) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            cwd=folder,
            env=inherited(),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    except OSError as e:
        raise CouldNotObserve(f"{argv[0]} could not be started: {e.strerror}") from e


async def _ready(process: asyncio.subprocess.Process, server: ScratchServer, within: float) -> None:
    import psycopg

    deadline = monotonic() + within
    while True:
        if process.returncode is not None:
            raise _died(process.returncode, server)
        with suppress(psycopg.Error):
            await (await server.connection("template1")).close()
            return
        if monotonic() > deadline:
            raise CouldNotObserve(f"the scratch server was not up within {within:g} s: {server.complaint()}")
        await asyncio.sleep(_POLL)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends it at once, and its backends with it; nothing of it is needed any more."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGQUIT)
    try:
        await asyncio.wait_for(process.wait(), _ENDED)
    except TimeoutError:
        pass
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _complaint(log: Path) -> str:
    try:
        with open(log, "rb", opener=no_link) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return "its log cannot be read"
    worth = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", _CRASHED))] or lines[-2:]
    return printable(" ".join(worth))[-_SAID:] or "its log is empty"


def _first_line(error: Exception) -> str:
    return printable(str(error).strip().split("\n", 1)[0])[:_SAID]
