"""A process, told apart from every other of its machine, so that it is never taken for one that came after it."""

import socket
from pathlib import Path
from typing import Self

import psutil
from pydantic import BaseModel

_STATE, _STARTED = 0, 19  # fields of /proc/PID/stat after the name; proc_pid_stat(5) counts them as 3 and 22
_DEAD = ("Z", "X")


class Process(BaseModel, frozen=True):
    """Numbers are used again, starts are not.

    Attributes:
        machine: where its number means what it means there: the host, its boot, the namespace of process ids.
        since: when it started, in whatever the machine counts.
    """

    machine: str
    pid: int
    since: str

    @classmethod
    def of(cls, pid: int) -> Self:
        """The one that has this number here, now."""
        return cls(machine=_machine(), pid=pid, since=_state(pid)[1])

    @property
    def host(self) -> str:
        """The name of its host."""
        return self.machine.split()[0]

    def lives(self) -> bool | None:
        """Whether it still does; a stopped one lives. None where that cannot be told from here."""
        if self.machine != _machine():
            return None
        if not psutil.pid_exists(self.pid):
            return False
        state, since = _state(self.pid)
        return state not in _DEAD and since in {"", self.since}

    def of_an_earlier_boot(self) -> bool:
        """Whether it was a process of this host, before that was started anew; so it lives no more."""
        return self.host == socket.gethostname() and self.machine.split()[1:2] != _machine().split()[1:2]


def _machine() -> str:
    namespace = Path("/proc/self/ns/pid")
    inside = str(namespace.readlink()) if namespace.exists() else ""
    return f"{socket.gethostname()} {_boot()} {inside}".strip()


def _boot() -> str:
    identity = Path("/proc/sys/kernel/random/boot_id")
    return identity.read_text("ascii").strip() if identity.exists() else str(psutil.boot_time())


def _state(pid: int) -> tuple[str, str]:
    """How a process is, and when it started; both empty where it cannot be looked at.

    Linux counts the start in ticks since the boot, which no correction of the wall clock moves.
    """
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            return "", ""
        return fields[_STATE], fields[_STARTED]
    try:
        process = psutil.Process(pid)
        return "Z" if process.status() == psutil.STATUS_ZOMBIE else "R", f"{process.create_time():.2f}"
    except psutil.Error:
        return "", ""
