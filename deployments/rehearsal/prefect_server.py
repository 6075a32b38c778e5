"""The Prefect server on SQLite, with its UI, and the worker that plays the launch."""

import contextlib
import importlib.metadata
import os
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx

from deployments.rehearsal.addresses import HOST, PrefectAddress, plain
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.readiness import http_answers

_READY_WITHIN = 90.0  # seconds; migrating a new SQLite file takes 10 s on an idle machine


@dataclass(frozen=True)
class PrefectServer:
    """One Prefect server, all its services on, nothing sent to its maker.

    Migrating a new database costs 7 s of its 10 s start, so the migrated file is kept, empty of runs, in the user's
    cache folder (XDG_CACHE_HOME, `~/.cache`) under Prefect's version, and later servers start from a copy.
    """

    address: PrefectAddress
    cache: Path

    @classmethod
    def plan(cls, folder: Path, cache: Path | None = None) -> Self:
        """Choose a port; nothing is started yet."""
        return cls(PrefectAddress(port=free_port(), home=folder), cache or cache_folder())

    def start(self, processes: Processes) -> list[Child]:
        """Start the server; ready when its API answers. Raises ServerDidNotStart."""
        child = self.launch(processes)
        self.await_ready(processes, child)
        return [child]

    def launch(self, processes: Processes) -> Child:
        """Start the server without waiting for it, so that its worker can be started after it and end before it."""
        address = self.address
        address.home.mkdir(parents=True, exist_ok=True)
        migrated = self._kept.is_file()
        if migrated:
            shutil.copyfile(self._kept, self._database)
        return processes.start(
            "prefect server",
            # What `prefect server start` runs, without importing Prefect's command line first.
            [
                *(sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"),
                *("--host", HOST, "--port", str(address.port), "--timeout-keep-alive", "5", "--log-level", "warning"),
            ],
            env=plain(address.environment()) | self._settings(migrated=migrated),
            cwd=address.home,
            log=address.home / "server.log",
        )

    def await_ready(self, processes: Processes, child: Child) -> None:
        """Wait until the API answers. Raises ServerDidNotStart."""
        processes.await_ready(child, http_answers(self.address.port, "/api/health"), _READY_WITHIN)
        if not self._kept.is_file():
            self._keep_migrated()

    @property
    def _database(self) -> Path:
        return self.address.home / "prefect.db"

    @property
    def _kept(self) -> Path:
        return self.cache / f"prefect-{importlib.metadata.version('prefect')}-migrated.db"

    def _settings(self, *, migrated: bool) -> dict[str, str]:
        return {
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
            "PREFECT_SERVER_UI_API_URL": self.address.api_url,
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{self._database}",
            "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": str(not migrated).lower(),
            "PREFECT_API_BLOCKS_REGISTER_ON_START": str(not migrated).lower(),
        }

    def _keep_migrated(self) -> None:
        """Keep a consistent copy of the fresh database; two rehearsals at once may both do so, the last one wins."""
        self.cache.mkdir(parents=True, exist_ok=True)
        draft = self._kept.with_suffix(f".{os.getpid()}")
        source, target = sqlite3.connect(self._database), sqlite3.connect(draft)
        with contextlib.closing(source), contextlib.closing(target):
            source.backup(target)
        draft.replace(self._kept)


def start_worker(
    processes: Processes, prefect: PrefectAddress, environment: Mapping[str, str], checkout: Path = CHECKOUT
) -> Child:
    """Deploy a checkout's prefect.yaml and work for its pool; ready when the server has heard from the worker.

    `environment` is added to what the flows see: the references to secrets, resolved. Needs no running server yet: it
    imports while the server starts, and waits for it. Raises ServerDidNotStart, also where a deployment is refused.
    """
    temporary = prefect.home / "tmp"  # a worker leaves a folder there that nobody clears away
    temporary.mkdir(parents=True, exist_ok=True)
    return processes.start(
        "prefect worker",
        [sys.executable, "-m", "deployments.rehearsal.prefect_worker", prefect.work_pool],
        env={
            **plain(prefect.environment()),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "TMPDIR": str(temporary),
            **environment,
        },
        cwd=checkout,
        log=prefect.home / "worker.log",
        ready=lambda: _workers(prefect) > 0,
        ready_within=_READY_WITHIN + 30,
    )


def _workers(prefect: PrefectAddress) -> int:
    """How many workers the server has heard from; 0 while it does not answer."""
    try:
        answer = httpx.post(f"{prefect.api_url}/work_pools/{prefect.work_pool}/workers/filter", json={}, timeout=2)
    except httpx.TransportError:
        return 0
    return len(answer.json()) if answer.is_success else 0


def cache_folder() -> Path:
    """The user's cache folder for what every rehearsal would compute again."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tminus"
