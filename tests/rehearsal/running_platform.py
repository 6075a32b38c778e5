"""A platform that runs, and its command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.trading_builds import trading_build
from deployments.rehearsal.trading_estate import Trading

if TYPE_CHECKING:
    from tests.rehearsal.conftest import TradingServers


PYTHON = [sys.executable, "-m"]


WITHIN_S = 20.0


@dataclass(frozen=True)
class Platform:
    """A running platform and its command line."""

    url: str
    state: Path
    faults: Path
    child: Child

    def ctl(self, verb: str, pool: str, *more: str) -> tuple[int, dict[str, Any]]:
        """Run one verb in a process of its own: exit status and the JSON line that it printed."""
        command = [*PYTHON, "deployments.rehearsal.platformctl", verb, "--pool", pool, *more]
        done = subprocess.run(
            command, env={**os.environ, "PLATFORM_URL": self.url}, capture_output=True, text=True, check=False
        )
        assert done.stdout.count("\n") == 1, done.stderr
        return done.returncode, json.loads(done.stdout)

    def roll_out(self, pool: str, version: str, *more: str) -> tuple[int, dict[str, Any]]:
        """Roll three instances of a version out."""
        return self.ctl("roll-out", pool, *image(version), *more)

    def probe(self, pool: str, version: str) -> int:
        """Exit status of asking whether a version is rolled out."""
        return self.ctl("probe", pool, *image(version))[0]

    def pool(self, pool: str) -> dict[str, Any]:
        """The pool as the platform shows it."""
        shown: dict[str, Any] = httpx.get(f"{self.url}/pools/{pool}", trust_env=False).json()
        return shown

    def states(self, pool: str) -> list[str]:
        """States of the pool's instances."""
        return [one["state"] for one in self.pool(pool)["instances"]]

    def deployments(self) -> list[dict[str, Any]]:
        """What was applied, as the platform recorded it."""
        path = self.state / "deployments.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def image(version: str) -> list[str]:
    """Arguments that name three instances of a version."""
    build = trading_build(version)
    digests = ["--artifact-digest", build.artifact_digest, "--config-digest", build.config_digest]
    return ["--version", version, *digests, "--instances", "3"]


def version_at(address: str) -> str:
    """The version that an instance itself reports."""
    return str(httpx.get(f"http://{address}/version", trust_env=False).json()["version"])


def runs(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Look until it holds; fails after a generous while, saying what did not come."""
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {WITHIN_S} s"
        time.sleep(0.02)


def start(processes: Processes, trading: Trading, servers: TradingServers) -> Platform:
    """Start the planned platform with empty pools."""
    child = trading.start_platform(processes, servers.dsn, servers.redis_url)
    address = trading.address
    return Platform(address.url, address.deployments.parent, address.faults, child)
