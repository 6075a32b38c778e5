"""A ledger that does not answer for a moment is waited for: whoever broke something must write on, and undo."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from tminus.errors import InDoubt, LedgerUnreachable

T = TypeVar("T")
_PAUSE = 0.5  # seconds between two tries


@dataclass(frozen=True)
class Insisting:
    """How long a ledger is waited for.

    Attributes:
        seconds: from its first silence on; nobody waits where it is 0.
    """

    seconds: float = 0.0

    async def on(self, deed: Callable[[], T]) -> T:
        """What a deed that blocks comes to; raises LedgerUnreachable where it does not answer in time, InDoubt."""
        until = monotonic() + self.seconds
        while True:
            try:
                return await asyncio.to_thread(deed)
            except InDoubt:
                raise
            except LedgerUnreachable:
                if monotonic() >= until:
                    raise
            await asyncio.sleep(_PAUSE)

    async def once(self, deed: Callable[[], object], mark: Callable[[], object]) -> None:
        """The same for a deed that must be done once: where nobody knows whether it was, its mark tells.

        Args:
            deed: it is done or not, whole.
            mark: what is another once it was done, and is moved by nobody else meanwhile.
        """
        if not self.seconds:
            await asyncio.to_thread(deed)
            return
        before = await self.on(mark)
        while True:
            try:
                await self.on(deed)
            except InDoubt:
                if await self.on(mark) == before:
                    continue
            return


AT_ONCE = Insisting()
"""Nobody waits."""
