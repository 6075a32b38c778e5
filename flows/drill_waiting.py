"""Whoever waits for a yes to a drill is told that drills were stopped meanwhile, and that they may begin again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tminus.drills.lever import Lever
from tminus.errors import LedgerError

_LOOK = 2.0  # seconds between two looks at the lever


@asynccontextmanager
async def telling_of(lever: Lever, say: Callable[[str], None], every: float = _LOOK) -> AsyncIterator[None]:
    """The block in which `say` is told each time the lever is moved, and at first where it is pulled already.

    Args:
        lever: the system's.
        say: for whoever waits.
        every: seconds between two looks.
    """
    telling = asyncio.create_task(_told(lever, say, every))
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


async def _told(lever: Lever, say: Callable[[str], None], every: float) -> None:
    said = ""
    while True:
        why = await asyncio.to_thread(_pulled, lever, said)
        if why != said:
            say(
                f"Drills are stopped: {why}. A yes begins none until that is over. {lever.how_to_allow()}."
                if why
                else "Drills may begin again."
            )
        said = why
        await asyncio.sleep(every)


def _pulled(lever: Lever, before: str) -> str:
    """Why it is pulled; as before where the ledger does not say."""
    try:
        return lever.pulled()
    except LedgerError:
        return before
