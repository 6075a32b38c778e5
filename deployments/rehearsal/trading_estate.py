"""The trading service as a part of the estate: its platform with the pools blue and green, and its traffic."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import SecretStr

from deployments.rehearsal.addresses import HOST, Address, PostgresAddress, made_up, plain
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.readiness import http_answers
from deployments.rehearsal.trading_builds import trading_build
from deployments.rehearsal.trading_schema import create_trading_schema, seed_trading_rows

POOLS = ("blue", "green")
_MODULE = (sys.executable, "-m")


class TradingAddress(Address):
    """The platform's API, the ports of each pool's places, and the files in which effects can be counted."""

    port: int
    pools: Mapping[str, Sequence[int]]
    folder: Path

    @property
    def url(self) -> str:
        """What platformctl takes as PLATFORM_URL."""
        return f"http://{HOST}:{self.port}"

    @property
    def ctl(self) -> tuple[str, ...]:
        """The command line to which platformctl's verb and options are added."""
        return (*_MODULE, "deployments.rehearsal.platformctl", "--url", self.url)

    @property
    def faults(self) -> Path:
        """The faults file (fault_file.py)."""
        return self.folder / "faults.json"

    @property
    def deployments(self) -> Path:
        """One JSON line for each roll-out that the platform applied."""
        return self.folder / "platform" / "deployments.jsonl"

    @property
    def logs(self) -> Path:
        """The folder of the instances' structured logs, ``<pool>-<number>.jsonl``."""
        return self.folder / "platform" / "logs"

    @property
    def traffic(self) -> Path:
        """The traffic's own record (traffic_record.py)."""
        return self.folder / "traffic.jsonl"

    def roll_out(self, pool: str, version: str) -> tuple[str, ...]:
        """The command line that has the whole pool run a version."""
        build = trading_build(version)
        digests = ("--artifact-digest", build.artifact_digest, "--config-digest", build.config_digest)
        size = str(len(self.pools[pool]))
        return (*self.ctl, "roll-out", "--pool", pool, "--version", version, *digests, "--instances", size)


@dataclass(frozen=True)
class Trading:
    """The service's tables, platform and traffic; no instance runs until a roll-out asks for it."""

    address: TradingAddress
    jwt_key: SecretStr

    @classmethod
    def plan(cls, folder: Path, *, instances: int = 3) -> Self:
        """Choose ports and the key of its tokens; nothing is started yet."""
        pools = {pool: tuple(free_port() for _ in range(instances)) for pool in POOLS}
        return cls(TradingAddress(port=free_port(), pools=pools, folder=folder), made_up())

    def make_tables(self, postgres: PostgresAddress) -> None:
        """Create and seed the tables; PostgreSQL runs already. Raises psycopg.Error where they cannot be made."""
        dsn = postgres.dsn("trading").get_secret_value()
        create_trading_schema(dsn)
        seed_trading_rows(dsn)

    def start_platform(
        self, processes: Processes, dsn: str, redis_url: str, more: Mapping[str, SecretStr] | None = None
    ) -> Child:
        """Start the platform alone, with empty pools; its instances get addresses and key through its environment.

        `more` are variables that they get besides. Raises ServerDidNotStart.
        """
        address = self.address
        address.folder.mkdir(parents=True, exist_ok=True)
        pools = (part for pool, ports in address.pools.items() for part in ("--pool", _places(pool, ports)))
        options = ("--state", str(address.deployments.parent), "--port", str(address.port), *pools)
        return processes.start(
            "platform",
            [*_MODULE, "deployments.rehearsal.orchestrator", *options],
            env={**self.environment(dsn, redis_url), **plain(more or {})},
            log=address.folder / "platform.log",
            ready=http_answers(address.port, "/pools"),
        )

    def start_traffic(self, processes: Processes, url: str, *, rate: float = 60.0, seed: int = 1) -> Child:
        """Start customers' traffic towards ``url`` (the load balancer), ``rate`` requests a second."""
        options = ("--url", url, "--record", str(self.address.traffic), "--rate", str(rate), "--seed", str(seed))
        return processes.start(
            "traffic",
            [*_MODULE, "deployments.rehearsal.traffic", *options],
            log=self.address.folder / "traffic.log",
        )

    def environment(self, dsn: str, redis_url: str) -> dict[str, str]:
        """What the platform hands to every instance."""
        return {
            "TRADING_PG_DSN": dsn,
            "TRADING_REDIS_URL": redis_url,
            "TRADING_JWT_KEY": self.jwt_key.get_secret_value(),
            "TRADING_FAULTS": str(self.address.faults),
        }


def _places(pool: str, ports: Sequence[int]) -> str:
    return f"{pool}={','.join(str(port) for port in ports)}"
