"""A server that dies as in a power cut, and how it is told from outside."""

import asyncio
from collections.abc import Awaitable, Callable

from tasks.machines import Switch

LOOK = 0.05
"""Seconds between two looks."""
_MISSED = 3  # looks in a row without an answer after which it is taken for dead


async def killed(switch: Switch, name: str) -> str:
    """Ends it; comes back once it is off. Raises as Switch does."""
    await switch.kill()
    return f"{name} was killed, and is off"


async def silent(name: str, answers: Callable[[], Awaitable[bool]]) -> str:
    """Comes back once it did not answer several times in a row."""
    missed = 0
    while missed < _MISSED:
        missed = 0 if await answers() else missed + 1
        await asyncio.sleep(LOOK)
    return f"{name} did not answer {_MISSED} times in a row"
