"""Real Redis Sentinels that watch a primary and its replica."""

import contextlib
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import SecretStr

from deployments.rehearsal.addresses import HOST, RedisAddress, made_up
from deployments.rehearsal.binaries import redis_server
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.server_errors import ServerDidNotStart

_AGREED_WITHIN = 20.0  # seconds after the last was started
_ID = "{:040x}"  # Sentinels know each other by run id, which may be chosen


@dataclass(frozen=True)
class Sentinels:
    """So many Sentinels, that know each other from the start; files in `folder`.

    Attributes:
        primary: the name under which they watch the server.
        watched: the primary, its replica, and their password.
        ports: one a Sentinel.
        password: that they ask for.
        quorum: how many must find the primary down.
    """

    folder: Path
    primary: str
    watched: RedisAddress
    ports: tuple[int, ...]
    password: SecretStr
    quorum: int

    @classmethod
    def plan(cls, folder: Path, watched: RedisAddress, *, primary: str, count: int = 3, quorum: int = 2) -> Self:
        """Choose ports and the password; nothing is started yet."""
        return cls(folder, primary, watched, tuple(free_port() for _ in range(count)), made_up(), quorum)

    def start(self, processes: Processes) -> list[Child]:
        """Start all of them. Raises BinaryMissing or ServerDidNotStart."""
        children = [self.start_one(processes, number) for number in range(len(self.ports))]
        until = time.monotonic() + _AGREED_WITHIN
        while not all(map(self._could_fail_over, range(len(self.ports)))):
            if time.monotonic() > until:
                log = self.folder / "sentinel-0.log"
                raise ServerDidNotStart(f"redis sentinels of {self.primary}", "they do not find each other", log)
            time.sleep(0.05)
        return children

    def start_one(self, processes: Processes, number: int) -> Child:
        """Start one, as if it had never run; ready when it has found the primary, the replica and the others."""
        home = self.folder / f"sentinel-{number}"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        configuration = home / "sentinel.conf"
        configuration.touch(mode=0o600)
        configuration.write_text("\n".join(self._configuration(number)) + "\n", encoding="utf-8")
        return processes.start(
            f"redis sentinel {number}",
            [str(redis_server()), str(configuration), "--sentinel"],
            cwd=home,
            log=self.folder / f"sentinel-{number}.log",
            ready=lambda: self._settled(number),
        )

    def url(self, number: int) -> SecretStr:
        """A Sentinel's URL with its password."""
        return SecretStr(f"redis://:{self.password.get_secret_value()}@{HOST}:{self.ports[number]}/0")

    def _configuration(self, number: int) -> list[str]:
        name, watched = self.primary, self.watched
        others = [other for other in range(len(self.ports)) if other != number]
        return [
            f"port {self.ports[number]}",
            f"bind {HOST}",
            f"dir {self.folder / f'sentinel-{number}'}",
            f"requirepass {self.password.get_secret_value()}",
            f"sentinel sentinel-pass {self.password.get_secret_value()}",
            f"sentinel myid {_ID.format(number + 1)}",
            f"sentinel monitor {name} {HOST} {watched.port} {self.quorum}",
            f"sentinel auth-pass {name} {watched.password.get_secret_value()}",
            f"sentinel down-after-milliseconds {name} 1000",
            f"sentinel failover-timeout {name} 5000",  # twice that goes by before one Sentinel fails over again
            *(f"sentinel known-sentinel {name} {HOST} {self.ports[other]} {_ID.format(other + 1)}" for other in others),
            *([f"sentinel known-replica {name} {HOST} {watched.replica_port}"] if watched.replica_port else []),
        ]

    def _could_fail_over(self, number: int) -> bool:
        import redis

        with (
            contextlib.suppress(redis.exceptions.RedisError),
            redis.Redis.from_url(self.url(number).get_secret_value(), decode_responses=True) as client,
        ):
            client.sentinel_ckquorum(self.primary)  # an error where it could not
            return True
        return False

    def _settled(self, number: int) -> bool:
        import redis

        with (
            contextlib.suppress(redis.exceptions.RedisError),
            redis.Redis.from_url(self.url(number).get_secret_value(), decode_responses=True) as client,
        ):
            seen: Mapping[str, object] = client.sentinel_master(self.primary)
            replicas = client.sentinel_slaves(self.primary)
            linked = all(one["master-link-status"] == "ok" for one in replicas)
            return "down" not in str(seen["flags"]) and "disconnected" not in str(seen["flags"]) and linked
        return False
