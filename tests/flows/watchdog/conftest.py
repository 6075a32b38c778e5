"""A launch, a Prefect that is a fake, and nobody who conducts."""

from datetime import timedelta

import pytest

from flows import watchdog
from tests.flows.conftest import Setting
from tests.flows.fake_prefect import FakePrefect
from tests.flows.stage import Stage
from tests.flows.staged_book import action, check
from tests.flows.world import FAKES


@pytest.fixture
def prefect(monkeypatch: pytest.MonkeyPatch) -> FakePrefect:
    """Stands in for Prefect."""
    fake = FakePrefect()
    monkeypatch.setattr(watchdog, "schedule", fake.schedule)
    monkeypatch.setattr(watchdog, "run_state", fake.run_state)
    monkeypatch.setattr(watchdog, "KINDS", FAKES)
    return fake


@pytest.fixture
async def stage(set_stage: Setting, prefect: FakePrefect) -> Stage:
    """Two phases, the first due now; both have their runs."""
    stage = set_stage({"T-4h": [check("a")], "T-0": [action("deploy")]}, hour="1h", t0=timedelta(hours=4))
    for one in stage.frozen.runbook.phases:
        due = stage.frozen.created.t0 + one.offset
        await prefect.schedule(stage.people, stage.frozen, one, due)
    prefect.asked.clear()
    return stage
