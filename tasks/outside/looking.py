"""One look at a system, as somebody who comes anew has it."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from tasks.outside.client import store_of
from tasks.outside.plan import ClientPlan
from tasks.outside.store import Unanswered, WritableStore
from tasks.scenarios.scenario import Clients

_PLACE = "drill_look"
_LOOKS = 3
_PAUSE = 0.05  # seconds between two looks


@dataclass(frozen=True)
class Look:
    """What became of it.

    Attributes:
        good: it was answered rightly, and in time.
        seconds: how long that took, be it good or not.
    """

    good: bool
    seconds: float


async def look(clients: Clients) -> Look:
    """Connects, asks for what changes nothing, and leaves. Raises MissingSecret."""
    plan = ClientPlan(
        store=clients.store, references=clients.references, place=clients.place or _PLACE, rate=1, folder=Path()
    )
    return await asyncio.to_thread(lambda: _looked(store_of(plan)))


async def serves(clients: Clients) -> bool:
    """Whether one of a few looks is good: one alone says as much about this machine as about the system."""
    for _ in range(_LOOKS):
        if (await look(clients)).good:
            return True
    return False


async def until_good(clients: Clients) -> None:
    """Until a few looks in a row are good: one alone may be luck."""
    good = 0
    while good < _LOOKS:
        good = good + 1 if (await look(clients)).good else 0
        await asyncio.sleep(_PAUSE)


def _looked(store: WritableStore) -> Look:
    begun, good = time.monotonic(), False
    try:
        connection = store.connect()
        try:
            connection.probe()
            good = True
        finally:
            connection.close()
    except Unanswered:
        pass
    took = time.monotonic() - begun
    return Look(good and took <= store.patience, took)
