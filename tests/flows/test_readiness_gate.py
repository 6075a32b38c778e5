"""A launch whose book wants the system ready: by the last sweep of the whole checklist, and by no older one."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.flows.stage import Stage
from tminus import events as ev
from tminus.chain_names import readiness_chain
from tminus.clock import now
from tminus.ledger.store import Entry
from tminus.outcome import Verdict

Setting = Callable[..., Stage]
STEP = {"id": "ready", "title": "Ready", "owner": "devops_lead", "readiness": {"fresh_for": "24h"}}


def swept(stage: Stage, *, ready: bool, ago: timedelta = timedelta(0), sections: tuple[str, ...] = ()) -> None:
    """Leaves in the ledger how a sweep ended."""
    created = stage.record.created
    assert created is not None
    chain = readiness_chain(created.system, created.environment_name)
    if stage.store.head(chain) is None:
        stage.store.open_chain(chain)
    ended = ev.SweepEnded(
        at=now() - ago,
        sweep="sweep-1",
        sections=sections,
        counts={"pass": 1},
        blocking=0,
        ready=ready,
        sentence="so it is",
    )
    stage.store.append(Entry(chain, ev.write(ended)))


async def summary(stage: Stage) -> str:
    """Why the launch is held."""
    await stage.held("ready")
    outcome = stage.record.step("ready").outcome
    assert outcome is not None
    return outcome.summary


async def test_a_checklist_nobody_went_through_holds_the_launch(set_stage: Setting) -> None:
    """Without a sweep nothing is known, and the launch says how to get one."""
    stage = set_stage({"T-4h": [STEP]})
    running = stage.begin("T-4h")
    assert "tminus readiness" in await summary(stage)
    stage.order("scrub")
    await running


@pytest.mark.parametrize(
    ("ready", "ago", "sections", "wanted"),
    [
        (False, timedelta(0), (), "so it is"),
        (True, timedelta(hours=25), (), "25h ago, and that counts for 24h"),
        (True, timedelta(0), ("unit",), "never gone through"),
    ],
)
async def test_what_is_not_ready_old_or_partial_holds_it(
    set_stage: Setting, ready: bool, ago: timedelta, sections: tuple[str, ...], wanted: str
) -> None:
    """A system that is not ready, evidence of yesterday, and a sweep of some sections are no readiness."""
    stage = set_stage({"T-4h": [STEP]})
    swept(stage, ready=ready, ago=ago, sections=sections)
    running = stage.begin("T-4h")
    assert wanted in await summary(stage)
    stage.order("scrub")
    await running


async def test_the_last_sweep_counts(set_stage: Setting) -> None:
    """What was not ready yesterday and is today lets the launch go on."""
    stage = set_stage({"T-4h": [STEP]})
    swept(stage, ready=False, ago=timedelta(hours=3))
    swept(stage, ready=True)
    await stage.begin("T-4h")
    assert stage.verdict("ready") is Verdict.PASS
