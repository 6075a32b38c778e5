"""Calls of clients that block, for loops that must not: few at a time, and nobody waits longer than they said."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import TypeVar

_T = TypeVar("_T")
_KEPT = 600.0  # seconds that what was given up keeps its place at most


class NoPlace(TimeoutError):
    """All places were taken for as long as one was waited for, or the machine has no thread left."""


def settle(future: "Future[_T]", call: Callable[[], _T]) -> None:
    """Gives a future what a call comes to, whatever it raises; nothing where nobody waits any more."""
    try:
        result = call()
    except BaseException as e:  # noqa: BLE001 - whoever waits gets it, whatever it is
        with suppress(InvalidStateError):
            future.set_exception(e)
    else:
        with suppress(InvalidStateError):
            future.set_result(result)


def begun(call: Callable[[], _T], name: str, at_end: Callable[[], object] = lambda: None) -> "Future[_T]":
    """Begins a call in a thread of its own, which the end of the process does not wait for.

    Args:
        call: the call.
        name: the thread's.
        at_end: called once the call has ended, or could not begin, whether or not anybody still waits for it.

    Raises NoPlace where no thread can be begun.
    """
    done = Future[_T]()

    def work() -> None:
        try:
            settle(done, call)
        finally:
            at_end()

    try:
        Thread(target=work, name=name, daemon=True).start()
    except RuntimeError as e:
        at_end()
        raise NoPlace("no thread can be begun") from e
    return done


class Places:
    """Counts calls that were given up and have not ended, so that there are never more than a few; for one thread.

    What never ends gives its place up after ten minutes all the same: the other side may be well again long since.

    Args:
        places: how many at a time.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken: list[tuple[Callable[[], bool], float]] = []
        self._full_since: float | None = None

    def free(self) -> bool:
        """Whether another call may begin."""
        moment = time.monotonic()
        self._taken = [(ended, since) for ended, since in self._taken if not ended() and moment - since < _KEPT]
        if len(self._taken) < self._places:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = moment
        return self._full_since is None

    def take(self, ended: Callable[[], bool]) -> None:
        """A call has begun; `ended` says whether it has ended."""
        self._taken.append((ended, time.monotonic()))

    @property
    def full_for(self) -> float:
        """Seconds for which no place was free whenever one was asked for."""
        since = self._full_since
        return 0.0 if since is None else time.monotonic() - since


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
