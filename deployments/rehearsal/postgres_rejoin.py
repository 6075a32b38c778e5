"""A PostgreSQL server that was the primary becomes a standby of whoever is: rewound, or copied anew."""

import os
import shutil
import subprocess
import sys

import psycopg

from deployments.rehearsal.machine_plan import PlannedMachine

_SLOT = """
    SELECT pg_create_physical_replication_slot(%(slot)s, true)
     WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = %(slot)s)"""


def follow(machine: PlannedMachine, primary: str) -> None:
    """What it had that the primary never got is thrown away. Raises OSError, psycopg.Error, CalledProcessError.

    Args:
        machine: it does not run.
        primary: `host:port`.
    """
    host, _, port = primary.rpartition(":")
    passwords = {**os.environ, "PGPASSFILE": str(machine.passfile)}
    _make_slot(machine, host, port)
    source = f"host={host} port={port} user=postgres dbname=postgres"
    rewound = _run(machine, ["pg_rewind", "--target-pgdata", str(machine.data), "--source-server", source], passwords)
    if rewound != 0:
        print("pg_rewind failed; the data is copied anew", file=sys.stderr)
        shutil.rmtree(machine.data)
        copied = ["pg_basebackup", "-D", str(machine.data), "-h", host, "-p", port, "-U", "replicator", "-w"]
        if (code := _run(machine, copied, passwords)) != 0:
            raise subprocess.CalledProcessError(code, copied)
    conninfo = f"host={host} port={port} user=replicator passfile={machine.passfile} application_name=standby"
    settings = machine.data / "postgresql.auto.conf"
    kept = [line for line in settings.read_text("utf-8").splitlines() if not line.startswith("primary_")]
    lines = [*kept, f"primary_conninfo = '{conninfo}'", f"primary_slot_name = '{machine.slot}'"]
    settings.write_text("\n".join(lines) + "\n", "utf-8")
    signal = machine.data / "standby.signal"
    signal.touch(mode=0o600)
    owner = machine.data.stat()
    os.chown(signal, owner.st_uid, owner.st_gid)


def _make_slot(machine: PlannedMachine, host: str, port: str) -> None:
    with psycopg.connect(
        host=host, port=port, user="postgres", dbname="postgres", passfile=str(machine.passfile), autocommit=True
    ) as connection:
        connection.execute(_SLOT, {"slot": machine.slot})


def _run(machine: PlannedMachine, command: list[str], environment: dict[str, str]) -> int:
    program, *arguments = command
    argv = [*machine.prefix, f"{machine.tools}/{program}", *arguments]
    return subprocess.run(argv, env=environment, cwd="/", check=False).returncode
