"""One look at a check; without Prefect, so that a dry run needs none."""

import asyncio
from datetime import timedelta

from tasks.check import Check
from tasks.estate import Estate
from tminus.clock import now
from tminus.outcome import Outcome


async def look_once(estate: Estate, check: Check, within: timedelta) -> Outcome:
    """One look, within that time; too slow means could not look."""
    try:
        return await asyncio.wait_for(check.observe(estate), within.total_seconds())
    except TimeoutError:
        return Outcome.unknown(f"no answer within {within.total_seconds():g} s").model_copy(
            update={"expected": check.expect, "at": now()}
        )
