"""A Redis of our own in a scratch folder, which reads a backup's files and can do nothing else."""

import asyncio
import os
import re
import secrets
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import psutil

from tasks.backups.damage import Damaged
from tasks.backups.redis_tools import RedisProgram
from tasks.backups.redis_wire import Wire, wire
from tminus.errors import CouldNotObserve
from tminus.foreign_text import printable
from tminus.unprivileged import Account, no_link, unprivileged

_POLL = 0.01  # seconds
_MEMORY = 0.8  # of what is available: a backup that needs more would end other programs of this machine
_SAID = 300  # characters of its log that fit into a sentence
# What ails this machine, and not what is loaded.
_OUR_OWN = (
    "Out Of Memory allocating",
    "Can't initialize Background Jobs",
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
    "Input/output error",
    "Cannot allocate memory",
    "Resource temporarily unavailable",
    "Too many open files",
    "Permission denied",
    "Failed opening Unix socket",
)
_GREETINGS = (
    "oO0OoO0OoO0Oo",
    "Redis version=",
    "Valkey version=",
    "Configuration loaded",
    "Server initialized",
    "WARNING",
)
# What it quotes may be a key, which is customers' data, with quotes of its own in it: up to the last quote of a line.
_NAMES = re.compile(r"(?<!\w)'(?:.*'|.*)")
_ENDED = 5.0  # seconds
_KEPT = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")

RDB = "dump.rdb"
"""What the RDB file is called in the folder."""


@dataclass(frozen=True)
class ScratchRedis:
    """It runs.

    Attributes:
        exposed: what it is not kept from, in sentences.
    """

    socket: Path
    password: str
    program: RedisProgram
    exposed: tuple[str, ...]

    @contextmanager
    def wire(self) -> Iterator[Wire]:
        """A connection; raises CouldNotObserve. Blocks."""
        with wire(self.socket, self.password) as connection:
            yield connection


@asynccontextmanager
async def scratch_redis(
    program: RedisProgram, folder: Path, *, appendonly: str = "", forgiving: bool = False
) -> AsyncIterator[ScratchRedis]:
    """Runs a server on what lies in `folder`, until the block ends, this process ends, or it is killed.

    It listens on a socket file only, with a password made up for it, loads no module, saves nothing, and runs in a
    network namespace of its own where that can be had. It calls itself the replica of a port at which nobody listens: a
    replica deletes no expired key, neither while it loads nor later, so that what had a time to live can be counted;
    and it takes no write from anybody.

    Args:
        program: which.
        folder: with `dump.rdb` in it, or with append-only files.
        appendonly: the name of the append-only files; "" for an RDB file.
        forgiving: whether a last command that was cut off is dropped; only for a copy of a server's live files.

    Raises Damaged where the server refuses the files, CouldNotObserve where it cannot be started, or needs more
    memory than there is.
    """
    account = await asyncio.to_thread(unprivileged, folder, offline=True, program=program.path)
    with _refusing_port() as port:
        password = secrets.token_hex(16)
        configuration = folder / "redis.conf"
        settings = _settings(folder, password, port, appendonly, forgiving)
        await asyncio.to_thread(_write, configuration, settings, account)
        if not appendonly and not await asyncio.to_thread((folder / RDB).is_file):
            raise Damaged(f"there is no {RDB}, and a server without one begins empty")
        argv = [*account.prefix, *_mortal(), str(program.path), str(configuration)]
        process = await _start(argv, folder)
        server = ScratchRedis(folder / "redis.sock", password, program, account.exposed)
        try:
            await _ready(process, server, folder / "redis.log")
            yield server
        finally:
            await _end(process)


def _write(configuration: Path, settings: str, account: Account) -> None:
    try:
        account.put(configuration, settings)
        account.own(configuration.parent, *configuration.parent.rglob("*"))
    except OSError as e:
        raise CouldNotObserve(f"the scratch folder {configuration.parent} cannot be used: {e.strerror}") from e


def _settings(folder: Path, password: str, port: int, appendonly: str, forgiving: bool) -> str:
    lines = [
        "port 0",
        "unixsocket redis.sock",  # from `folder`: a whole path may be too long for a socket
        "unixsocketperm 600",
        f"pidfile {_quoted(str(folder / 'redis.pid'))}",
        "set-proc-title no",  # so that a sweep finds the folder in its command line
        f"logfile {_quoted(str(folder / 'redis.log'))}",
        f"requirepass {password}",
        f"replicaof 127.0.0.1 {port}",
        "replica-read-only yes",
        "databases 16384",
        'save ""',
        f"dbfilename {RDB}",
        "rdbchecksum yes",
        "loglevel notice",
        "maxclients 16",
        "maxmemory 0",  # a server that loads does not mind it; the limit is that of the process
        f"appendonly {'yes' if appendonly else 'no'}",
    ]
    if appendonly:
        lines += [
            f"appendfilename {_quoted(appendonly)}",
            "appendfsync no",
            "auto-aof-rewrite-percentage 0",
            f"aof-load-truncated {'yes' if forgiving else 'no'}",
        ]
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _mortal() -> tuple[str, ...]:
    """Words that make the program end with this process, and keep it from eating the machine's memory."""
    words: tuple[str, ...] = ()
    if shutil.which("prlimit"):
        words += ("prlimit", f"--as={int(psutil.virtual_memory().available * _MEMORY)}", "--core=0")
    if shutil.which("setpriv"):
        words += ("setpriv", "--pdeathsig", "KILL")
    return words


@contextmanager
def _refusing_port() -> Iterator[int]:
    """A port of loopback that is taken, and at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


async def _start(argv: list[str], folder: Path) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            cwd=folder,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            process_group=0,
        )
    except OSError as e:
        raise CouldNotObserve(f"{argv[0]} could not be started: {e.strerror}") from e


async def _ready(process: asyncio.subprocess.Process, server: ScratchRedis, log: Path) -> None:
    """Waits until it has loaded everything."""
    last = monotonic()
    while not await asyncio.to_thread(_loaded, server):
        if process.returncode == -signal.SIGKILL:
            raise CouldNotObserve("the scratch Redis was killed while it loaded the backup: is memory short?")
        if process.returncode is not None:
            said = _complaint(log)
            if not said or any(text in said for text in _OUR_OWN):
                raise CouldNotObserve(
                    f"the scratch Redis ended with status {process.returncode} before it had loaded the backup: "
                    f"{said[:_SAID] or 'its log is empty'}"
                )
            raise Damaged(said[:_SAID])
        await asyncio.sleep(min(0.2, _POLL + (monotonic() - last) / 20))


def _loaded(server: ScratchRedis) -> bool:
    """Whether it answers; while it loads it refuses to."""
    try:
        with server.wire() as wire:
            return wire.ask("PING") == b"PONG"
    except CouldNotObserve:
        return False


def _complaint(log: Path) -> str:
    """What its log ends with, without the drawing and the times in it."""
    try:
        with open(log, "rb", opener=no_link) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 20_000))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    said = [line.split(" # ", 1)[1] for line in lines if " # " in line]
    return " ".join(_NAMES.sub("'…'", printable(line)) for line in said if not line.startswith(_GREETINGS))


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _ENDED)
