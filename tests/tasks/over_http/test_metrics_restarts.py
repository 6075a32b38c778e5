"""Metrics since the start of processes: a restart after the switch has forgotten what was, and must show."""

import os
import time
from collections.abc import Sequence

from tasks.checks.metrics import Scrape
from tests.tasks.over_http.conftest import World
from tminus.outcome import Outcome, Verdict

EXPECT = {"error_rate": "< 0.1 %", "restarted": "= 0"}


async def since_start(world: World, started: Sequence[float | None], switched: float) -> Outcome:
    """The outcome for instances whose processes started at these times, and whose traffic was switched at that one."""
    for instance, at in zip(world.instances, started, strict=True):
        line = "" if at is None else f"process_start_time_seconds {at}\n"
        instance.text["/metrics"] = f'http_requests_total{{status="200"}} 500\n{line}'
    check = Scrape.model_validate({"service": "trading", "since": "start", "expect": EXPECT})
    async with world.estate() as estate:
        os.utime(estate.service("trading").nginx.include, (switched, switched))
        return await check.observe(estate)


async def test_instances_that_ran_before_the_switch_pass(world: World) -> None:
    """All that they counted since then is there."""
    now = time.time()
    outcome = await since_start(world, [now - 60, now - 61, now - 62], now - 30)
    assert outcome.verdict is Verdict.PASS, outcome


async def test_one_that_restarted_after_the_switch_fails_and_is_named(world: World) -> None:
    """A crash loop with a clean counter after each start is no clean record."""
    now = time.time()
    outcome = await since_start(world, [now - 60, now - 10, now - 62], now - 30)
    assert outcome.verdict is Verdict.FAIL
    assert f"restarted 1 of 3, expected = 0: restarted: {world.instances[1].address}" in outcome.summary


async def test_one_that_does_not_say_when_it_started_is_unknown(world: World) -> None:
    """Nobody knows whether it did."""
    outcome = await since_start(world, [1.0, None, 1.0], time.time())
    assert outcome.verdict is Verdict.UNKNOWN
    assert "not measured: restarted" in outcome.summary
