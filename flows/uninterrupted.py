"""What must not be left half done: it goes on to its end, however often somebody cancels meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")


async def uninterrupted(coming: Coroutine[object, object, T], told: Callable[[], None]) -> T:
    """What it comes to; `told` is called at each cancellation, which is then forgotten."""
    deed = asyncio.create_task(coming)
    while not deed.done():
        try:
            await asyncio.wait({deed})
        except asyncio.CancelledError:
            forget_cancellation()
            if not deed.cancelling():  # else all of it is ended, and nothing goes on
                told()
    return deed.result()


async def to_its_end(coming: Coroutine[object, object, T]) -> T:
    """The same, and raises CancelledError after its end where somebody cancelled meanwhile."""
    cancelled: list[bool] = []
    came = await uninterrupted(coming, lambda: cancelled.append(True))
    if cancelled:
        raise asyncio.CancelledError
    return came


def forget_cancellation() -> None:
    """Whoever was cancelled goes on, and has heard it."""
    if (task := asyncio.current_task()) is not None:
        task.uncancel()
