"""Several outside clients beside one drill, each of a part of what it breaks: begun, heard and ended together."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from tasks.outside.beside import Beside, beside
from tasks.outside.plan import ClientPlan
from tminus.drills.outage import Outage
from tminus.drills.receipts import Loss

Seen = Mapping[str, tuple[Loss, Outage]]
"""What each client saw, by its part; "" where there is one."""


@dataclass(frozen=True)
class Together:
    """Clients that run."""

    clients: Mapping[str, Beside]

    async def until_they_write(self) -> None:
        """Until the writes of each are acknowledged; raises CouldNotObserve."""
        await asyncio.gather(*(one.until_it_writes() for one in self.clients.values()))

    async def until_good_again(self) -> None:
        """Until the newest requests of each are good; raises CouldNotObserve where one has ended."""
        await asyncio.gather(*(one.until_good_again() for one in self.clients.values()))

    async def end(self, since: float) -> Seen:
        """Ends them; what each saw. Raises CouldNotObserve.

        Args:
            since: see Beside.
        """
        ended = await asyncio.gather(*(one.end(since) for one in self.clients.values()))
        return dict(zip(self.clients, ended, strict=True))


@asynccontextmanager
async def together(plans: Mapping[str, ClientPlan]) -> AsyncIterator[Together]:
    """The block in which they run. Raises CouldNotObserve, MissingSecret."""
    async with AsyncExitStack() as stack:
        yield Together({name: await stack.enter_async_context(beside(plan)) for name, plan in plans.items()})
