"""A PostgreSQL server without standbys that loses its data, and is restored from a base backup and its archived WAL.

What was lost is kept beside the data folder as `NAME.lost` until the next loss.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from deployments.rehearsal.addresses import HOST
from deployments.rehearsal.machine_plan import PlannedMachine

_WITHIN = 60.0  # seconds
_LOOK = 0.02  # seconds between two looks
_SIGNAL = "recovery.signal"
_LAST = 5  # lines of its log that are shown where it gave up


def take_backup(machine: PlannedMachine) -> None:
    """A base backup of the server, which runs. Raises CalledProcessError."""
    words = ["-D", str(machine.backup), "-h", HOST, "-p", _port(machine), "-U", "replicator", "-w"]
    argv = [*machine.prefix, f"{machine.tools}/pg_basebackup", *words, "-X", "fetch", "--checkpoint=fast", "--no-sync"]
    subprocess.run(argv, env={"PGPASSFILE": str(machine.passfile)}, cwd="/", check=True)


def has_backup(machine: PlannedMachine) -> bool:
    """Whether there is one, whole: the label is its last file."""
    return machine.backup is not None and (machine.backup / "backup_label").exists()


def lose(machine: PlannedMachine) -> int:
    """Takes the data of a server that does not run away; 0."""
    if machine.data.exists():
        shutil.rmtree(lost(machine), ignore_errors=True)
        machine.data.rename(lost(machine))
    return 0


def lay_out(machine: PlannedMachine, until: str) -> None:
    """The backup in the place of the data, to be recovered as far as `until` when it starts."""
    new = machine.data.with_name(f"{machine.data.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    subprocess.run(["/bin/cp", "-a", str(machine.backup), str(new)], check=True)
    lines = [f"restore_command = 'cp {machine.archive}/%f %p'", "recovery_target_timeline = 'latest'"]
    if until != "newest":
        lines += [f"recovery_target_time = '{until}'", "recovery_target_action = 'promote'"]
    settings = new / "postgresql.auto.conf"
    settings.write_text("\n".join([settings.read_text("utf-8"), *lines]) + "\n", "utf-8")
    shutil.copy2(settings, new / _SIGNAL)  # its owner and mode; the server looks at its name alone
    shutil.chown(new / _SIGNAL, new.stat().st_uid, new.stat().st_gid)
    shutil.rmtree(machine.data, ignore_errors=True)
    new.rename(machine.data)


def give_back(machine: PlannedMachine) -> int:
    """Puts back what was lost, unless what stands there now has taken writes; 0, or 1 where there is nothing at all."""
    restored = machine.data.exists() and not (machine.data / _SIGNAL).exists()
    if restored:
        return 0
    if not lost(machine).exists():
        print(f"neither {machine.data} nor what was lost is there", file=sys.stderr)
        return 1
    torso = machine.data.with_name(f"{machine.data.name}.torso")
    shutil.rmtree(torso, ignore_errors=True)
    if machine.data.exists():
        machine.data.rename(torso)  # whole, so that nobody who comes after a kill takes what is left of it for restored
    lost(machine).rename(machine.data)
    shutil.rmtree(torso, ignore_errors=True)
    return 0


def until_it_takes_writes(machine: PlannedMachine, runs: Callable[[], bool]) -> int:
    """0 once it does, 1 where it gave up or needs too long, with the end of its log."""
    until = time.monotonic() + _WITHIN
    while time.monotonic() < until and runs():
        if _takes_writes(machine):
            return 0
        time.sleep(_LOOK)
    print("\n".join(machine.log.read_text("utf-8", "replace").splitlines()[-_LAST:]), file=sys.stderr)
    return 1


def lost(machine: PlannedMachine) -> Path:
    """Where what was lost is kept."""
    return machine.data.with_name(f"{machine.data.name}.lost")


def _takes_writes(machine: PlannedMachine) -> bool:
    try:
        with psycopg.connect(
            host=HOST, port=_port(machine), user="postgres", dbname="postgres", passfile=str(machine.passfile)
        ) as connection:
            return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
    except psycopg.Error:
        return False


def _port(machine: PlannedMachine) -> str:
    return machine.argv[-1].removeprefix("port=")
