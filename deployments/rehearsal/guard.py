"""Ends a supervisor's children when the supervisor itself is gone, also by kill -9.

Run as a script by `processes.Processes`, one guard per supervisor: the supervisor holds the other end of the guard's
standard input and names each child there (`+<pid> <signal>` when started, `-<pid>` when ended). End of file means that
the supervisor is gone; then every child still named is signalled, given a moment, and killed with its whole process
group, and so is every process that carries the supervisor's mark in its environment.

Why not PR_SET_PDEATHSIG: it fires when the *thread* that started the child ends, Linux clears it when the child changes
its credentials (`unshare --user`, which PostgreSQL needs under root), and it never reaches grandchildren.
"""

import os
import signal
import sys
import time
from pathlib import Path

MARK = "TMINUS_SUPERVISED_BY"
GRACE = 3.0  # seconds from the stop signal to SIGKILL


def marked(mark: str) -> list[int]:
    """Process ids, other than our own, whose starting environment carries `mark` in the variable `MARK`.

    A mark is `outer:inner` for a supervisor under a supervisor, so the outer one finds the inner one's children too.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:  # it ended meanwhile, or belongs to somebody else
            continue
        for entry in environment.split(b"\0"):
            name, _, value = entry.partition(b"=")
            if name == MARK.encode() and mark.encode() in value.split(b":") and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found


def kill_marked(mark: str) -> int:
    """Kill every marked process, again until none is left (one may fork meanwhile); how many were killed."""
    killed: set[int] = set()
    for _ in range(20):
        alive = marked(mark)
        if not alive:
            break
        for pid in alive:
            signal_process(pid, signal.SIGKILL)
        killed.update(alive)
        time.sleep(0.01)
    return len(killed)


def signal_process(pid: int, number: int) -> None:
    """Signal one process; one that is gone already is fine."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def signal_group(group: int, number: int) -> None:
    """Signal a whole process group; one that is gone already is fine."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"  # an orphan's zombie stays where nobody reaps


def _end(children: dict[int, int], mark: str) -> None:
    for pid, stop_signal in reversed(list(children.items())):
        signal_process(pid, stop_signal)
    deadline = time.monotonic() + GRACE
    while any(_alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in children:
        signal_group(pid, signal.SIGKILL)
    kill_marked(mark)


def main(mark: str) -> None:
    """Remember the children named on standard input until it ends; then end those that are left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    children: dict[int, int] = {}
    for line in sys.stdin:
        if line.startswith("+"):
            pid, stop_signal = line[1:].split()
            children[int(pid)] = int(stop_signal)
        else:
            children.pop(int(line[1:]), None)
    _end(children, mark)


if __name__ == "__main__":
    main(sys.argv[1])
