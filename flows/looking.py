"""One look at a check; without Prefect, so that a dry run needs none."""

import asyncio
from datetime import timedelta

from flows.threads import asking
from tasks.check import Check
from tasks.estate import Estate
from tminus.clock import now
from tminus.outcome import Outcome


async def look_once(estate: Estate, check: Check, within: timedelta) -> Outcome:
    """One look, within that time; too slow means could not look.

    A client that blocks does so in a thread of the system it asks: once given up, nothing waits for it.
    """
    system, seconds = check.asks(), within.total_seconds()
    try:
        with asking(system):
            return await asyncio.wait_for(check.observe(estate), seconds)
    except TimeoutError:
        return Outcome.unknown(f"{system} gave no answer to {check.kind} within {seconds:g} s").model_copy(
            update={"expected": check.expect, "at": now()}
        )
