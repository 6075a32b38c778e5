"""The platforms' cache: a real Redis and a real replica of it, with keys as its services leave them."""

import contextlib
import gzip
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import redis

from bench.worlds.byte_relay import ByteRelay
from bench.worlds.redis_cases import CASES, LIMIT
from bench.worlds.redis_traffic import Traffic, look_up
from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.redis_servers import Redis

_SECRET = "TMINUS_WORLD_REDIS"  # noqa: S105 - the name of a variable
_POLL = 0.01  # seconds
_HIT_RATE = 0.9
_DAY = 86_400
_SAVED = re.compile(rb"(?<=rdb_last_save_time:)\d{10}")


class RedisWorld(World):
    """A real primary and replica; what the primary says passes through a relay, so that a snapshot can be old."""

    system: ClassVar[str] = "redis"
    real: ClassVar[bool] = True
    cases: ClassVar[tuple[Case, ...]] = CASES

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = Redis.plan(folder / "redis")
        self._relay = ByteRelay(self.server.address.port)
        self._port = 0
        self._traffic = Traffic(_HIT_RATE)
        self._replica: Child | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Both servers, the keys, and a service that is connected."""
        with Processes() as processes, self._relay.running() as self._port:
            [_, self._replica] = self.server.start(processes)
            with self._client() as client:
                client.config_set("maxmemory", LIMIT)
                client.config_set("maxmemory-policy", "allkeys-lru")
            self._fill()
            with self._client() as self._service, self._traffic.running(self.server.address.dsn().get_secret_value()):
                self._service.ping()
                yield

    def sections(self) -> Sections:
        """The primary, through the relay, by the name that each platform has for it."""
        return {"redis": {name: {"url": f"env:{_SECRET}"} for name in ("cache", "main")}}

    def secrets(self) -> dict[str, str]:
        """Its URL with the password."""
        plain = self.server.address.dsn().get_secret_value()
        return {_SECRET: plain.replace(f":{self.server.address.port}/", f":{self._port}/")}

    @fault
    def configured(self, *settings: str) -> Iterator[None]:
        """Settings have other values: a name and a value, in turn."""
        wanted = dict(zip(settings[::2], settings[1::2], strict=True))
        with self._client() as client:
            before = {name: client.config_get(name)[name] for name in wanted}
            for name, value in wanted.items():
                client.config_set(name, value)
            yield
            for name, value in before.items():
                client.config_set(name, value)
            self._await("aof_rewrite_in_progress", 0)

    @fault
    def replica_gone(self) -> Iterator[None]:
        """The replica follows nobody."""
        with self._client(replica=True) as client:
            client.replicaof("NO", "ONE")
            self._await("connected_slaves", 0)
            yield
            client.replicaof("127.0.0.1", str(self.server.address.port))
        self._await_replica()

    @fault
    def replica_stands_still(self) -> Iterator[None]:
        """The replica is connected, and does nothing."""
        assert self._replica is not None
        os.kill(self._replica.pid, signal.SIGSTOP)
        yield
        os.kill(self._replica.pid, signal.SIGCONT)
        self._await_replica()

    @fault
    def demoted(self) -> Iterator[None]:
        """The primary became a replica itself."""
        with self._client(replica=True) as other, self._client() as client:
            other.replicaof("NO", "ONE")
            client.replicaof("127.0.0.1", str(self.server.address.replica_port))
            yield
            client.replicaof("NO", "ONE")
            other.replicaof("127.0.0.1", str(self.server.address.port))
        self._await_replica()

    @fault
    def snapshot_fails(self) -> Iterator[None]:
        """The last snapshot could not be written."""
        with self._client() as client:
            (self.server.folder / "primary" / "folder").mkdir(exist_ok=True)
            client.config_set("dbfilename", "folder")
            client.bgsave()
            self._await("rdb_last_bgsave_status", "err")
            yield
            client.config_set("dbfilename", "dump.rdb")
            client.bgsave()
            self._await("rdb_last_bgsave_status", "ok")

    @fault
    def snapshot_old(self) -> Iterator[None]:
        """The last snapshot was made two days ago."""
        self._relay.replaced[_SAVED] = str(int(time.time()) - 2 * _DAY).encode()
        yield
        self._relay.replaced.clear()

    @fault
    def emptied(self) -> Iterator[None]:
        """Somebody flushed everything."""
        with self._client() as client:
            client.flushall()
        yield
        self._fill()

    @fault
    def key_left(self, name: str, seconds: str, size: str) -> Iterator[None]:
        """Somebody left a key: with a time to live (0: none), and a value of so many bytes."""
        with self._client() as client:
            client.set(name, "x" * int(size), ex=int(seconds) or None)
            yield
            client.delete(name)

    @fault
    def key_elsewhere(self, name: str, seconds: str, size: str) -> Iterator[None]:
        """The same, in a database of the server that no service uses."""
        with self._client() as client:
            client.select(1)
            client.set(name, "x" * int(size), ex=int(seconds) or None)
            yield
            client.delete(name)

    @fault
    def lookups_miss(self, found: str = "20") -> Iterator[None]:
        """Of what is looked for, only so many % are there."""
        self._look_up(float(found) / 100)
        yield
        self._look_up(_HIT_RATE)

    @fault
    def nearly_full(self) -> Iterator[None]:
        """The memory that it may take is taken."""
        with self._client() as client:
            client.config_set("maxmemory", int(int(client.info("memory")["used_memory"]) / 0.95))
            yield
            client.config_set("maxmemory", LIMIT)

    @fault
    def evicting(self) -> Iterator[None]:
        """It is so full that it throws keys away."""
        with self._client() as client:
            client.config_set("maxmemory", int(client.info("memory")["used_memory"]) - 100_000)
            client.set("session:one-more", "x", ex=60)
            self._await("evicted_keys", lambda count: int(str(count)) > 0)
            client.config_set("maxmemory", LIMIT)
        yield
        self._fill()

    @fault
    def crowded(self) -> Iterator[None]:
        """Services open connections and do not close them."""
        with contextlib.ExitStack() as crowd:
            for _ in range(60):
                crowd.enter_context(self._client()).ping()
            yield
        self._await("connected_clients", lambda count: int(str(count)) < 10)

    @fault
    def services_gone(self) -> Iterator[None]:
        """No service is connected."""
        self._service.connection_pool.disconnect()
        with self._client() as client, self._traffic.stopped(client):
            client.connection_pool.disconnect()
            self._await("connected_clients", 1)  # the one who asks
            yield
        self._service.ping()

    @fault
    def looked_up_lately(self, found: str) -> Iterator[None]:
        """Only so many % are found now, and it was better for so long that the average does not show it."""
        with self._client() as client:
            for _ in range(2_000):
                look_up(client, 1)
        with self._traffic.still:
            self._traffic.rate = float(found) / 100
        yield
        self._look_up(_HIT_RATE)

    @fault
    def nobody_asks(self) -> Iterator[None]:
        """Nothing is looked up for a while."""
        with self._traffic.still:
            yield

    @fault
    def keys_gone(self, pattern: str) -> Iterator[None]:
        """No key is left whose name is like that."""
        with self._client() as client:
            client.delete(*client.keys(pattern))
        yield
        self._fill()

    @fault
    def somebody_waits(self) -> Iterator[None]:
        """A client waits for a list that nobody fills."""
        with self._client() as client:
            connection = client.connection_pool.get_connection()
            connection.send_command("BLPOP", "session:nobody", 0)
            self._await("blocked_clients", 1)
            yield
            connection.disconnect()
        self._await("blocked_clients", 0)

    def _fill(self) -> None:
        with self._client() as client, client.pipeline(transaction=False) as batch:
            batch.flushall()
            for number in range(60):
                batch.set(f"session:{number}", "a customer", ex=3600)
                batch.hset(f"quote:{number}", mapping={"bid": "1", "ask": "2"})
                batch.expire(f"quote:{number}", 1800)
            batch.set("rate-limit:api", 7, ex=1800)
            for number in range(20):
                batch.set(f"quote:book-{number}", gzip.compress(os.urandom(20_000)), ex=_DAY - 60)
            batch.execute()
        self._look_up(_HIT_RATE)

    def _look_up(self, rate: float) -> None:
        """Of the lookups since the statistics began, and of those to come, so many are answered."""
        with self._client() as client, self._traffic.still:
            self._traffic.rate = rate
            client.config_resetstat()
            look_up(client, rate)

    def _await_replica(self) -> None:
        with self._client(replica=True) as client:
            while client.info("replication").get("master_link_status") != "up":
                time.sleep(_POLL)
        self._await("connected_slaves", 1)
        self._await("slave0", lambda line: isinstance(line, dict) and line["state"] == "online")

    def _await(self, name: str, value: object) -> None:
        """Until INFO says so."""
        with self._client() as client:
            while True:
                found = client.info("everything").get(name)
                if value(found) if callable(value) else found == value:
                    return
                time.sleep(_POLL)

    def _client(self, *, replica: bool = False) -> "redis.Redis":
        return redis.Redis.from_url(self.server.address.dsn(replica=replica).get_secret_value(), decode_responses=True)
