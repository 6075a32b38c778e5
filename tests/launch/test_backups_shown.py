"""What Prefect shows of a verification: each store as a task that says how it came out, and tables of the figures."""

from collections.abc import Iterator

import httpx
import pytest
from pydantic import JsonValue

from deployments.rehearsal.binaries import CHECKOUT
from tests.launch.stage import Stage
from tminus import events as ev
from tminus.backups.opened import OpenedBackups, open_backups


@pytest.fixture
def prefect(stage: Stage) -> Iterator[httpx.Client]:
    """Its API; before any launch the stage has had one backup taken and verified."""
    api = stage.estate.servers.addresses.prefect.api_url
    with httpx.Client(base_url=api, trust_env=False, timeout=30) as client:
        yield client


def asked(prefect: httpx.Client, path: str, **wanted: JsonValue) -> list[dict[str, JsonValue]]:
    """What Prefect finds."""
    answer = prefect.post(f"/{path}/filter", json=wanted)
    answer.raise_for_status()
    found: list[dict[str, JsonValue]] = answer.json()
    return found


def backups(stage: Stage) -> OpenedBackups:
    """The system's book."""
    return open_backups(CHECKOUT / "runbooks" / "tradesense", stage.estate.documents.environment)


def verified(stage: Stage) -> ev.BackupVerified:
    """The first backup that was looked at."""
    opened = backups(stage)
    store = opened.store()
    try:
        return opened.history(store).verified[0]
    finally:
        store.close()


@pytest.mark.long
def test_each_store_is_a_task_that_says_how_it_came_out(stage: Stage, prefect: httpx.Client) -> None:
    """Named after the store, green, with its backup, how long the restore took, and what was lost."""
    (run, *_) = asked(prefect, "flow_runs", flows={"name": {"any_": ["backup_verification"]}}, sort="START_TIME_ASC")
    assert run["state_name"] == "Proven"
    (task,) = asked(prefect, "task_runs", flow_runs={"id": {"any_": [run["id"]]}})
    assert task["name"] == "database: The trading database, dumped every day"
    state = task["state"]
    assert isinstance(state, dict)
    assert state["name"] == "Proven"
    assert str(state["message"]).startswith(f"proven: {verified(stage).backup} restored in ")


@pytest.mark.long
def test_the_figures_and_their_trend_are_tables(prefect: httpx.Client) -> None:
    """What was measured beside what was expected, the last verifications of a store, and all stores at once."""
    found = {one["key"]: str(one["data"]) for one in asked(prefect, "artifacts", sort="UPDATED_DESC")}
    assert "tables_differ" in found["backup-database"]
    assert "restored in (at most 1h)" in found["backup-database-trend"]
    assert "pass" in found["backups-tradesense"]
