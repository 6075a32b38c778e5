"""A primary that dies as in a power cut, and how that is told from outside."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from tasks.machines import Switch
from tasks.scenarios.scenario import Scenario, Site
from tminus.errors import ActionFailed

LOOK = 0.05
"""Seconds between two looks."""
_MISSED = 3  # looks in a row without an answer after which it is taken for dead


async def until_silent(answers: Callable[[], Awaitable[bool]]) -> str:
    """Once it did not answer several times in a row, which is what it says."""
    missed = 0
    while missed < _MISSED:
        missed = 0 if await answers() else missed + 1
        await asyncio.sleep(LOOK)
    return f"did not answer {_MISSED} times in a row"


class KilledPrimary(Scenario, ABC, frozen=True):
    """A scenario whose way names a `victim`."""

    @abstractmethod
    def switch(self, site: Site, name: str) -> Switch:
        """The power switch of one of its servers. Raises NotConfigured."""

    @abstractmethod
    async def answers(self, site: Site, name: str) -> bool:
        """Whether that server lets anybody in."""

    def contradicted(self, victim: str) -> str:
        """What is wrong where its probe says that it is off, and it answers."""
        return (
            f"{victim} is off by its `probe`, and answers at its address: `kill` and `probe` of {victim} are another "
            "server's, which may be down now"
        )

    async def inject(self, site: Site) -> str:
        """See Scenario. Raises ActionFailed where it is another server that was killed."""
        victim = site.way["victim"]
        await self.switch(site, victim).kill()
        if await self.answers(site, victim):
            raise ActionFailed(self.contradicted(victim))
        return f"{victim} was killed, and is off"

    async def detect(self, site: Site) -> str:
        """See Scenario: it does not answer several times in a row."""
        victim = site.way["victim"]
        site.waits(f"{victim} still answers")
        return f"{victim} {await until_silent(lambda: self.answers(site, victim))}"
