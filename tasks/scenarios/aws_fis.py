"""An experiment of AWS' Fault Injection Service is played, from a template of one's own."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Literal

from tasks.aws_client import AwsService, aws_service
from tasks.estate import Estate, named
from tasks.outside.looking import serves, until_good
from tasks.scenarios.fis_experiment import Experiment, Template, found, started, template, told_to_stop, under_way
from tasks.scenarios.scenario import Clients, Scenario, Site, Steady, Way
from tminus.clock import now
from tminus.errors import Refused
from tminus.systems.drill_cloud import FisExperiment

_LOOK = 1.0  # seconds between two questions to AWS, which counts them
_LISTED = timedelta(minutes=1)  # after which an experiment that AWS does not list was never started


class AwsFis(Scenario, frozen=True):
    """StartExperiment with the drill's name as its token, so that there is never a second one.

    Attributes:
        experiment: which of the environment's `drills.fis`.
    """

    sections: ClassVar[Mapping[str, str]] = {"experiment": "fis"}
    needs: ClassVar[tuple[str, ...]] = ("aws",)

    kind: Literal["aws.fis"] = "aws.fis"
    experiment: str

    async def steady(self, site: Site) -> Steady:
        """See Scenario: no experiment of the template is under way, and the client is answered."""
        name = self._place(site.estate).template
        if going := await asyncio.to_thread(under_way, self._fis(site.estate), name):
            raise Refused(f"{self.experiment}: {len(going)} of its experiments are not over: {going[0].said}")
        if not await serves(self.clients(site.estate)):
            raise Refused(f"{self.experiment}: no experiment is under way, and its client is not answered")
        return {"experiments under way": "0", "the client is answered": "yes"}

    async def plan(self, site: Site) -> Way:
        """See Scenario: the template, and what it says. Raises Refused where nothing would stop it."""
        name = self._place(site.estate).template
        return {"template": name, "content": (await self._playable(site, name)).digest}

    async def inject(self, site: Site) -> str:
        """See Scenario. Raises Refused where the template is not any more what was planned."""
        name = site.way["template"]
        if (await self._playable(site, name)).digest != site.way["content"]:
            raise Refused(f"{self.experiment}: the template {name} was changed since it was planned; nothing was begun")
        await site.fence()
        begun = await asyncio.to_thread(started, self._fis(site.estate), name, _token(site))
        return f"{self.experiment}: the experiment {begun.id[:40]} was started"

    async def detect(self, site: Site) -> str:
        """See Scenario: it runs, or ran already."""
        while True:
            seen = await self._going(site)
            if seen is not None and seen.state.status in {"running", "completed"}:
                return f"{self.experiment}: {seen.said}"
            site.waits(f"{self.experiment}: {seen.said if seen else 'AWS lists no experiment of this drill'}")
            await asyncio.sleep(_LOOK)

    async def recover(self, site: Site) -> str:
        """See Scenario: until it is completed, and the client is answered several times in a row."""
        while (seen := await self._going(site)) is None or seen.goes_on:
            site.waits(f"{self.experiment}: {seen.said if seen else 'AWS lists no experiment of this drill'}")
            await asyncio.sleep(_LOOK)
        await self._until_good(site)
        return f"{self.experiment}: {seen.said}, and its client is answered"

    async def verify(self, site: Site) -> str:
        """See Scenario."""
        await self.steady(site)
        return f"{self.experiment}: no experiment is under way, and its client is answered"

    async def undo(self, site: Site) -> str:
        """See Scenario: the drill's experiment is stopped where it is not over; waits until it is."""
        fis, since, told = self._fis(site.estate), now(), False  # what was sent before a kill may still be on its way
        while (seen := await self._found(site)) is None or seen.goes_on:
            if seen is None and now() - since >= _LISTED:
                break
            if seen is not None and not told and seen.state.status != "stopping":
                await site.fence()
                await asyncio.to_thread(told_to_stop, fis, seen)
                told = True
            site.waits(f"{self.experiment}: {seen.said if seen else 'an experiment that AWS does not list may come'}")
            await asyncio.sleep(_LOOK)
        await self._until_good(site)
        return f"{self.experiment}: {seen.said if seen else 'no experiment was started'}, and its client is answered"

    def clients(self, estate: Estate) -> Clients:
        """See Scenario."""
        client = self._place(estate).client
        return Clients(client.store, client.references)

    def breaks(self, estate: Estate) -> frozenset[str]:
        """See Scenario: what its template does; that others break the same nobody can tell."""
        return frozenset({f"the experiment template {self._place(estate).template}"})

    async def _playable(self, site: Site, name: str) -> Template:
        """The template; raises Refused where no drill begins with it."""
        seen = await asyncio.to_thread(template, self._fis(site.estate), name)
        if seen.wrong:
            raise Refused(f"{self.experiment}: the template {name} {seen.wrong}")
        return seen

    async def _going(self, site: Site) -> Experiment | None:
        """The drill's experiment; raises Refused where it ended otherwise than completed."""
        seen = await self._found(site)
        if seen is not None and not seen.goes_on and seen.state.status != "completed":
            raise Refused(f"{self.experiment}: the experiment {seen.said}")
        return seen

    async def _found(self, site: Site) -> Experiment | None:
        return await asyncio.to_thread(found, self._fis(site.estate), site.way["template"], _token(site))

    async def _until_good(self, site: Site) -> None:
        site.waits(f"the client of {self.experiment} is not answered in time a few times in a row")
        await until_good(self.clients(site.estate))

    def _fis(self, estate: Estate) -> AwsService:
        return aws_service(estate, "fis")

    def _place(self, estate: Estate) -> FisExperiment:
        drills = estate.environment.drills
        return named(drills.fis if drills else {}, self.experiment, "drills.fis")


def _token(site: Site) -> str:
    """What no other experiment has: the drill's name, and which part of it this is."""
    return f"{site.drill}.{site.part}" if site.part else site.drill
