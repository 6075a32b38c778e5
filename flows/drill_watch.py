"""Who may end a drill that runs: whoever pulls the lever, and a guard that does not hold any more."""

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TypeVar

from flows.drill_guards import Guards
from tminus.drills.lever import Lever
from tminus.errors import LedgerError

T = TypeVar("T")
_LEVER_LOOK = 0.25  # seconds between two looks at the lever


class Ended(Exception):
    """The drill must end; its text says why."""


class Watch:
    """The block in which somebody looks, all the time."""

    def __init__(self, lever: Lever, guards: Guards) -> None:
        self._lever = lever
        self._guards = guards
        self._looking: tuple[asyncio.Task[str], ...] = ()

    async def __aenter__(self) -> None:
        self._looking = (asyncio.create_task(self._pulled()), asyncio.create_task(self._guards.broken()))

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        await _cancelled(*self._looking)

    async def unless_ended(self, coming: Callable[[], Coroutine[object, object, T]]) -> T:
        """What it comes to; raises Ended where the drill must end before that, or before it is begun at all."""
        if await self._reason() or any(one.done() for one in self._looking):
            raise Ended(await self._why())
        deed = asyncio.create_task(coming())
        try:
            await asyncio.wait({deed, *self._looking}, return_when=asyncio.FIRST_COMPLETED)
            if deed.done():
                return deed.result()
            raise Ended(await self._why())
        finally:
            await _cancelled(deed)

    async def _why(self) -> str:
        """The reason of whoever was first, once there is one; raises what kept them from looking."""
        done, _ = await asyncio.wait(self._looking, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result()

    async def _pulled(self) -> str:
        """Once the lever is pulled: by whom, and why."""
        while not (why := await self._reason()):
            await asyncio.sleep(_LEVER_LOOK)
        return why

    async def _reason(self) -> str:
        """Why the lever is pulled; "" where it is not, or the ledger gives no answer for now."""
        try:
            return await asyncio.to_thread(self._lever.pulled)
        except LedgerError:
            return ""


async def _cancelled(*tasks: asyncio.Task[T]) -> None:
    for one in tasks:
        one.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
