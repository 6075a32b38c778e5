"""The flow plays the month's drill once, and none where somebody said no lately; Prefect shows what came of it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from cli.main import main
from deployments.rehearsal.addresses import plain
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.drill_estate import BOOK, DrillEstate
from deployments.rehearsal.prefect_server import PrefectServer
from deployments.rehearsal.processes import Processes
from flows import dr_drill
from flows.asking_first import ask
from flows.drill_round import Request, drill, opened_drills
from tests.tminus.readiness.room import person
from tminus import events as ev
from tminus.drills.opened import OpenedDrills
from tminus.drills.papers import change_of
from tminus.errors import UsageError
from tminus.ledger.store import Store
from tminus.people import People

MONDAY = datetime(2026, 9, 7, 7, 15, tzinfo=UTC)
NAME = "cache-failover"


@pytest.fixture
def months(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Store, OpenedDrills]]:
    """A book whose every month plays the cache's failover, on the morning of its day."""
    yaml, ledger = YAML(), str(tmp_path / "ledger.sqlite")
    plain_environment = {
        "environment": "drills",
        "kind": "rehearsal",
        "ledger": {"sqlite": ledger},
        "prefect": {"api": "http://127.0.0.1:1/api"},
        "state": str(tmp_path / "state"),
    }
    book = {"drills": "house", "title": "H", "monthly": [NAME], "scenarios": {NAME: BOOK[NAME]}}
    people = People(people=(person(tmp_path, "guard", "devops_lead"),)).model_dump(mode="json")
    for name, data in (("environment", plain_environment), ("drills", book), ("people", people)):
        yaml.dump(data, tmp_path / f"{name}.yaml")
    opened = opened_drills(tmp_path / "drills.yaml", tmp_path / "environment.yaml")
    monkeypatch.setattr(dr_drill, "now", lambda: MONDAY)
    with closing(opened.store()) as store:
        yield store, opened


def test_it_is_due_on_its_day(months: tuple[Store, OpenedDrills], monkeypatch: pytest.MonkeyPatch) -> None:
    """And not the evening before."""
    assert dr_drill._months(*months) == NAME
    monkeypatch.setattr(dr_drill, "now", lambda: MONDAY - timedelta(hours=8))
    assert dr_drill._months(*months) == ""


def test_after_a_no_the_next_monday_asks_again(
    months: tuple[Store, OpenedDrills], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not the next hour; an open question is no answer."""
    store, opened = months
    asked = ev.DrillAsked(
        scenario=NAME, kind="redis.failover", environment="drills", digests=opened.digests, way={}, asked_by=""
    )
    chain, _ = ask(store, opened, tmp_path / "people.yaml", change_of(opened, asked), asked)
    monkeypatch.setattr(dr_drill, "now", lambda: asked.at)
    monkeypatch.setattr(dr_drill, "due", lambda *_: True)
    assert dr_drill._months(store, opened) == NAME
    words = ["reject", chain, "--reason", "not today", "--key", str(tmp_path / "guard")]
    ledger = {"TMINUS_LEDGER": f"sqlite:{opened.environment.ledger.sqlite}"}
    assert CliRunner().invoke(main, words, env=ledger).exit_code == 0
    assert dr_drill._months(store, opened) == ""
    monkeypatch.setattr(dr_drill, "now", lambda: asked.at + timedelta(days=7))
    assert dr_drill._months(store, opened) == NAME


async def test_a_name_that_no_scenario_has(months: tuple[Store, OpenedDrills]) -> None:
    """Is refused with the nearest, whoever typed it into Prefect's form."""
    with pytest.raises(UsageError, match=f"did you mean '{NAME}'"):
        await drill(*months, "cache-failovr", print, Request())


@pytest.mark.long
def test_prefect_shows_it(estate: DrillEstate, tmp_path: Path) -> None:
    """A real drill in a real Prefect: its run is green, its task has the drill's name, and its account lies beside."""
    server = PrefectServer.plan(tmp_path)
    code = "import sys; from flows.dr_drill import dr_drill; print(dr_drill(*sys.argv[1:], return_state=True).name)"
    call = f"import asyncio; {code.replace('dr_drill(*', 'asyncio.run(dr_drill(*').replace('=True)', '=True))')}"
    with Processes() as processes:
        server.start(processes)
        done = subprocess.run(
            [sys.executable, "-c", call, str(estate.book), str(estate.environment_file), "", NAME],
            env={**estate.seen(), **plain(server.address.environment())},
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stdout.strip().splitlines()[-1:] == ["Held"], done.stdout + done.stderr
        with httpx.Client(base_url=server.address.api_url, trust_env=False, timeout=30) as client:
            [account] = client.post("/artifacts/filter", json={}).json()
            names = [one["name"] for one in client.post("/task_runs/filter", json={}).json()]
    assert account["key"] == f"drill-{NAME}"
    assert "# The cache's primary dies: held" in account["data"]
    assert NAME in names
