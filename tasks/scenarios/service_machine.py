"""An instance of a service that a drill breaks, and what is the same however it is broken."""

import asyncio
from abc import ABC
from collections.abc import Mapping
from typing import ClassVar, Literal

from tasks.estate import Estate, named
from tasks.machines import Switch
from tasks.outside.looking import look, serves
from tasks.scenarios.killed import LOOK, until_silent
from tasks.scenarios.scenario import Clients, Scenario, Site, Steady, Way
from tasks.scenarios.whereabouts import whereabouts
from tminus.credentials import resolve
from tminus.errors import NotConfigured, Refused
from tminus.systems.command import Command
from tminus.systems.drills import ServiceMachine

_GOOD = 3  # looks in a row after which it counts as back
_STUBBORN = 5.0  # seconds after which one that runs and does not answer is started anew


class BrokenService(Scenario, ABC, frozen=True):
    """A scenario in which an instance of a service no longer serves.

    Attributes:
        machine: which of the environment's `drills.services`.
        starts: who starts it anew, which is what is measured: `itself` where whatever watches it does, else `tminus`.
    """

    sections: ClassVar[Mapping[str, str]] = {"machine": "services"}

    machine: str
    starts: Literal["itself", "tminus"] = "itself"

    async def steady(self, site: Site) -> Steady:
        """See Scenario: it runs and answers, and so does the service."""
        runs = await self.switch(site).power() == "on"
        itself, service = await asyncio.gather(serves(self._itself(site)), serves(self.clients(site.estate)))
        if not (runs and itself and service):
            raise Refused(
                f"{self.machine} {'runs' if runs else 'does not run'} and {_told(itself)}, "
                f"the service {_told(service)}; it must run, and both must answer"
            )
        return {"runs": "yes", "answers": "yes", "the service answers": "yes"}

    async def plan(self, site: Site) -> Way:
        """See Scenario: this instance, and nobody takes over. Raises NotConfigured where a command is missing."""
        del site
        return {"victim": self.machine}

    async def detect(self, site: Site) -> str:
        """See Scenario: it does not answer several times in a row, whatever the service does."""
        site.waits(f"{self.machine} still answers")
        return f"{self.machine} {await until_silent(lambda: self.answers(site))}"

    async def recover(self, site: Site) -> str:
        """See Scenario: until it answers; where tminus starts it, whatever is left of it is ended first."""
        if self.starts == "tminus":
            await self._anew(site)
        await self._until_good(site)
        return f"{self.machine} {'was started, and' if self.starts == 'tminus' else 'came back by itself, and'} answers"

    async def verify(self, site: Site) -> str:
        """See Scenario: it runs, and it and the service answer."""
        await self.steady(site)
        return f"{self.machine} runs, and the service answers"

    async def undo(self, site: Site) -> str:
        """See Scenario: it is started where it is off, and started anew where it runs and goes on not to answer."""
        switch = self.switch(site)
        power = await switch.settled()  # what was begun before a kill has had its effect by then
        await self.mend(site, switch)
        did = f"{self.machine} was not off"
        if power == "off":
            await switch.start()
            did = f"{self.machine} was started"
        try:
            await asyncio.wait_for(self._until_good(site), _STUBBORN)
        except TimeoutError:
            await self._anew(site)
            await self._until_good(site)
            return f"{self.machine} was started anew, since it did not answer, and does now"
        return f"{did}, and it answers"

    async def mend(self, site: Site, switch: Switch) -> None:
        """Takes back what would outlive its start; does nothing where there is nothing."""

    async def answers(self, site: Site) -> bool:
        """Whether the instance itself does."""
        return (await look(self._itself(site))).good

    def clients(self, estate: Estate) -> Clients:
        """See Scenario: as its customers."""
        place = self.place(estate)
        return Clients("http", (place.customers or place.url,))

    def breaks(self, estate: Estate) -> frozenset[str]:
        """See Scenario: this instance, whoever stands before it."""
        return frozenset({whereabouts(resolve(self.place(estate).url))})

    def switch(self, site: Site) -> Switch:
        """Its power switch; raises NotConfigured."""
        return Switch.of(site, "services", self.machine, self.place(site.estate))

    def place(self, estate: Estate) -> ServiceMachine:
        """What the environment says of it; raises NotConfigured."""
        drills = estate.environment.drills
        return named(drills.services if drills else {}, self.machine, "drills.services")

    async def _anew(self, site: Site) -> None:
        switch = self.switch(site)
        await self.mend(site, switch)
        if await switch.power() == "on":
            await switch.kill()
        await switch.start()

    async def _until_good(self, site: Site) -> None:
        good = 0
        site.waits(f"{self.machine} and its service do not both answer {_GOOD} times in a row")
        while good < _GOOD:
            both = await self.answers(site) and (await look(self.clients(site.estate))).good
            good = good + 1 if both else 0
            await asyncio.sleep(LOOK)

    def _itself(self, site: Site) -> Clients:
        return Clients("http", (self.place(site.estate).url,))


def _told(answers: bool) -> str:  # one word of a sentence
    return "answers" if answers else "does not answer"


def ordered(command: Command | None, name: str, machine: str) -> Command:
    """The command; raises NotConfigured where the environment names none."""
    if command is None:
        raise NotConfigured(f"drills.services.{machine} names no `{name}`; add the command to the environment file")
    return command
