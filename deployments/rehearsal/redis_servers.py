"""A real Redis: a primary with an append-only file, and a replica of it."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deployments.rehearsal.addresses import HOST, RedisAddress, made_up
from deployments.rehearsal.binaries import redis_server
from deployments.rehearsal.machine_plan import PlannedMachine
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Child, Processes

_TIMEOUT = 1.0  # seconds
_SETTLED = "aof_rewrite_in_progress:0"  # while it writes its first append-only file, Redis refuses SIGTERM


@dataclass(frozen=True)
class Redis:
    """One primary, and a replica where the address has a port for it; files in `folder`."""

    address: RedisAddress
    folder: Path

    @classmethod
    def plan(cls, folder: Path, *, replica: bool = True) -> Self:
        """Choose ports and the password; nothing is started yet."""
        address = RedisAddress(port=free_port(), replica_port=free_port() if replica else None, password=made_up())
        return cls(address, folder)

    def start(self, processes: Processes) -> list[Child]:
        """Start the primary, then the replica; ready when the link between them is up.

        Raises BinaryMissing or ServerDidNotStart.
        """
        children = [self._run(processes, "redis primary", self.address.port, "", "role:master")]
        if self.address.replica_port is not None:
            follow = f"replicaof {HOST} {self.address.port}\n"
            link = "master_link_status:up"
            children.append(self._run(processes, "redis replica", self.address.replica_port, follow, link))
        return children

    def machines(self) -> dict[str, PlannedMachine]:
        """Its servers as their power switch knows them. Raises BinaryMissing."""
        homes = {name: self.folder / name for name in ("primary", *(["replica"] if self.address.replica_port else []))}
        return {
            name: PlannedMachine(
                kind="redis",
                argv=(str(redis_server()), str(home / "redis.conf")),
                data=home,
                log=self.folder / f"{name}.log",
            )
            for name, home in homes.items()
        }

    def _run(self, processes: Processes, name: str, port: int, more: str, sign: str) -> Child:
        home = self.folder / name.split()[1]
        home.mkdir(parents=True, exist_ok=True)
        password = self.address.password.get_secret_value()
        configuration = home / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            f"port {port}\nbind {HOST}\ndir {home}\nappendonly yes\ndaemonize no\n"
            'save ""\n'
            "repl-diskless-sync yes\nrepl-diskless-sync-delay 0\n"
            f"requirepass {password}\nmasterauth {password}\n{more}",
            encoding="utf-8",
        )
        return processes.start(
            name,
            [str(redis_server()), str(configuration)],
            cwd=home,
            log=self.folder / f"{home.name}.log",
            ready=lambda: {sign, _SETTLED} <= _info(port, password),
        )


def _info(port: int, password: str) -> set[str]:
    """The lines of Redis' INFO, asked in its own protocol; none where it does not answer."""
    try:
        with socket.create_connection((HOST, port), timeout=_TIMEOUT) as connection:
            connection.sendall(f"AUTH {password}\r\nINFO\r\nQUIT\r\n".encode())
            with connection.makefile(encoding="utf-8") as answer:
                return set(answer.read().splitlines())
    except OSError:
        return set()
