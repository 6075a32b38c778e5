"""What runs where a service is launched: PostgreSQL, Redis, nginx, and two pools of instances as processes."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg

from bench.worlds.launch_instance import CHANGES, write_changes
from deployments.rehearsal.addresses import made_up
from deployments.rehearsal.fault_file import write_faults
from deployments.rehearsal.nginx import Nginx, upstream
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.readiness import http_answers
from deployments.rehearsal.redis_servers import Redis
from deployments.rehearsal.trading_builds import NEXT, PREVIOUS, Build, trading_build
from deployments.rehearsal.trading_schema import create_trading_schema
from tminus.clock import now

SERVICE = "trading"
POOLS: Mapping[str, Sequence[str]] = {"blue": ("blue-1", "blue-2", "blue-3"), "green": ("green-1",)}
VERSIONS = {"blue": NEXT, "green": PREVIOUS}
_WITHIN = 20.0  # seconds
_POLL = 0.01  # seconds
_HISTORY = range(295, 0, -5)  # minutes ago


@dataclass
class Instance:
    """One instance: its address and its files stay, its process and its build come and go."""

    name: str
    build: Build
    port: int
    folder: Path
    child: Child | None = None

    @property
    def log(self) -> Path:
        """Its structured log."""
        return self.folder / f"{self.name}.jsonl"

    @property
    def faults(self) -> Path:
        """Its own faults file (fault_file.py)."""
        return self.folder / f"{self.name}.faults"

    @property
    def changes(self) -> Path:
        """What it answers otherwise (launch_instance.py)."""
        return self.folder / f"{self.name}.changes"


class LaunchServers:
    """The pool blue, which serves the new version, and green, which has the previous one and no traffic.

    Attributes:
        instances: by name, such as `blue-1`.
        front: the front door's address.
    """

    def __init__(self, folder: Path) -> None:
        self.instances = {
            name: Instance(name, trading_build(VERSIONS[pool]), free_port(), folder)
            for pool, names in POOLS.items()
            for name in names
        }
        self._folder = folder
        self._postgres = Postgres.plan(folder / "postgres", standby=False)
        self._redis = Redis.plan(folder / "redis", replica=False)
        self._nginx = Nginx.plan(folder / "nginx", {SERVICE: self.ports("blue")})
        self._key = made_up()
        self.front = self._nginx.address.url(SERVICE)
        self.config = self._nginx.address.configuration
        self.include = self._nginx.address.upstream(SERVICE)

    def ports(self, pool: str) -> list[int]:
        """The ports of a pool's instances."""
        return [self.instances[name].port for name in POOLS[pool]]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Everything, with logs of five hours; the pools were filled before nginx was told of them."""
        with Processes() as self._processes:
            self._postgres.start(self._processes)
            create_trading_schema(self._postgres.address.dsn("trading").get_secret_value())
            self.start_redis()
            for instance in self.instances.values():
                instance.log.write_text(_history(instance), "utf-8")
            self.start(*self.instances.values())
            self.start_nginx()
            yield

    def start(self, *instances: Instance) -> None:
        """Starts their processes, healthy, and counts as a switch to them."""
        for one in instances:
            write_faults(one.faults, {})
            write_changes(one.changes, [])
            argv = [sys.executable, "-m", "bench.worlds.launch_instance"]
            output = one.log.with_suffix(".out")
            one.child = self._processes.start(one.name, argv, env=self._environment(one), log=output)
        for one in instances:
            if one.child is not None:
                self._processes.await_ready(one.child, http_answers(one.port, "/version"), _WITHIN)
        if self.include.exists():
            self.include.touch()

    def end(self, *instances: Instance) -> None:
        """Ends their processes at once, as `kill -9` does."""
        for one in instances:
            if one.child is not None:
                one.child.kill()
        for one in instances:
            if one.child is not None:
                one.child.wait(_WITHIN)

    def start_redis(self) -> None:
        """Starts Redis, with all that it had."""
        [self._redis_child] = self._redis.start(self._processes)

    def end_redis(self) -> None:
        """Ends Redis."""
        self._redis_child.end(_WITHIN)

    def start_nginx(self) -> None:
        """Starts nginx, with blue behind it."""
        [self._nginx_child] = self._nginx.start(self._processes)

    def end_nginx(self) -> None:
        """Ends nginx."""
        self._nginx_child.end(_WITHIN)

    def name_upstream(self, instances: Sequence[str]) -> None:
        """Writes which instances are served; nginx does not know of it before `reload`."""
        ports = [self.instances[name].port for name in instances]
        self.include.write_text(upstream(SERVICE, ports), encoding="utf-8")

    def reload(self) -> None:
        """Has nginx read its configuration, and waits until none of its old processes is left."""
        before = self._workers()
        subprocess.run(self._nginx.address.reload, check=True, capture_output=True)
        _await(lambda: len(self._workers()) == 1 and not self._workers() & before, "nginx's old worker ended")

    def database(self, *statements: str) -> None:
        """Runs statements as the superuser, each text a transaction of its own."""
        dsn = self._postgres.address.dsn("postgres").get_secret_value()
        with psycopg.connect(dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def _workers(self) -> set[int]:
        pid = self._nginx_child.pid
        return {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()}

    def _environment(self, one: Instance) -> dict[str, str]:
        return {
            "TRADING_VERSION": one.build.version,
            "TRADING_ARTIFACT_DIGEST": one.build.artifact_digest,
            "TRADING_CONFIG_DIGEST": one.build.config_digest,
            "TRADING_INSTANCE": one.name,
            "TRADING_PORT": str(one.port),
            "TRADING_PG_DSN": self._postgres.address.dsn("trading").get_secret_value(),
            "TRADING_REDIS_URL": self._redis.address.dsn().get_secret_value(),
            "TRADING_JWT_KEY": self._key.get_secret_value(),
            "TRADING_LOG": str(one.log),
            "TRADING_FAULTS": str(one.faults),
            CHANGES: str(one.changes),
        }


def _history(instance: Instance) -> str:
    """What an instance logged in the five hours before it is looked at."""
    lines = []
    for ago in _HISTORY:
        at = (now() - timedelta(minutes=ago)).isoformat(timespec="milliseconds")
        line = {"time": at, "level": "info", "message": "request", "instance": instance.name, "path": "/api/prices"}
        lines.append(json.dumps({**line, "status": 200}) + "\n")
    return "".join(lines)


def _await(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _WITHIN
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {_WITHIN:g} s")
        time.sleep(_POLL)
