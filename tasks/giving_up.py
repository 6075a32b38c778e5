"""Work in threads that is wanted no longer: no thread can be stopped from outside, so each asks while it works."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from tminus.errors import CouldNotObserve

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")
_GIVEN_UP: ContextVar[threading.Event | None] = ContextVar("given_up", default=None)


@contextmanager
def abandonable() -> Iterator[threading.Event]:
    """A block whose tasks and threads end once the event is set; who starts a bare thread hands it the context."""
    given_up = threading.Event()
    token = _GIVEN_UP.set(given_up)
    try:
        yield given_up
    finally:
        _GIVEN_UP.reset(token)


def raise_if_given_up(what: str) -> None:
    """Raises CouldNotObserve, naming what was given up, where nobody wants it any more."""
    given_up = _GIVEN_UP.get()
    if given_up is not None and given_up.is_set():
        raise CouldNotObserve(f"{what}: given up before its end")


async def in_thread(
    function: Callable[_Arguments, _Answer], *arguments: _Arguments.args, **named: _Arguments.kwargs
) -> _Answer:
    """`asyncio.to_thread`, but whoever is cancelled here waits until the thread has noticed that it was given up.

    So nothing of it goes on, writing into a folder that is being removed.
    """
    thread = asyncio.ensure_future(asyncio.to_thread(function, *arguments, **named))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        await asyncio.wait({thread})
        if not thread.cancelled():
            thread.exception()  # it is not asked for any more
        raise
