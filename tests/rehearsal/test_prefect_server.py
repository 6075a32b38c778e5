"""The Prefect server of the rehearsal and its worker: the path that production takes, on a fresh database each time."""

import datetime as dt
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from deployments.rehearsal.prefect_server import PrefectServer, start_worker
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.server_errors import ServerDidNotStart

pytestmark = pytest.mark.long  # whole launches have one, too
ROOT = Path(__file__).parents[2]
FLOW = """
import os
from pathlib import Path
from prefect import flow
@flow
def count_down():
    Path(os.environ["ANSWER"]).write_text("lift-off")
"""
PREFECT_YAML = """
name: a-checkout
deployments:
  - name: t-zero
    entrypoint: countdown.zero.count_down
    work_pool: {name: tminus}
"""


@dataclass(frozen=True)
class Running:
    """A server with a worker on a small checkout of its own."""

    server: PrefectServer
    api: httpx.Client
    answer: Path
    cache: Path


def checkout(folder: Path, book: str = PREFECT_YAML) -> Path:
    """A checkout with a prefect.yaml and one flow."""
    package = folder / "countdown"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "zero.py").write_text(FLOW, encoding="utf-8")
    (folder / "prefect.yaml").write_text(book, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Server and worker, started together as the rehearsal does."""
    folder = tmp_path_factory.mktemp("prefect")
    server = PrefectServer.plan(folder / "home")
    environment = {"PYTHONPATH": str(ROOT), "ANSWER": str(folder / "answer")}
    with Processes() as processes:
        child = server.launch(processes)
        start_worker(processes, server.address, environment, checkout(folder / "checkout"))
        server.await_ready(processes, child)
        with httpx.Client(base_url=server.address.api_url, trust_env=False, timeout=30) as api:
            yield Running(server, api, folder / "answer", server.cache)


def retried(send: Callable[[], httpx.Response]) -> httpx.Response:
    """Prefect answers 503 while its SQLite file is locked, and its own client tries again; so do we."""
    for _ in range(40):
        answer = send()
        if answer.status_code != 503:
            return answer.raise_for_status()
        time.sleep(0.25)
    raise AssertionError(answer.text)


def test_a_scheduled_run_is_played_by_the_worker(running: Running) -> None:
    """prefect.yaml was deployed; a run of it scheduled ahead starts no sooner than its time and does its work."""
    (deployment,) = retried(lambda: running.api.post("/deployments/filter", json={})).json()
    assert deployment["name"] == "t-zero"
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at.isoformat()}}
    path = f"/deployments/{deployment['id']}/create_flow_run"
    run = retried(lambda: running.api.post(path, json={"state": state})).json()
    deadline = time.monotonic() + 60
    while run["state_type"] not in {"COMPLETED", "FAILED", "CRASHED"} and time.monotonic() < deadline:
        time.sleep(0.2)
        run = retried(partial(running.api.get, f"/flow_runs/{run['id']}")).json()
    assert run["state_type"] == "COMPLETED", (running.server.address.home / "worker.log").read_text(encoding="utf-8")
    assert dt.datetime.fromisoformat(run["start_time"]) >= at
    assert running.answer.read_text(encoding="utf-8") == "lift-off"


def test_the_ui_is_served_and_finds_its_own_server(running: Running) -> None:
    """The UI loads, and calls the port that was chosen rather than 4200."""
    address = running.server.address
    assert httpx.get(address.url, follow_redirects=True, trust_env=False).status_code == 200
    assert httpx.get(f"{address.url}/ui-settings", trust_env=False).json()["api_url"] == address.api_url


def test_nothing_is_told_to_prefects_maker(running: Running) -> None:
    """Analytics are off in the server."""
    assert retried(lambda: running.api.get("/admin/settings")).json()["server"]["analytics_enabled"] is False


def test_the_kept_database_has_no_runs(running: Running) -> None:
    """The migrated file from which servers start holds neither pools, deployments nor runs."""
    (kept,) = running.cache.glob("prefect-*-migrated.db")
    connection = sqlite3.connect(kept)
    try:
        for table in ("work_pool", "deployment", "flow_run", "worker"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table  # noqa: S608 (ours)
    finally:
        connection.close()


def test_a_book_that_cannot_be_deployed_is_an_error(running: Running, tmp_path: Path) -> None:
    """A prefect.yaml whose entrypoint does not exist ends the worker with Prefect's own words."""
    book = PREFECT_YAML.replace("count_down", "no_such_flow")
    home = running.server.address.model_copy(update={"home": tmp_path / "home", "work_pool": "other"})
    with Processes() as processes, pytest.raises(ServerDidNotStart, match=r"prefect worker ended(.|\n)*no_such_flow"):
        start_worker(processes, home, {"PYTHONPATH": str(ROOT)}, checkout(tmp_path / "checkout", book))
