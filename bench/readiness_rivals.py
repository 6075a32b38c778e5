"""The same checks by others, for comparison: plain Prefect with a task a check, and Chaos Toolkit with a probe a check.

    python -m bench.readiness_rivals [--checks 400]

Nothing here has a goal: it says what a sweep is compared with. Chaos Toolkit is not among our dependencies; where it is
not installed (`pip install 'tminus[rivals]'`) its line says so. It looks at its steady state twice, before and after.
"""

import argparse
import asyncio
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from bench.readiness import WAIT_MS, bare_loop, prefect_server, site, swept


def main(words: Sequence[str] | None = None) -> int:
    """Prints one JSON line for each way to do it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checks", type=int, default=400)
    checks = parser.parse_args(words).checks
    with tempfile.TemporaryDirectory() as temporary, site() as address:
        folder = Path(temporary)
        bare = asyncio.run(bare_loop(address, checks))
        _figure("bare_loop", bare, bare)
        with prefect_server(folder, wanted=True) as api:
            _figure("tminus_whole_run", swept(folder / "tminus", address, checks, f"/wait/{WAIT_MS}", api)[1], bare)
            _figure("prefect_task_a_check", _plain_prefect(address, checks, api), bare)
        if importlib.util.find_spec("chaoslib") is None:
            print(json.dumps({"figure": "chaos_toolkit", "skipped": "pip install 'tminus[rivals]'"}))
        else:
            _figure("chaos_toolkit", _chaos_toolkit(folder, address, checks), bare)
    return 0


def _plain_prefect(address: str, checks: int, api: str) -> float:
    """As one would write it at first: each check a task, all gathered."""
    from prefect import flow, task
    from prefect.settings import PREFECT_API_URL, temporary_settings

    @task
    async def check(client: httpx.AsyncClient) -> bool:
        return bool((await client.get(f"{address}/wait/{WAIT_MS}")).json()["status"] == "ok")

    @flow
    async def checklist() -> None:
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            await asyncio.gather(*(check(client) for _ in range(checks)))

    with temporary_settings({PREFECT_API_URL: api}):
        started = time.perf_counter()
        asyncio.run(checklist())
        return time.perf_counter() - started


def _chaos_toolkit(folder: Path, address: str, checks: int) -> float:
    probe = {"type": "http", "url": f"{address}/wait/{WAIT_MS}", "timeout": 10}
    probes = [{"type": "probe", "name": f"check {n}", "tolerance": 200, "provider": probe} for n in range(checks)]
    experiment = {
        "version": "1.0.0",
        "title": "A checklist",
        "description": "Every check a probe of the steady state.",
        "steady-state-hypothesis": {"title": "All is well", "probes": probes},
        "method": [],
    }
    path = folder / "experiment.json"
    path.write_text(json.dumps(experiment), "utf-8")
    argv = [sys.executable, "-m", "chaostoolkit", "--no-version-check", "run", str(path)]
    started = time.perf_counter()
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


def _figure(name: str, seconds: float, bare: float) -> None:
    line = {"figure": name, "value": round(seconds, 2), "unit": "s", "over_bare_loop": round(seconds / bare, 2)}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main())
