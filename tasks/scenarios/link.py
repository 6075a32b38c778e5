"""A link through a Toxiproxy that a drill disturbs, and what is the same however it does.

The API: https://github.com/Shopify/toxiproxy#http-api. What a drill adds there bears names of its own, and nothing else
is ever taken away.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field, JsonValue

from tasks.estate import Estate, named
from tasks.outside.looking import Look, look, serves, until_good
from tasks.scenarios.killed import LOOK
from tasks.scenarios.scenario import Clients, Scenario, Site, Steady, Way
from tasks.vendor_api import Page, Reply, VendorApi
from tminus.clock import Duration, show_duration
from tminus.errors import CouldNotObserve, Refused
from tminus.systems.drill_links import Link

_OURS = "tminus-"
_CLEAN = 5  # looks in a row after which nothing that was asked for before a kill comes any more


class Toxic(Page, frozen=True):
    """One disturbance, as the proxy has it."""

    name: str
    type: str


class Proxy(Page, frozen=True):
    """A proxy as it is now."""

    enabled: bool
    toxics: tuple[Toxic, ...] = ()

    @property
    def disturbed_by(self) -> Sequence[str]:
        """The names of what was added to it."""
        return [one.name for one in self.toxics]


class DisturbedLink(Scenario, ABC, frozen=True):
    """A scenario in which a link no longer does what it should; it is the network that is mended in the end.

    Attributes:
        link: which of the environment's `drills.links`.
        lasts: how long it stays so once that was noticed.
        noticed: whether the outside client must notice. Where a service is to go on without the link it must not, and
            any outage is then measured as any other.
    """

    sections: ClassVar[Mapping[str, str]] = {"link": "links"}

    link: str
    lasts: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(seconds=10)
    noticed: bool = True

    def toxics(self) -> Mapping[str, Mapping[str, JsonValue]]:
        """What is added: name → type, stream, attributes."""
        return {}

    @abstractmethod
    def seen(self, one: Look) -> bool:
        """Whether a look from outside shows it."""

    async def steady(self, site: Site) -> Steady:
        """See Scenario: the link is open and undisturbed, and the client is answered."""
        proxy, answered = await asyncio.gather(self.proxy(site), serves(self.clients(site.estate)))
        if not proxy.enabled or proxy.toxics or not answered:
            raise Refused(
                f"{self.link} is {'open' if proxy.enabled else 'closed'}, disturbed by "
                f"{', '.join(proxy.disturbed_by) or 'nothing'}, and its client is "
                f"{'answered' if answered else 'not answered'}; it must be open, undisturbed, and answered"
            )
        return {"open": "yes", "disturbed by": "nothing", "the client is answered": "yes"}

    async def plan(self, site: Site) -> Way:
        """See Scenario."""
        await self.proxy(site)
        return {"link": self.link}

    async def inject(self, site: Site) -> str:
        """See Scenario."""
        for name, toxic in self.toxics().items():
            await self.ask(site, "POST", "/toxics", {"name": f"{_OURS}{name}", "toxicity": 1.0, **toxic})
        there = (await self.proxy(site)).disturbed_by
        if missing := {f"{_OURS}{name}" for name in self.toxics()} - set(there):
            raise CouldNotObserve(f"{self.link}: {', '.join(sorted(missing))} was added and is not there")
        return f"{self.link} is disturbed: {self.title}"

    async def detect(self, site: Site) -> str:
        """See Scenario: from outside, where the client must notice."""
        if not self.noticed:
            return "the client need not notice"
        site.waits(f"nobody notices that {self.link} is disturbed; say `noticed: false` where they must not")
        while not self.seen(await look(self.clients(site.estate))):
            await asyncio.sleep(LOOK)
        return f"whoever needs {self.link} notices"

    async def recover(self, site: Site) -> str:
        """See Scenario: the network is mended after a while, and the client comes back by itself."""
        await asyncio.sleep(self.lasts.total_seconds())
        await self.mended(site)
        await self._until_good(site)
        return f"{self.link} was mended after {show_duration(self.lasts)}, and its client is answered"

    async def verify(self, site: Site) -> str:
        """See Scenario."""
        await self.steady(site)
        return f"{self.link} is undisturbed, and its client is answered"

    async def undo(self, site: Site) -> str:
        """See Scenario: what drills add is taken away, until it stays so; what others added is left."""
        clean, gone = 0, 0
        while clean < _CLEAN:
            taken = await self.mended(site)
            gone, clean = gone + taken, 0 if taken else clean + 1
            await asyncio.sleep(LOOK)
        await self._until_good(site)
        return f"{self.link} is mended" if gone else f"{self.link} was not disturbed any more"

    def clients(self, estate: Estate) -> Clients:
        """See Scenario."""
        client = self._place(estate).client
        return Clients(client.store, client.references)

    def breaks(self, estate: Estate) -> frozenset[str]:
        """See Scenario: the link alone."""
        place = self._place(estate)
        return frozenset({f"{place.proxy} of {place.api.url}"})

    async def _until_good(self, site: Site) -> None:
        site.waits(f"the client of {self.link} is not answered in time a few times in a row")
        await until_good(self.clients(site.estate))

    async def mended(self, site: Site) -> int:
        """Takes away what a drill did: how many things; one that is gone meanwhile is as good."""
        ours = [name for name in (await self.proxy(site)).disturbed_by if name.startswith(_OURS)]
        for name in ours:
            await self.ask(site, "DELETE", f"/toxics/{name}")
        return len(ours)

    async def proxy(self, site: Site) -> Proxy:
        """As it is now; raises CouldNotObserve."""
        reply = await self.ask(site, "GET", "")
        if reply.absent:
            proxy = self._place(site.estate).proxy
            raise CouldNotObserve(
                f"{self.link}: the Toxiproxy has no proxy {proxy!r}; did it start without its config?"
            )
        return self._api(site.estate).parse(Proxy, reply, self._path(site.estate))

    async def ask(self, site: Site, method: str, path: str, json: JsonValue = None) -> Reply:
        """Asks the API for something of this proxy; raises CouldNotObserve."""
        if method != "GET":
            await site.fence()
        return await self._api(site.estate).ask(method, self._path(site.estate) + path, json=json)

    def _path(self, estate: Estate) -> str:
        return f"/proxies/{self._place(estate).proxy}"

    def _api(self, estate: Estate) -> VendorApi:
        section = self._place(estate).api
        return VendorApi("toxiproxy", section, estate.clients.trusting(section.ca_file))

    def _place(self, estate: Estate) -> Link:
        drills = estate.environment.drills
        return named(drills.links if drills else {}, self.link, "drills.links")
