"""Several things of a region are lost at once: what other scenarios of the book break, one by one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, PrivateAttr

from tasks.estate import Estate
from tasks.scenarios.scenario import Clients, Scenario, Site, Steady, Way
from tminus.drills.book import Drill
from tminus.environment import Environment
from tminus.errors import ActionFailed, CouldNotObserve, MissingSecret, NotConfigured, Refused, UsageError

_BROKE = (CouldNotObserve, NotConfigured, MissingSecret, Refused, ActionFailed)
_T = TypeVar("_T")


class RegionLost(Scenario, frozen=True):
    """All parts are broken at the same time, and each has an outside client: all losses count, and the longest outage.

    Attributes:
        parts: other scenarios of the book, each of one part.
    """

    kind: Literal["region.lost"] = "region.lost"
    parts: Annotated[tuple[str, ...], Field(min_length=2)]

    _played: Mapping[str, Scenario] = PrivateAttr(default_factory=dict)

    @property
    def others(self) -> tuple[str, ...]:
        """See Drill."""
        return self.parts

    def among(self, book: Mapping[str, Drill]) -> "RegionLost":
        """See Scenario; raises UsageError for a part that nothing plays."""
        played = {name: book[name] for name in self.parts}
        if strange := [name for name, one in played.items() if not isinstance(one, Scenario)]:
            raise UsageError(f"{', '.join(strange)}: nothing plays such a part")
        self._played = {name: one for name, one in played.items() if isinstance(one, Scenario)}
        return self

    def papers(self, environment: Environment, drill: str, part: str = "") -> Mapping[str, Path]:
        """See Scenario: of every part, by its name and its own."""
        del part
        of_parts = {name: one.papers(environment, drill, name) for name, one in self._played.items()}
        return {f"{name}-{paper}": path for name, papers in of_parts.items() for paper, path in papers.items()}

    async def steady(self, site: Site) -> Steady:
        """See Scenario: of every part."""
        all_of = await self._at_once(site, lambda part, here: part.steady(here))
        return {f"{name}: {key}": value for name, said in all_of.items() for key, value in said.items()}

    async def plan(self, site: Site) -> Way:
        """See Scenario: of every part; raises Refused where two would break the same."""
        all_of = await self._at_once(site, lambda part, here: part.plan(here))
        await asyncio.to_thread(self._require_apart, site.estate)
        return {f"{name}.{key}": value for name, way in all_of.items() for key, value in way.items()}

    def systems(self) -> dict[str, str]:
        """See Scenario: of every part."""
        return {f"{name}.{key}": one for name, part in self._played.items() for key, one in part.systems().items()}

    def varying(self) -> frozenset[str]:
        """See Scenario: of every part."""
        return frozenset(f"{name}.{key}" for name, part in self._played.items() for key in part.varying())

    async def require_ready(self, site: Site) -> None:
        """See Scenario: of every part."""
        await self._at_once(site, lambda part, here: part.require_ready(here))

    async def inject(self, site: Site) -> str:
        """See Scenario: all at once."""
        return _joined(await self._at_once(site, lambda part, here: part.inject(here)))

    async def detect(self, site: Site) -> str:
        """See Scenario: every part."""
        return _joined(await self._at_once(site, lambda part, here: part.detect(here)))

    async def recover(self, site: Site) -> str:
        """See Scenario: all at once, since one part may not serve before another does."""
        return _joined(await self._at_once(site, lambda part, here: part.recover(here)))

    async def verify(self, site: Site) -> str:
        """See Scenario: every part, once all are recovered."""
        return _joined(await self._at_once(site, lambda part, here: part.verify(here)))

    async def undo(self, site: Site) -> str:
        """See Scenario: the last part is begun with, and none waits for another; a failed one keeps none from it."""
        return _joined(await self._at_once(site, lambda part, here: part.undo(here), backwards=True))

    def clients(self, estate: Estate) -> Clients:
        """See Scenario: the first part's."""
        return self._played[self.parts[0]].clients(estate)

    def clients_of_parts(self, estate: Estate) -> Mapping[str, Clients]:
        """See Scenario: those of each; one for parts that are reached the same way."""
        reached: dict[str, Clients] = {}
        for name, part in self._played.items():
            if (clients := part.clients(estate)) not in reached.values():
                reached[name] = clients
        return reached

    def _require_apart(self, estate: Estate) -> None:
        """Raises Refused where two parts would break the same; MissingSecret, NotConfigured."""
        by_place: dict[str, list[str]] = {}
        for name, part in self._played.items():
            for place in part.breaks(estate):
                by_place.setdefault(place, []).append(name)
        if twice := next((names for names in by_place.values() if len(names) > 1), None):
            raise Refused(f"{' and '.join(twice)} break something of the same; nothing was broken")

    def _sites(self, site: Site) -> Sequence[tuple[str, Scenario, Site]]:
        """Each part, and the drill as it sees it."""
        return [(name, part, replace(site, way=_own(site.way, name), part=name)) for name, part in self._played.items()]

    async def _at_once(
        self, site: Site, ask: Callable[[Scenario, Site], Awaitable[_T]], *, backwards: bool = False
    ) -> Mapping[str, _T]:
        """What each part says. Once all have ended, raises what any could not: Refused where no other kind was."""
        sites = self._sites(site)[:: -1 if backwards else 1]
        asked = (_told(ask(part, here), here) for _, part, here in sites)
        said = await asyncio.gather(*asked, return_exceptions=True)  # nobody's deed goes on after this
        if mistake := next(
            (one for one in said if isinstance(one, BaseException) and not isinstance(one, _BROKE)), None
        ):
            raise mistake
        failed = {name: one for (name, _, _), one in zip(sites, said, strict=True) if isinstance(one, _BROKE)}
        if failed:
            kind = Refused if all(isinstance(one, Refused) for one in failed.values()) else CouldNotObserve
            raise kind(_joined({name: str(one) for name, one in failed.items()}))
        return {name: one for (name, _, _), one in zip(sites, said, strict=True) if not isinstance(one, BaseException)}


async def _told(coming: Awaitable[_T], site: Site) -> _T:
    """What it comes to, after which it waits for nothing any more."""
    said = await coming
    site.note.said.pop(site.part, None)
    return said


def _own(way: Way, part: str) -> Way:
    begin = f"{part}."
    return {key.removeprefix(begin): value for key, value in way.items() if key.startswith(begin)}


def _joined(said: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {one}" for name, one in said.items())
