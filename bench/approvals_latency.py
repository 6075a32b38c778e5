"""From a decision to the next task, over HTTP on real servers; beside it Prefect's own pause, in the same run.

- tminus: from the first byte of a signed press to the moment that the next check's body observed, in a launch that a
  real worker conducts (bench.gates). Its ledger is a PostgreSQL server of its own; two gateways run, and presses go to
  either in turn.
- Prefect: from the first byte of a resume request to its API to the next task's body, for a flow that waits in
  `pause_flow_run` at its default `poll_interval` (10 s) and at `poll_interval=1`, on the same server. It asks the
  server again after each interval, so it matters when a person answers; here people answer at any moment of an interval
  alike. These figures are for comparison and have no goal.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import TypeVar

import httpx
from ruamel.yaml import YAML

from bench import gates
from bench.approvals_figure import Figure, below, percentile
from deployments.rehearsal.addresses import plain
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.faults import FAULTS
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.whole_estate import WholeEstate

_T = TypeVar("_T")
_MS = 1000.0
_P50_MS, _P99_MS = 100.0, 500.0
_INTERVALS = (10, 1)  # seconds; the first is Prefect's default
_LONGEST = 60.0


def figures(decisions: int, pauses: int, seed: str) -> Iterator[Figure]:
    """Starts a ledger and an estate, passes so many gates, then resumes so many pauses of each kind."""
    with tempfile.TemporaryDirectory(prefix="tminus-bench-") as made, Processes() as processes:
        folder = Path(made)
        folder.chmod(0o755)  # PostgreSQL runs as another account
        ledger = Postgres.plan(folder / "ledger", standby=False)
        ledger.start(processes)
        estate = WholeEstate(folder, FAULTS["none"], "5s", ledger=ledger.address.dsn("postgres"))
        gates.leave_gates_to_us(estate.documents.simulated)
        os.environ.update(estate.environment())
        with estate:
            yield from _tminus(estate, folder, decisions)
            for interval in _INTERVALS:
                yield from _prefect(estate, folder, interval, pauses, Random(seed))


def _tminus(estate: WholeEstate, folder: Path, decisions: int) -> Iterator[Figure]:
    port = free_port()
    estate.start_gateway("second gateway", beside(estate.documents.environment, port), port)
    launch = gates.launched(estate, gates.book(folder / "gates.yaml", decisions))
    passed = gates.pass_gates(estate, launch, decisions, 1, [port])
    moved = [one.moved_on * _MS for one in passed]
    of = f"ms, of {len(moved)} decisions, two gateways on PostgreSQL"
    yield below("decision_to_next_task_ms.p50", percentile(moved, 0.5), of, _P50_MS)
    yield below("decision_to_next_task_ms.p99", percentile(moved, 0.99), of, _P99_MS)


def beside(environment: Path, port: int) -> Path:
    """The same environment, for a gateway at another port."""
    yaml, other = YAML(), environment.with_name("environment-second.yaml")
    sections = yaml.load(environment)
    sections["gateway"]["port"] = port
    with other.open("w", encoding="utf-8") as file:
        yaml.dump(sections, file)
    return other


def _prefect(estate: WholeEstate, folder: Path, interval: int, pauses: int, chance: Random) -> Iterator[Figure]:
    bodies = folder / f"bodies-{interval}"
    prefect = plain(estate.servers.addresses.prefect.environment())
    env = {**os.environ, **prefect, **estate.processes.mark()}
    argv = [sys.executable, "-m", "bench.approvals_pause", str(pauses), str(interval), str(bodies)]
    with subprocess.Popen(argv, env=env, cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as flow:
        try:
            resumed = _resumed(estate.servers.addresses.prefect.api_url, bodies, interval, pauses, chance)
        finally:
            flow.terminate()
    began = [float(line) for line in bodies.read_text("utf-8").splitlines() if not line.startswith("run ")]
    took = [(body - pressed) * _MS for body, pressed in zip(began, resumed, strict=True)]
    of, name = f"ms, of {len(took)} resumes", f"prefect_pause_to_next_task_ms.poll_interval_{interval}"
    yield Figure(f"{name}.p50", percentile(took, 0.5), of)
    yield Figure(f"{name}.p99", percentile(took, 0.99), of)


def _resumed(api: str, bodies: Path, interval: int, pauses: int, chance: Random) -> Sequence[float]:
    """When each pause was resumed (Unix seconds), at any moment of an interval alike."""
    found: list[float] = []
    with httpx.Client(base_url=api, trust_env=False, timeout=10) as client:
        run = _awaited(lambda: _line(bodies, 0)).removeprefix("run ")
        for number in range(pauses):
            _awaited(lambda: _state(client, run) == "PAUSED")
            time.sleep(chance.uniform(0.2, 0.2 + interval))
            found.append(_awaited(partial(_pressed, client, run)))
            _awaited(partial(_line, bodies, number + 1))
    return found


def _pressed(client: httpx.Client, run: str) -> float:
    """When Resume was pressed; 0 where the server was too busy to take it (503), so that it is pressed anew."""
    began = time.time()
    answer = client.post(f"/flow_runs/{run}/resume", json={})
    if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return 0.0
    answer.raise_for_status()
    return began


def _state(client: httpx.Client, run: str) -> str:
    state = client.get(f"/flow_runs/{run}").raise_for_status().json()["state"]
    return str(state["type"])


def _line(path: Path, number: int) -> str:
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return lines[number] if len(lines) > number else ""


def _awaited(look: Callable[[], _T]) -> _T:
    """What a look finds, as soon as it finds anything."""
    until = time.monotonic() + _LONGEST
    while not (found := look()):
        if time.monotonic() > until:
            raise TimeoutError(f"Prefect's own pause did not get on within {_LONGEST:g} s")
        time.sleep(0.02)
    return found
