"""What is done behind an acknowledgement: in tasks of its own, so that no request and no connection waits for it."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Protocol, runtime_checkable

_logger = logging.getLogger(__name__)
LAST_ROUND = 5.0  # seconds that what was acknowledged may still take once the process is told to end


@runtime_checkable
class Finishing(Protocol):
    """A part of the process that acknowledges before it is done."""

    async def finish(self) -> None:
        """Does what it acknowledged, within a few seconds; what is not done by then it lets go of, and says so."""


class Acknowledged:
    """Work that somebody was told is taken. How much there may be, its owner says before each `begin`.

    Args:
        of: whose it is, for the log.
    """

    def __init__(self, of: str) -> None:
        self._of = of
        self._tasks: set[asyncio.Task[object]] = set()

    def begin(self, work: Coroutine[object, object, object]) -> None:
        """Begins it, in the loop that runs."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def finish(self, within: float = LAST_ROUND) -> None:
        """Waits until all of it is done, what it begins meanwhile too; cancels what is left after so many seconds."""
        until = time.monotonic() + within
        await asyncio.sleep(0)  # what another thread has handed over begins first
        while self._tasks and (left := until - time.monotonic()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        if self._tasks:
            _logger.warning("%s: %d that were acknowledged are not done in time", self._of, len(self._tasks))
        for task in self._tasks:
            task.cancel()

    def _ended(self, task: "asyncio.Task[object]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (why := task.exception()) is not None:
            _logger.error("%s: what was acknowledged broke off", self._of, exc_info=why)
