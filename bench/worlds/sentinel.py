"""Vatic's Sentinels: three real ones that watch a real Redis and its replica."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import redis

from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.redis_sentinel import Sentinels
from deployments.rehearsal.redis_servers import Redis

_SECRET = "TMINUS_WORLD_SENTINEL_{}"  # noqa: S105 - the name of a variable
_PRIMARY = "cache"
Seen = Mapping[str, object]
_POLL = 0.01  # seconds


class SentinelWorld(World):
    """Real Sentinels; each that was tampered with is started anew afterwards, as if it had never run."""

    system: ClassVar[str] = "sentinel"
    real: ClassVar[bool] = True
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "redis.sentinels",
            {"sentinels": "cache"},
            {
                "sentinels": "= all",
                "quorum": ">= 2",
                "replicas": ">= 1",
                "reachable": "= all",
                "able": "= all",
                "same": "= yes",
                "primary": "= up",
            },
            (
                "gone",
                "same_twice",
                "all_the_same",
                "forgetful",
                "believes_another",
                "quorum_of_one",
                "alone",
                "replica_down",
            ),
        ),
        Case("redis.sentinels", {"sentinels": "cache"}, {"same": "= yes"}, ("forgetful", "believes_another")),
        Case("redis.sentinels", {"sentinels": "cache"}, {"primary": "= up"}, ("primary_down",)),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = Redis.plan(folder / "redis")
        self.watch = Sentinels.plan(folder / "sentinels", self.server.address, primary=_PRIMARY)
        self._leads_to = list(range(len(self.watch.ports)))
        self._processes = Processes()
        self._children: list[Child] = []
        self._servers: list[Child] = []

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """A primary, a replica, three Sentinels."""
        with self._processes:
            self._servers = self.server.start(self._processes)
            self._children = self.watch.start(self._processes)
            yield

    def sections(self) -> Sections:
        """All three."""
        references = [f"env:{_SECRET.format(number)}" for number in range(len(self.watch.ports))]
        return {"sentinels": {"cache": {"urls": [*references], "primary": _PRIMARY}}}

    def secrets(self) -> dict[str, str]:
        """Their URLs."""
        numbers = range(len(self.watch.ports))
        return {_SECRET.format(number): self.watch.url(self._leads_to[number]).get_secret_value() for number in numbers}

    @fault
    def same_twice(self) -> Iterator[None]:
        """Two of the addresses lead to one Sentinel."""
        self._leads_to[2] = 1
        yield
        self._leads_to[2] = 2

    @fault
    def all_the_same(self) -> Iterator[None]:
        """All addresses lead to one Sentinel."""
        self._leads_to = [0 for _ in self._leads_to]
        yield
        self._leads_to = list(range(len(self.watch.ports)))

    @fault
    def gone(self) -> Iterator[None]:
        """One Sentinel does not run."""
        self._children[2].end(within=2)
        yield
        self._anew(2)

    @fault
    def forgetful(self) -> Iterator[None]:
        """One Sentinel no longer watches the primary."""
        self._tell(1, "REMOVE", _PRIMARY)
        yield
        self._anew(1)

    @fault
    def believes_another(self) -> Iterator[None]:
        """One Sentinel takes the replica for the primary."""
        self._tell(1, "REMOVE", _PRIMARY)
        self._tell(1, "MONITOR", _PRIMARY, "127.0.0.1", str(self.server.address.replica_port), "2")
        yield
        self._anew(1)

    @fault
    def quorum_of_one(self) -> Iterator[None]:
        """One Sentinel may declare the primary down by itself."""
        self._tell(0, "SET", _PRIMARY, "quorum", "1")
        yield
        self._anew(0)

    @fault
    def alone(self) -> Iterator[None]:
        """A Sentinel demands more agreement than there are Sentinels."""
        self._tell(0, "SET", _PRIMARY, "quorum", "5")
        yield
        self._anew(0)

    @fault
    def replica_down(self) -> Iterator[None]:
        """The replica does not answer, so there is nobody to fail over to."""
        os.kill(self._servers[1].pid, signal.SIGSTOP)
        self._await(lambda replicas, _: all("s_down" in str(one["flags"]) for one in replicas))
        yield
        os.kill(self._servers[1].pid, signal.SIGCONT)
        self._await(lambda replicas, _: all(one["flags"] == "slave" for one in replicas))

    @fault
    def primary_down(self) -> Iterator[None]:
        """The primary does not answer, and the Sentinels are too few to agree on anything about it."""
        for number in range(len(self.watch.ports)):
            self._tell(number, "SET", _PRIMARY, "quorum", "5")
        os.kill(self._servers[0].pid, signal.SIGSTOP)
        self._await(lambda _, primary: "s_down" in str(primary["flags"]))
        yield
        os.kill(self._servers[0].pid, signal.SIGCONT)
        self._await(lambda _, primary: primary["flags"] == "master")
        for number in range(len(self.watch.ports)):
            self._tell(number, "SET", _PRIMARY, "quorum", "2")

    def _anew(self, number: int) -> None:
        self._children[number].end(within=2)
        self._children[number] = self.watch.start_one(self._processes, number)

    def _tell(self, number: int, *words: str) -> None:
        with self._client(number) as client:
            client.execute_command(f"SENTINEL {words[0]}", *words[1:])

    def _await(self, holds: Callable[[list[Seen], Seen], bool]) -> None:
        """Until all Sentinels see the replicas, and the primary, so."""
        for number in range(len(self.watch.ports)):
            with self._client(number) as client:
                while not holds(client.sentinel_slaves(_PRIMARY), client.sentinel_master(_PRIMARY)):
                    time.sleep(_POLL)

    def _client(self, number: int) -> "redis.Redis":
        return redis.Redis.from_url(self.watch.url(number).get_secret_value(), decode_responses=True)
