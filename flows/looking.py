"""One look at a check; without Prefect, so that a dry run needs none."""

import asyncio

from tasks.check import Check
from tasks.estate import Estate
from tminus.outcome import Outcome
from tminus.runbook import Step


async def look_once(estate: Estate, step: Step, check: Check) -> Outcome:
    """One look, within the step's timeout; too slow means could not look."""
    try:
        return await asyncio.wait_for(check.observe(estate), step.timeout.total_seconds())
    except TimeoutError:
        return Outcome.unknown(f"no answer within {step.timeout.total_seconds():g} s").model_copy(
            update={"expected": check.expect}
        )
