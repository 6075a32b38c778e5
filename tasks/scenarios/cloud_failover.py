"""A failover that AWS is told to make, and what is the same for each of its services that can."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from tasks.aws_client import AwsService, aws_service
from tasks.estate import Estate
from tasks.outside.looking import serves
from tasks.scenarios.failover_events import Turn, Turns, turns_since
from tasks.scenarios.scenario import Scenario, Site, Steady, Way
from tminus.clock import now, show_duration
from tminus.errors import Refused

_LOOK = 1.0  # seconds between two questions to AWS, which counts them
_SETTLED = timedelta(minutes=5)
"""After so long without a word of AWS about a failover, none is under way: more than twice the 60 to 120 seconds that
one typically takes, see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZ.Failover.html; those of
Aurora and ElastiCache take less."""
_SLACK = timedelta(minutes=1)  # for the looks after that


@dataclass(frozen=True)
class Condition:
    """What AWS says of it now.

    Attributes:
        wrong: why it could not fail over now; "" where it could.
        up: whether whoever serves may be asked, by AWS' word.
        serving: the zone or node that serves; "" where none does.
        standbys: those that could.
        steady: what of it is the steady state, where nothing is wrong.
    """

    wrong: str
    up: bool
    serving: str
    standbys: Sequence[str]
    steady: Mapping[str, str]

    @property
    def heirs(self) -> str:
        """The standbys, as the way of a drill names them."""
        return ", ".join(sorted(self.standbys))


class CloudFailover(Scenario, ABC, frozen=True):
    """One call tells AWS to fail over; who serves afterwards is no part of the steady state.

    Attributes:
        service: botocore's name for the service.
        what: what fails over, for people.
        turns: how the service's events about a failover begin.
        moved_ends_it: whether a failover is over once another one serves and nothing is wrong.
    """

    needs: ClassVar[tuple[str, ...]] = ("aws",)

    service: ClassVar[str]
    what: ClassVar[str]
    turns: ClassVar[Turns]
    moved_ends_it: ClassVar[bool] = True

    @property
    @abstractmethod
    def called(self) -> str:
        """Its name in the environment."""

    @abstractmethod
    async def condition(self, site: Site) -> Condition:
        """What AWS says of it now; raises CouldNotObserve."""

    @abstractmethod
    def sources(self, site: Site) -> Mapping[str, str]:
        """Whose events count, see turns_since."""

    @abstractmethod
    def order(self, site: Site) -> None:
        """The one call; raises CouldNotObserve. Blocks."""

    async def steady(self, site: Site) -> Steady:
        """See Scenario: nothing is wrong by AWS' word, and it answers."""
        seen = await self._unless_wrong(site)
        if not await serves(self.clients(site.estate)):
            raise Refused(f"{self.called}: AWS says available, but it does not answer at its address")
        return {**seen.steady, "answers": "yes"}

    async def require_ready(self, site: Site) -> None:
        """See Scenario: where a stage is given up before it could be known that no failover comes any more."""
        drills = site.estate.environment.drills
        patience = self.patience or (drills.patience if drills else None)
        if patience is not None and patience < _SETTLED + _SLACK:
            raise Refused(
                f"{self.called}: its patience is {show_duration(patience)}, and only {show_duration(_SETTLED)} after "
                "the call it is known that no failover comes any more: give the scenario a `patience` of 10 minutes"
            )
        await asyncio.to_thread(self._turns, site, now())

    async def plan(self, site: Site) -> Way:
        """See Scenario: who serves, and who could."""
        seen = await self._unless_wrong(site)
        return {"victim": seen.serving, "heir": seen.heirs}

    async def inject(self, site: Site) -> str:
        """See Scenario. Raises Refused where it is not any more as it was planned."""
        seen = await self.condition(site)
        if seen.wrong or (seen.serving, seen.heirs) != (site.way["victim"], site.way["heir"]):
            raise Refused(f"{self.called}: {self.what} is not as it was planned; nothing was changed")
        await site.fence()
        await asyncio.to_thread(self.order, site)
        return f"{self.called} was told to fail over from {seen.serving}"

    async def detect(self, site: Site) -> str:
        """See Scenario: by what AWS says of it, or by its events, where it is over between two looks.

        Raises Refused where AWS abandons it.
        """
        since = _ordered(site)
        while True:
            seen = await self.condition(site)
            if seen.wrong or seen.serving != site.way["victim"]:
                return f"{self.called} {seen.wrong or 'could fail over'}, and {_served(seen)}"
            if turns := await asyncio.to_thread(self._turns, site, since):
                turn = turns[-1][1]
                if turn == "abandoned":
                    raise Refused(f"{self.called}: AWS abandoned the failover; its events say why")
                return f"{self.called}: AWS tells that a failover {turn}"
            site.waits(f"{self.called}: {self.what} is as before, and no event tells of a failover")
            await asyncio.sleep(_LOOK)

    async def recover(self, site: Site) -> str:
        """See Scenario: until another one serves, and answers; AWS does that by itself."""
        while True:
            seen = await self.condition(site)
            moved = seen.up and seen.serving not in {"", site.way["victim"]}
            if moved and await serves(self.clients(site.estate)):
                return f"{self.called} serves from {seen.serving}"
            site.waits(f"{self.called} {seen.wrong or 'is available'}, and {_served(seen)}")
            await asyncio.sleep(_LOOK)

    async def verify(self, site: Site) -> str:
        """See Scenario: one that was a standby serves, and answers."""
        seen = await self.condition(site)
        if not seen.up or seen.serving not in site.way["heir"].split(", "):
            raise Refused(
                f"{self.called} {seen.wrong or 'is available'}, and {_served(seen)}; it must be served from "
                f"{site.way['heir']}"
            )
        if not await serves(self.clients(site.estate)):
            raise Refused(f"{self.called}: it does not answer at its address")
        return f"{self.called} serves from {seen.serving}, which was a standby"

    async def undo(self, site: Site) -> str:
        """See Scenario: whoever serves goes on; waits until no failover can come any more, and all is well."""
        since = _ordered(site)
        while True:
            seen = await self.condition(site)
            over = "" if seen.wrong else await self._over(site, seen, since)
            if over and await serves(self.clients(site.estate)):
                return f"{self.called}: {_served(seen)}, and {seen.heirs} could; {over}"
            waits = seen.wrong or ("does not answer" if over else "has not failed over, as far as AWS tells")
            site.waits(f"{self.called} {waits}; no failover may be under way any more, and it must answer")
            await asyncio.sleep(_LOOK)

    def aws(self, estate: Estate) -> AwsService:
        """The service, where the environment's `aws` is."""
        return aws_service(estate, self.service)

    async def _unless_wrong(self, site: Site) -> Condition:
        """Raises Refused where it could not fail over."""
        seen = await self.condition(site)
        if seen.wrong:
            raise Refused(f"{self.called}: {self.what} {seen.wrong}")
        return seen

    async def _over(self, site: Site, seen: Condition, since: datetime) -> str:
        """How it is known that no failover comes any more; "" where it is not."""
        if self.moved_ends_it and seen.serving != site.way["victim"]:
            return f"it failed over from {site.way['victim']}"
        turns = await asyncio.to_thread(self._turns, site, since)
        if turns and turns[-1][1] != "began":
            return f"AWS tells that the failover {'ended' if turns[-1][1] == 'ended' else 'was abandoned'}"
        newest = max([since, *(at for at, _ in turns)])
        if (quiet := now() - newest) < _SETTLED:
            return ""
        told = "that a failover began, and not that it ended" if turns else "of no failover"
        return f"AWS told {told}, and nothing for {show_duration(timedelta(seconds=quiet // timedelta(seconds=1)))}"

    def _turns(self, site: Site, since: datetime) -> Sequence[tuple[datetime, Turn]]:
        return turns_since(self.aws(site.estate), since, self.turns, self.sources(site))


def _ordered(site: Site) -> datetime:
    """Before AWS was told."""
    return site.began.get("inject") or now()


def _served(seen: Condition) -> str:
    return f"serves from {seen.serving}" if seen.serving else "nobody serves"
