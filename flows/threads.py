"""Threads for clients that block: each system has its own, so one that hangs takes none from another."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from threading import Lock, Semaphore, Thread
from typing import ParamSpec, TypeVar
from weakref import WeakSet

from tminus.bounded_threads import settle

_P = ParamSpec("_P")
_T = TypeVar("_T")

EACH = 32  # threads of one system at most

asked: ContextVar[str] = ContextVar("asked", default="")
"""Which system the current task asks; what is no check (the ledger) asks none."""

_have: WeakSet[asyncio.AbstractEventLoop] = WeakSet()


@contextmanager
def asking(system: str) -> Iterator[None]:
    """The block whose blocking calls are that system's; the running loop has threads by system from then on."""
    have_threads()
    token = asked.set(system)
    try:
        yield
    finally:
        asked.reset(token)


def have_threads(each: int = EACH) -> None:
    """Gives the running loop threads by system, `each` at most, unless it has them."""
    loop = asyncio.get_running_loop()
    if loop not in _have:
        loop.set_default_executor(ThreadsBySystem(each))
        _have.add(loop)


class ThreadsBySystem(ThreadPoolExecutor):
    """The default executor of a loop that looks at many systems.

    A wait for a blocking client can be given up, its thread cannot: it stays taken until the client itself gives up. So
    threads are not shared between systems, and neither leaving nor the end of the process waits for them. What asks no
    system is waited for.

    Args:
        each: how many threads a system has at most.
    """

    def __init__(self, each: int) -> None:
        super().__init__(each, thread_name_prefix="own")
        self._each = each
        self._systems: dict[str, _Daemons] = {}
        self._growing = Lock()
        self._over = False

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Runs it on a thread of the system that is asked now; raises RuntimeError after `shutdown`."""
        system = asked.get()
        if not system:
            return super().submit(fn, *args, **kwargs)
        with self._growing:
            if self._over:
                raise RuntimeError(f"no thread for {system} after shutdown")
            threads = self._systems.setdefault(system, _Daemons(self._each, system))
            return threads.submit(lambda: fn(*args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Waits for our own threads, and for no system's."""
        with self._growing:
            self._over = True
            for threads in self._systems.values():
                threads.end()
        super().shutdown(wait=wait, cancel_futures=cancel_futures)


class _Call:
    """What waits for a thread."""

    def __init__(self, future: Future[_T], fn: Callable[[], _T]) -> None:
        self._future = future
        self._fn = fn

    def cancel(self) -> None:
        """Tells whoever waits that it will not be done."""
        self._future.cancel()

    def run(self) -> None:
        """Does it, unless nobody waits any more."""
        if self._future.set_running_or_notify_cancel():
            settle(self._future, self._fn)


class _Daemons:
    """The threads of one system, begun as they are needed.

    Those of a ThreadPoolExecutor are joined when the interpreter ends, whatever its shutdown was told; these are not.
    """

    def __init__(self, most: int, name: str) -> None:
        self._name = name
        self._may_begin = most
        self._idle = Semaphore(0)
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()

    def submit(self, fn: Callable[[], _T]) -> Future[_T]:
        """Runs it when a thread is free; not to be called from two threads at once."""
        future: Future[_T] = Future()
        self._calls.put(_Call(future, fn))
        if not self._idle.acquire(blocking=False) and self._may_begin:
            self._may_begin -= 1
            Thread(target=self._work, name=self._name, daemon=True).start()
        return future

    def end(self) -> None:
        """Cancels what waits; each thread ends when it is done with what it does."""
        try:
            while (call := self._calls.get_nowait()) is not None:
                call.cancel()
        except Empty:
            pass
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()
            del call  # what came of it is not kept while there is nothing to do
            self._idle.release()
        self._calls.put(None)  # for the next thread
