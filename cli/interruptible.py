"""What runs until it is undone: the first Ctrl-C, a SIGTERM or a lost terminal ends it in order, the second at once."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")
_IN_ORDER = (signal.SIGTERM, signal.SIGHUP)  # asyncio does the same for SIGINT by itself


class BrokenOff(Exception):
    """It did not come to its end."""


def run(coming: Coroutine[object, object, T]) -> T:
    """What it comes to; it is cancelled by the first signal, and may go on to put things in order.

    Raises BrokenOff where it did not: cancelled before there was anything to put in order, or told twice.
    """
    try:
        return asyncio.run(_heeding(coming))
    except (KeyboardInterrupt, asyncio.CancelledError) as e:
        raise BrokenOff from e


async def _heeding(coming: Coroutine[object, object, T]) -> T:
    loop, deed = asyncio.get_running_loop(), asyncio.ensure_future(coming)
    for one in _IN_ORDER:
        loop.add_signal_handler(one, deed.cancel)
    try:
        return await deed
    finally:
        for one in _IN_ORDER:
            loop.remove_signal_handler(one)
