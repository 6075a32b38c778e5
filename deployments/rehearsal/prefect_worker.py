"""Deploys the checkout's prefect.yaml, then works for its pool: the two commands a release manager would type.

Run as `python -m deployments.rehearsal.prefect_worker POOL` from the checkout. Both commands run in one process because
each would spend more than a second of a core on the same imports; these happen while the server still starts.
"""

import sys
import time

import httpx
import prefect.cli.deploy
import prefect.cli.worker
import prefect.workers.process
from prefect.cli import app
from prefect.settings import get_current_settings

_PATIENCE = 120.0  # seconds until the server must have answered


def main(work_pool: str) -> None:
    """Wait for the server, make the pool, deploy everything, and work until told to stop."""
    api = get_current_settings().api.url
    if api is None:
        sys.exit("PREFECT_API_URL is not set: the worker would start a server of its own. Set it and start again")
    with httpx.Client(base_url=api, timeout=10) as client:
        _await_server(client)
        _make_pool(client, work_pool)
    _prefect("--no-prompt", "deploy", "--all")
    _prefect("worker", "start", "--pool", work_pool, "--type", "process")


def _await_server(client: httpx.Client) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            if client.get("/health").is_success:
                return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                sys.exit(f"The Prefect server at {client.base_url} has not answered for {_PATIENCE:g} s; see its log")
        time.sleep(0.05)


def _make_pool(client: httpx.Client, work_pool: str) -> None:
    answer = client.post("/work_pools/", json={"name": work_pool, "type": prefect.workers.process.ProcessWorker.type})
    if answer.status_code != httpx.codes.CONFLICT:  # it exists already
        answer.raise_for_status()


def _prefect(*arguments: str) -> None:
    """Run Prefect's command line as its console script does. Leaves with its status unless that is 0."""
    sys.argv = ["prefect", *arguments]
    try:
        app()
    except SystemExit as left:
        if left.code:
            raise


if __name__ == "__main__":
    main(sys.argv[1])
