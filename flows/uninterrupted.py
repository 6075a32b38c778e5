"""What must not be left half done: it goes on to its end, however often somebody cancels meanwhile."""

import asyncio
import signal
import threading
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


_IN_ORDER = (signal.SIGTERM, signal.SIGHUP)  # asyncio.run does the same for SIGINT by itself


async def heeding(coming: Coroutine[object, object, T]) -> T:
    """What it comes to; SIGTERM and a lost terminal cancel it alone, so that it may put things in order and end.

    Without that Prefect would end the whole loop at a SIGTERM, and with it whoever undoes something. Signals are heard
    in the main thread alone; elsewhere it is just awaited.
    """
    loop, deed = asyncio.get_running_loop(), asyncio.ensure_future(coming)
    if threading.current_thread() is not threading.main_thread():
        return await deed
    before = {one: signal.getsignal(one) for one in _IN_ORDER}
    for one in _IN_ORDER:
        loop.add_signal_handler(one, deed.cancel)
    try:
        return await deed
    finally:
        for one, handler in before.items():
            loop.remove_signal_handler(one)
            signal.signal(one, handler)
