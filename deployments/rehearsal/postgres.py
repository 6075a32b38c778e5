"""A real PostgreSQL: a primary, and a standby that streams from it through a replication slot."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psycopg
from pydantic import SecretStr

from deployments.rehearsal.addresses import HOST, PostgresAddress, made_up
from deployments.rehearsal.binaries import postgres_folder
from deployments.rehearsal.machine_plan import PlannedMachine
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.server_errors import ServerError
from tminus.errors import CouldNotObserve
from tminus.unprivileged import Account, unprivileged

SLOT = "standby"
_PASSWORDS = "passfile"
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 100
shared_buffers = '32MB'
wal_level = 'replica'
wal_receiver_status_interval = '1s'
wal_retrieve_retry_interval = '200ms'
hot_standby = on
track_commit_timestamp = on
archive_mode = on
archive_command = 'test ! -f ../archive/%f && cp %p ../archive/%f'
"""
_ACCESS = """
host all         all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""
_ALONE = ("-c", "fsync=off", "-c", "synchronous_standby_names=")  # else a commit waits for a standby, for ever
_QUIET = {"LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class Postgres:
    """One primary, and a standby where the address has a port for it; files in `folder`.

    Roles: `postgres` (superuser), `trading` (owns the database), `tminus` (pg_monitor, pg_read_all_data, replication,
    restore points), `replicator` (the standby). All log in by scram-sha-256 over loopback.

    Attributes:
        settings: lines of postgresql.conf besides the rehearsal's own, over which they win.
        rejoins: whether a server may be made to follow another later, which needs a file with its passwords.
        segment: how large a segment of the WAL is, in MiB.
    """

    address: PostgresAddress
    folder: Path
    settings: Sequence[str] = ()
    rejoins: bool = False
    segment: int = 16

    @classmethod
    def plan(
        cls,
        folder: Path,
        *,
        database: str = "trading",
        standby: bool = True,
        settings: Sequence[str] = (),
        rejoins: bool = False,
        segment: int = 16,
    ) -> Self:
        """Choose ports and passwords; nothing is started yet."""
        address = PostgresAddress(
            port=free_port(),
            standby_port=free_port() if standby else None,
            database=database,
            passwords={"postgres": made_up(), "trading": made_up(), "tminus": made_up()},
        )
        return cls(address, folder, settings, rejoins, segment)

    def start(self, processes: Processes) -> list[Child]:
        """Make the cluster and start it: the primary, then the standby, both ready when this returns.

        Raises BinaryMissing, ServerDidNotStart, or ServerError when the cluster cannot be made.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            account = unprivileged(self.folder)
        except CouldNotObserve as e:
            raise ServerError(str(e)) from e
        cluster = _Cluster(postgres_folder(), account, self.address, self.settings, self.segment)
        replicator = made_up()
        if self.rejoins:
            self._remember(account, replicator)
        primary, standby = self.folder / "primary", self.folder / "standby"
        cluster.make(primary, replicator)
        if self.address.standby_port is None:
            return [self._run(processes, cluster, primary, self.address.port, "postgres primary", self._accepts)]
        cluster.copy_as_standby(primary, standby, replicator)
        return [
            self._run(processes, cluster, primary, self.address.port, "postgres primary", self._accepts),
            self._run(processes, cluster, standby, self.address.standby_port, "postgres standby", self._streams),
        ]

    def machines(self) -> dict[str, PlannedMachine]:
        """Its servers as their power switch knows them. Raises BinaryMissing, CouldNotObserve."""
        binaries, account = postgres_folder(), unprivileged(self.folder)
        planned = {}
        for name, port in (("primary", self.address.port), ("standby", self.address.standby_port)):
            if port is not None:
                planned[name] = PlannedMachine(
                    kind="postgres",
                    argv=_argv(account, binaries, self.folder / name, port),
                    data=self.folder / name,
                    log=self.folder / f"{name}.log",
                    environment=_QUIET,
                    slot=SLOT,
                    passfile=self.folder / _PASSWORDS,
                    tools=binaries,
                    prefix=account.prefix,
                    backup=self.folder / "backup",
                    archive=self.folder / "archive",
                )
        return planned

    def _remember(self, account: Account, replicator: SecretStr) -> None:
        """The passwords with which one server follows another, as libpq reads them."""
        known = {"replicator": replicator, "postgres": self.address.passwords["postgres"]}
        lines = [f"{HOST}:*:*:{role}:{password.get_secret_value()}" for role, password in known.items()]
        account.put(self.folder / _PASSWORDS, "\n".join(lines) + "\n")

    def _run(
        self, processes: Processes, cluster: "_Cluster", data: Path, port: int, name: str, ready: Callable[[], bool]
    ) -> Child:
        return processes.start(
            name,
            _argv(cluster.account, cluster.binaries, data, port),
            env=_QUIET,
            cwd=self.folder,
            log=self.folder / f"{data.name}.log",
            ready=ready,
            stop_signal=signal.SIGINT,  # "fast shutdown": open sessions are ended
        )

    def _accepts(self) -> bool:
        return self._asks("SELECT true", standby=False)

    def _streams(self) -> bool:
        return self._asks("SELECT status = 'streaming' FROM pg_stat_wal_receiver", standby=True)

    def _asks(self, question: str, *, standby: bool) -> bool:
        dsn = self.address.dsn("postgres", standby=standby).get_secret_value()
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(dsn, connect_timeout=2) as connection:
            return connection.execute(question).fetchone() == (True,)
        return False


def _argv(account: Account, binaries: Path, data: Path, port: int) -> tuple[str, ...]:
    return (*account.prefix, str(binaries / "postgres"), "-D", str(data), "-c", f"port={port}")


@dataclass(frozen=True)
class _Cluster:
    binaries: Path
    account: Account
    address: PostgresAddress
    settings: Sequence[str]
    segment: int

    def make(self, data: Path, replicator: SecretStr) -> None:
        """A cluster with its roles and its database, ready to be started; nothing has listened yet."""
        data.mkdir(mode=0o700, exist_ok=True)
        self.account.own(data)
        locale = ["-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=libc"]
        archive = data.parent / "archive"  # without it a restore point could not be gone back to by name
        archive.mkdir(mode=0o700, exist_ok=True)
        self.account.own(archive)
        made = ["initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"]
        self._run([*made, f"--wal-segsize={self.segment}", *locale])
        self._write(data / "postgresql.conf", "\n".join([_SETTINGS, *self.settings, ""]), append=True)
        self._write(data / "pg_hba.conf", _ACCESS, append=False)
        script = "\n".join(self._roles(replicator)) + "\n"
        self._run(["postgres", "--single", "-D", str(data), *_ALONE, "postgres"], script)
        script = "\n".join(self._grants()) + "\n"
        self._run(["postgres", "--single", "-D", str(data), *_ALONE[2:], self.address.database], script)

    def copy_as_standby(self, primary: Path, standby: Path, replicator: SecretStr) -> None:
        """A cold copy of a primary that never ran takes 0.05 s; pg_basebackup would need it running first."""
        shutil.copytree(primary, standby)
        shutil.rmtree(standby / "pg_replslot" / SLOT)
        conninfo = (
            f"host={HOST} port={self.address.port} user=replicator password={replicator.get_secret_value()} "
            "application_name=standby"
        )
        settings = f"primary_conninfo = '{conninfo}'\nprimary_slot_name = '{SLOT}'\n"
        self._write(standby / "postgresql.auto.conf", settings, append=True)
        self._write(standby / "standby.signal", "", append=False)
        self.account.own(standby, *standby.rglob("*"))

    def _roles(self, replicator: SecretStr) -> list[str]:
        passwords = {role: value.get_secret_value() for role, value in self.address.passwords.items()}
        return [
            f"ALTER ROLE postgres PASSWORD '{passwords['postgres']}';",
            f"CREATE ROLE trading LOGIN PASSWORD '{passwords['trading']}';",
            f"CREATE ROLE tminus LOGIN REPLICATION PASSWORD '{passwords['tminus']}';",
            f"CREATE ROLE replicator LOGIN REPLICATION PASSWORD '{replicator.get_secret_value()}';",
            "GRANT pg_monitor, pg_read_all_data TO tminus;",
            f"CREATE DATABASE {self.address.database} OWNER trading;",
            *([f"SELECT pg_create_physical_replication_slot('{SLOT}', true);"] if self.address.standby_port else []),
        ]

    def _grants(self) -> list[str]:
        """Privileges on functions belong to one database each."""
        return [
            "GRANT EXECUTE ON FUNCTION pg_create_restore_point(text) TO tminus;",
            "GRANT EXECUTE ON FUNCTION pg_switch_wal() TO tminus;",
        ]

    def _write(self, path: Path, text: str, *, append: bool) -> None:
        with path.open("a" if append else "w", encoding="utf-8") as file:
            file.write(text)
        path.chmod(0o600)
        self.account.own(path)

    def _run(self, command: list[str], script: str = "") -> None:
        program, *arguments = command
        done = subprocess.run(
            [*self.account.prefix, str(self.binaries / program), *arguments],
            input=script,
            env={**os.environ, **_QUIET},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        failed = [line for line in done.stderr.splitlines() if "ERROR" in line or "FATAL" in line]
        if done.returncode != 0 or failed:
            last = "\n    ".join(failed or done.stderr.splitlines()[-8:])
            raise ServerError(
                f"PostgreSQL's cluster could not be made: {program} ended with status {done.returncode}:\n    {last}\n"
                "  Check that the folder is writable and the disk has 150 MB left, then start again"
            )
