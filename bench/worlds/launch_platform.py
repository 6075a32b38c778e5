"""A service as a launch leaves it: real nginx, PostgreSQL and Redis, and the trading service's instances as processes.

What goes wrong in the service itself goes wrong in one instance of three, unless a journey must meet it.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from pydantic import JsonValue

from bench.worlds.launch_cases import CASES, PASSWORD
from bench.worlds.launch_front import LaunchFront
from bench.worlds.launch_instance import Change, write_changes
from bench.worlds.launch_servers import POOLS, SERVICE, Instance, LaunchServers
from bench.worlds.launch_service import service
from bench.worlds.launch_traffic import Traffic
from bench.worlds.world import Case, Sections, fault
from deployments.rehearsal.addresses import made_up
from deployments.rehearsal.fault_file import ServiceFaults, write_faults
from deployments.rehearsal.trading_builds import NEXT, PREVIOUS, Build, trading_build

_WARM = 15  # requests
_CROWD = 24  # customers
_CROWDED = 2.0  # seconds, until what they asked for is counted
_COUNTED = ("error_rate", "latency_factor")
_SOON = 0.3  # seconds
_CLOCK = 2.2  # seconds; a process's start is known to the second, and one more is allowed for


class LaunchPlatform(LaunchFront):
    """Three instances of the new version serve, one of the previous version waits, and customers ask."""

    system: ClassVar[str] = "launch_platform"
    real: ClassVar[bool] = True
    long: ClassVar[bool] = True
    cases: ClassVar[tuple[Case, ...]] = CASES

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.servers = LaunchServers(folder)
        self.traffic = Traffic(self.servers.front)
        self._password = made_up()
        self._services = {SERVICE: "/health", "gateway": "/live"}
        self._warm = _WARM

    @contextmanager
    def running(self) -> Iterator[None]:
        """All servers, and customers."""
        with self.servers.running(), self.traffic.running():
            self.traffic.send(_WARM)
            yield

    def sections(self) -> Sections:
        """The service, and the same once more, as one whose health is plain text."""
        return {"services": {name: self._service(health) for name, health in self._services.items()}}

    def before_a_launch(self, requests: int) -> None:
        """From now on the service is alone, its idle pool has the new version too, and so many requests are counted."""
        self._services = {SERVICE: "/health"}
        for one in self._all("green"):
            self._run(one, trading_build(NEXT))
        self._warm = requests
        self._begin_anew("blue")

    def secrets(self) -> dict[str, str]:
        """The password with which the journey opens its account."""
        return {PASSWORD: self._password.get_secret_value()}

    def silent(self) -> tuple[Sections, dict[str, str]]:
        """Nothing is left of nginx, of the logs, or of the password: a front door that is closed would be a failure."""
        nowhere = service(self.folder, logs=[f"{self.folder}-that-is-not-there/*.jsonl"])
        return {"services": {SERVICE: nowhere, "gateway": nowhere}}, {}

    def release(self) -> Sections:
        """The new version, and the previous one to go back to."""
        builds = {version: _released(trading_build(version)) for version in (NEXT, PREVIOUS)}
        return {"services": {SERVICE: {**builds[NEXT], "rollback_to": builds[PREVIOUS]}}}

    @contextmanager
    def broken(self, which: str | tuple[str, ...]) -> Iterator[None]:
        """As in every world; what the instances logged meanwhile is forgotten afterwards."""
        sizes = {one.log: one.log.stat().st_size for one in self._all("all")}
        with super().broken(which):
            yield
        for log, size in sizes.items():
            os.truncate(log, size)

    @fault
    def instance_down(self, name: str) -> Iterator[None]:
        """A process was killed, and nothing listens where it did."""
        self.servers.end(*self._all(name))
        yield
        self.servers.start(*self._all(name))

    @fault
    def instance_hangs(self, name: str) -> Iterator[None]:
        """A process is there, takes connections, and does nothing."""
        pids = [one.child.pid for one in self._all(name) if one.child is not None]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    @fault
    def restarted(self, name: str) -> Iterator[None]:
        """A process was replaced some time after the switch, and what it had counted is lost."""
        switched = self.servers.include.stat()
        time.sleep(max(0.0, switched.st_mtime + _CLOCK - time.time()))
        self.servers.end(*self._all(name))
        self.servers.start(*self._all(name))
        os.utime(self.servers.include, ns=(switched.st_atime_ns, switched.st_mtime_ns))
        yield
        self.servers.include.touch()

    @fault
    def restarts_soon(self, name: str) -> Iterator[None]:
        """A process is replaced while somebody looks."""
        soon = threading.Timer(_SOON, self._begin_anew, [name])
        soon.start()
        yield
        soon.join()

    @fault
    def goes_wrong(self, name: str, what: str, value: str) -> Iterator[None]:
        """One of the faults of the service itself (fault_file.py), its value given as JSON."""
        for one in self._all(name):
            write_faults(one.faults, {one.build.version: ServiceFaults(**{what: json.loads(value)})})
        yield
        if what in _COUNTED:
            self._begin_anew(name)
        for one in self._all(name):
            write_faults(one.faults, {})

    @fault
    def went_wrong(self, name: str) -> Iterator[None]:
        """Requests failed for a while, and no longer do; the instances counted and logged them."""
        for one in self._all(name):
            write_faults(one.faults, {one.build.version: ServiceFaults(error_rate=1.0)})
        self.traffic.send(_WARM)
        for one in self._all(name):
            write_faults(one.faults, {})
        yield
        self._begin_anew(name)

    @fault
    def is_slow_in_a_crowd(self, factor: str) -> Iterator[None]:
        """The service takes so many times as long, while enough customers ask for that to be counted soon."""
        for one in self._all("blue"):
            write_faults(one.faults, {one.build.version: ServiceFaults(latency_factor=float(factor))})
        with self.traffic.crowd(_CROWD):
            time.sleep(_CROWDED)
            yield
        self._begin_anew("blue")

    @fault
    def wrote(self, name: str, text: str) -> Iterator[None]:
        """An instance wrote a line that is no JSON into its log."""
        [one] = self._all(name)
        with one.log.open("a", encoding="utf-8") as log:
            log.write(f"{text}\n")
        yield

    @fault
    def build_is(self, name: str, what: str) -> Iterator[None]:
        """An instance runs the other pool's version, or an artifact or a configuration that nobody released."""
        [one] = self._all(name)
        right = one.build
        other = {
            "version": trading_build(PREVIOUS if right.version == NEXT else NEXT),
            "artifact": replace(right, artifact_digest=f"sha256:{'e' * 64}"),
            "config": replace(right, config_digest=f"sha256:{'f' * 64}"),
        }
        self._run(one, other[what])
        yield
        self._run(one, right)

    @fault
    def answers(self, name: str, at: str, status: str) -> Iterator[None]:
        """A request is answered with a status, and nothing else; a WebSocket is refused."""
        yield from self._altered(name, Change(at=at, status=int(status)))

    @fault
    def shows(self, name: str, at: str, text: str) -> Iterator[None]:
        """A request is answered with a text, and status 200."""
        yield from self._altered(name, Change(at=at, text=text))

    @fault
    def says(self, name: str, at: str, old: str, new: str) -> Iterator[None]:
        """A text of an answer, of its headers or of a stream's messages is another."""
        yield from self._altered(name, Change(at=at, old=old, new=new))

    @fault
    def is_slow(self, name: str, at: str, seconds: str) -> Iterator[None]:
        """An answer takes longer."""
        yield from self._altered(name, Change(at=at, delay=float(seconds)))

    @fault
    def traffic_is(self, rate: str) -> Iterator[None]:
        """Fewer customers come, or none."""
        with self.traffic.at(float(rate)):
            yield

    @fault
    def redis_down(self) -> Iterator[None]:
        """Redis ended."""
        self.servers.end_redis()
        yield
        self.servers.start_redis()

    @fault
    def database_refuses(self) -> Iterator[None]:
        """The service may no longer log in to its database, and its sessions were ended."""
        sessions = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'trading'"
        self.servers.database("ALTER ROLE trading NOLOGIN", sessions)
        yield
        self.servers.database("ALTER ROLE trading LOGIN")

    def _service(self, health: str) -> JsonValue:
        return service(
            self.folder,
            front=self.servers.front,
            config=self.servers.config,
            include=self.servers.include,
            pools={pool: self.servers.ports(pool) for pool in POOLS},
            logs=[f"{self.folder}/{pool}-*.jsonl" for pool in POOLS],
            health=health,
        )

    def _all(self, name: str) -> Sequence[Instance]:
        """One instance; or `all`, or those of a pool."""
        instances = self.servers.instances
        if name == "all":
            return [*instances.values()]
        return [instances[one] for one in POOLS.get(name, (name,))]

    def _run(self, one: Instance, build: Build) -> None:
        self.servers.end(one)
        one.build = build
        self.servers.start(one)

    def _begin_anew(self, name: str) -> None:
        """What was counted wrong is lost with the process that counted it."""
        self.servers.end(*self._all(name))
        self.servers.start(*self._all(name))
        self.traffic.send(self._warm)

    def _altered(self, name: str, change: Change) -> Iterator[None]:
        for one in self._all(name):
            write_changes(one.changes, [change])
        yield
        for one in self._all(name):
            write_changes(one.changes, [])


def _released(build: Build) -> dict[str, JsonValue]:
    return {"version": build.version, "artifact": build.artifact_digest, "config": build.config_digest}
