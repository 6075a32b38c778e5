"""What runs until it is undone: the first Ctrl-C, a SIGTERM or a lost terminal ends it in order, the second at once."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


class BrokenOff(Exception):
    """It did not come to its end."""


def run(coming: Coroutine[object, object, T]) -> T:
    """What it comes to; it is cancelled by the first signal, and may go on to put things in order.

    Raises BrokenOff where it did not: cancelled before there was anything to put in order, or told twice.
    """
    from flows.uninterrupted import heeding

    try:
        return asyncio.run(heeding(coming))
    except (KeyboardInterrupt, asyncio.CancelledError) as e:
        raise BrokenOff from e
