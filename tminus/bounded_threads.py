"""Calls of clients that block, for loops that must not: few at a time, and nobody waits longer than they said."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import TypeVar

_T = TypeVar("_T")


def begun(call: Callable[[], _T], name: str, at_end: Callable[[], object]) -> "Future[_T]":
    """Begins a call in a thread of its own, which the end of the process does not wait for.

    Args:
        call: the call.
        name: the thread's.
        at_end: called once the call has ended, whether or not anybody still waits for it.
    """
    done = Future[_T]()

    def work() -> None:
        try:
            result = call()
        except BaseException as e:  # noqa: BLE001 - whoever waits gets it
            with suppress(InvalidStateError):
                done.set_exception(e)
        else:
            with suppress(InvalidStateError):
                done.set_result(result)
        finally:
            at_end()

    Thread(target=work, name=name, daemon=True).start()
    return done


class NoPlace(TimeoutError):
    """All places were taken for as long as one was waited for."""


class BoundedThreads:
    """Runs calls in threads of their own, which the end of the process does not wait for.

    Whoever waits gives up on time, whatever the call does: a timeout of a socket counts for each piece of an answer
    alone, and an answer may come in many. The thread goes on until its call ends and keeps its place for as long, so
    there are never more threads than places.

    Args:
        places: how many at a time.
        name: the threads'.
    """

    def __init__(self, places: int, name: str) -> None:
        self._free = asyncio.Semaphore(places)
        self._name = name

    async def run(self, call: Callable[[], _T], within: float, patience: float) -> _T:
        """What the call returns or raises; raises TimeoutError, and NoPlace where it was not even begun.

        Args:
            call: the call.
            within: seconds that it may take.
            patience: seconds that it may wait for a place.
        """
        try:
            async with asyncio.timeout(patience):
                await self._free.acquire()
        except TimeoutError:
            raise NoPlace(f"no place within {patience:g} s") from None
        async with asyncio.timeout(within):
            return await asyncio.wrap_future(
                begun(call, self._name, partial(self._release, asyncio.get_running_loop()))
            )

    def _release(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody wants the place any more
            loop.call_soon_threadsafe(self._free.release)
