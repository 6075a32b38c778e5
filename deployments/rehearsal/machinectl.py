"""The power switch of the rehearsal's servers: `machinectl PLAN DEED NAME [--primary HOST:PORT] [--until INSTANT]`.

Deeds: probe, kill, start, rejoin; ready, lose, restore, give-back; hang, resume; exhaust, after which it gets no more
memory.

Exit status: 0 done, or it runs · 1 it failed · 2 usage · 3 it does not run (probe), or there is no backup (ready).
"""

import argparse
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from deployments.rehearsal.machine_plan import PlannedMachine, read_plan

DONE, FAILED, DOWN = 0, 1, 3
_GONE_WITHIN = 10.0  # seconds
_NOTHING = 1  # byte; what it has it keeps
_OF_BACKUPS = ("ready", "lose", "restore", "give-back")


def main(arguments: list[str] | None = None) -> int:
    """One deed; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path)
    deeds = ["probe", "kill", "start", "rejoin", "hang", "resume", "exhaust", *_OF_BACKUPS]
    parser.add_argument("deed", choices=deeds)
    parser.add_argument("name")
    parser.add_argument("--primary", default="")
    parser.add_argument("--until", default="newest")
    asked = parser.parse_args(arguments)
    machine = read_plan(asked.plan, asked.name)
    running = list(processes(machine))
    match asked.deed:
        case "probe":
            return DONE if running else DOWN
        case "kill":
            return kill(machine)
        case "start":
            return DONE if running else start(machine)
        case "hang" | "resume":
            return send(running, signal.SIGSTOP if asked.deed == "hang" else signal.SIGCONT)
        case "exhaust":
            return exhaust(running)
        case "ready" | "lose" | "restore" | "give-back":
            return _of_backups(machine, asked.deed, asked.until)
        case _:
            kill(machine)
            if machine.kind == "redis":
                follow_redis(machine, asked.primary)
            else:
                from deployments.rehearsal.postgres_rejoin import follow

                follow(machine, asked.primary)
            return start(machine)


def _of_backups(machine: PlannedMachine, deed: str, until: str) -> int:
    from deployments.rehearsal import postgres_restore

    match deed:
        case "ready":
            return DONE if postgres_restore.has_backup(machine) else DOWN
        case "lose":
            return kill(machine) or postgres_restore.lose(machine)
        case "restore":
            postgres_restore.lay_out(machine, until)
            return start(machine) or postgres_restore.until_it_takes_writes(machine, lambda: any(processes(machine)))
        case _:
            return kill(machine) or postgres_restore.give_back(machine) or start(machine)


def processes(machine: PlannedMachine) -> Iterator[psutil.Process]:
    """The server's own process and all that it started: whoever works in its data folder."""
    for process in psutil.process_iter(["pid", "cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if str(machine.data) in words or process.info["cwd"] == str(machine.data):
            yield process


def kill(machine: PlannedMachine) -> int:
    """All of them at once, and again until there is none, as where the power is cut."""
    until = time.monotonic() + _GONE_WITHIN
    while running := list(processes(machine)):
        for process in running:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        if time.monotonic() > until:
            print(f"{machine.data} still has {len(running)} processes", file=sys.stderr)
            return FAILED
        time.sleep(0.01)
    return DONE


def send(running: Sequence[psutil.Process], number: signal.Signals) -> int:
    """A signal to each of them."""
    for process in running:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
    return DONE


def exhaust(running: Sequence[psutil.Process]) -> int:
    """None of them gets more address space than it has: whatever asks for memory is refused (setrlimit(2))."""
    for process in running:
        with suppress(ProcessLookupError):
            _, most = resource.prlimit(process.pid, resource.RLIMIT_AS)
            resource.prlimit(process.pid, resource.RLIMIT_AS, (_NOTHING, most))
    return DONE


def follow_redis(machine: PlannedMachine, primary: str) -> None:
    """It comes back as a replica, so that there are never two primaries until a Sentinel notices."""
    file = Path(machine.argv[-1])
    kept = [line for line in file.read_text("utf-8").splitlines() if not line.startswith(("replicaof", "slaveof"))]
    host, _, port = primary.rpartition(":")
    file.write_text("\n".join([*kept, f"replicaof {host} {port}"]) + "\n", "utf-8")


def start(machine: PlannedMachine) -> int:
    """As it was; whether it answers yet is for others to see.

    Its process id file is taken away: that one may belong to a zombie whose parent has not noticed yet.
    """
    (machine.data / "postmaster.pid").unlink(missing_ok=True)
    # With a title of its own Redis writes over its environment, and with it over the mark by which it is ended.
    titled = ("--set-proc-title", "no") if machine.kind == "redis" else ()
    with machine.log.open("ab") as log:
        subprocess.Popen(
            [*machine.argv, *titled],
            env={**os.environ, **machine.environment},
            cwd=machine.data.parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return DONE


if __name__ == "__main__":
    sys.exit(main())
