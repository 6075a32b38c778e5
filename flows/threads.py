"""Threads for clients that block: each system has its own, so one that hangs takes none from another."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from threading import Lock
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

asked: ContextVar[str] = ContextVar("asked", default="")
"""Which system the current task asks; what is no check (the ledger) asks none."""


class ThreadsBySystem(ThreadPoolExecutor):
    """The default executor of a loop that looks at many systems.

    A wait for a blocking client can be given up, its thread cannot: it stays taken until the client itself gives up. So
    threads are not shared between systems, and leaving does not wait for them.

    Args:
        each: how many threads a system has at most.
    """

    def __init__(self, each: int) -> None:
        super().__init__(each, thread_name_prefix="own")
        self._each = each
        self._systems: dict[str, ThreadPoolExecutor] = {}
        self._growing = Lock()

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Runs it on a thread of the system that is asked now."""
        system = asked.get()
        if not system:
            return super().submit(fn, *args, **kwargs)
        return self._of(system).submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Waits for our own threads, and for no system's."""
        for pool in self._systems.values():
            pool.shutdown(wait=False, cancel_futures=True)
        super().shutdown(wait=wait, cancel_futures=cancel_futures)

    def _of(self, system: str) -> ThreadPoolExecutor:
        with self._growing:
            if system not in self._systems:
                self._systems[system] = ThreadPoolExecutor(self._each, thread_name_prefix=system)
            return self._systems[system]
