"""Looking at many systems at once: each has a queue and threads of its own, and what makes load waits for the rest."""

import asyncio
import logging
import traceback
from collections.abc import Iterable
from datetime import timedelta

from flows.looking import look_once
from flows.threads import EACH, have_threads
from tasks.check import Check
from tasks.estate import Estate
from tminus.clock import now
from tminus.environment import Impact
from tminus.outcome import Outcome

log = logging.getLogger(__name__)

AT_ONCE = EACH  # looks at one system at a time: what hangs there holds up nothing elsewhere, and is not flooded
_FRAMES = 3  # of a check that broke, named in the log


class Queues:
    """Who waits for whom.

    Args:
        checks: all that will be looked at, each once for each time: what makes load begins when the others are over,
            one after another, since it would disturb their figures.
    """

    def __init__(self, checks: Iterable[Check]) -> None:
        self._queues: dict[str, asyncio.Semaphore] = {}
        self._quiet = asyncio.Event()
        self._left = sum(check.impact is not Impact.LOAD for check in checks)
        if not self._left:
            self._quiet.set()

    def have_threads(self) -> None:
        """Gives the running loop threads by system."""
        have_threads(AT_ONCE)

    async def look(self, estate: Estate, check: Check, within: timedelta) -> Outcome:
        """One look, when it is the check's turn. Always an outcome: also what breaks is told where the check stands."""
        if check.impact is Impact.LOAD:
            await self._quiet.wait()
        try:
            async with self.queue_of("load" if check.impact is Impact.LOAD else check.asks()):
                return await self._guarded(estate, check, within)
        finally:
            self._left -= check.impact is not Impact.LOAD
            if self._left <= 0:
                self._quiet.set()

    def queue_of(self, system: str) -> asyncio.Semaphore:
        """The queue of one system; what makes load goes one at a time."""
        return self._queues.setdefault(system, asyncio.Semaphore(1 if system == "load" else AT_ONCE))

    async def _guarded(self, estate: Estate, check: Check, within: timedelta) -> Outcome:
        came = (await asyncio.gather(look_once(estate, check, within), return_exceptions=True))[0]
        return came if isinstance(came, Outcome) else _broke(check, came)


def _broke(check: Check, error: BaseException) -> Outcome:
    """A fault of ours in one check is unknown there, and stops no other; what the error says may be customers' data."""
    if not isinstance(error, Exception | asyncio.CancelledError):
        raise error
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    at = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
    log.error("%s broke: %s at %s", check.kind, type(error).__name__, at)
    said = f"{check.kind} broke ({type(error).__name__}), which is a fault of tminus; its log has the place"
    return Outcome.unknown(said).model_copy(update={"at": now()})
