"""Whether a drill may begin on what is there now, and what is written down of it before anything is broken."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from secrets import token_hex
from typing import TypeVar

from flows.drill_guards import Guards
from tasks.estate import Estate
from tasks.scenarios.scenario import Note, Scenario, Site
from tminus import events as ev
from tminus.clock import now
from tminus.drills.lever import Lever
from tminus.drills.opened import OpenedDrills
from tminus.environment import Kind
from tminus.errors import CouldNotObserve, NotConfigured, Refused

T = TypeVar("T")
_LOOK = 0.25  # seconds between two looks at a steady state
_UNREST = timedelta(seconds=3)  # a Sentinel that lost sight of another for a moment


def in_production(opened: OpenedDrills) -> bool:
    """Whether losses must be signed for."""
    return opened.environment.kind is Kind.PRODUCTION


async def in_time(opened: OpenedDrills, scenario: Scenario, coming: Awaitable[T], note: Note | None = None) -> T:
    """What it comes to within the scenario's patience, or the environment's.

    Raises CouldNotObserve after that, with what is noted there; NotConfigured where nobody says how long that is.
    """
    drills = opened.environment.drills
    patience = scenario.patience or (drills.patience if drills else None)
    if patience is None:
        raise NotConfigured(f"{opened.environment.environment} has no `drills:`, which names what may be broken there")
    seconds = patience.total_seconds()
    try:
        return await asyncio.wait_for(coming, seconds)
    except TimeoutError as e:
        waits = f": {note.text}" if note is not None and note.text else ""
        raise CouldNotObserve(f"not done within its patience of {seconds:g} s{waits}") from e


@dataclass(frozen=True)
class Wanted:
    """Who wants a drill to begin.

    Attributes:
        asked_by: a person's id, or whoever typed it; "" for the schedule.
        reason: theirs.
        approval: the chain in which somebody said yes; "" where nobody was asked.
        agreed: the way to which they did.
        outside: the rules of the calendar that were overridden.
    """

    asked_by: str = ""
    reason: str = ""
    approval: str = ""
    agreed: Mapping[str, str] = field(default_factory=dict)
    outside: str = ""


class Beginning:
    """One scenario, before its drill."""

    def __init__(
        self, opened: OpenedDrills, name: str, scenario: Scenario, estate: Estate, lever: Lever, guards: Guards
    ) -> None:
        self._opened = opened
        self._name = name
        self._scenario = scenario
        self._estate = estate
        self._lever = lever
        self._guards = guards

    async def require_allowed(self) -> None:
        """Raises Refused where the lever is pulled, saying by whom, why, and how it is let go of."""
        if why := await asyncio.to_thread(self._lever.pulled):
            raise Refused(f"no drill begins: {why}. {self._lever.how_to_allow()}")

    async def proposed(self, asked_by: str, reason: str, outside: str) -> ev.DrillAsked:
        """What somebody is asked to approve. Raises Refused where there is no steady state, CouldNotObserve."""
        _, way = await self._looked("")
        return ev.DrillAsked(
            scenario=self._name,
            kind=self._scenario.kind,
            environment=self._opened.environment.environment,
            digests=self._opened.digests,
            way={key: value for key, value in way.items() if key not in self._scenario.varying()},
            may_lose=self._scenario.may_lose if in_production(self._opened) else None,
            outside=outside,
            asked_by=asked_by,
            reason=reason,
        )

    async def begun(self, wanted: Wanted) -> ev.DrillBegan:
        """What is written down of it. Raises Refused where it may not begin, CouldNotObserve."""
        await self.require_allowed()
        name = f"{now():%Y%m%dT%H%M%S.%fZ}-{token_hex(2)}"
        before, way = await self._looked(name)
        if other := [
            f"{key} is {way.get(key)}, and was {was}" for key, was in wanted.agreed.items() if way.get(key) != was
        ]:
            raise Refused(f"it is not what was approved any more: {'; '.join(other)}. Nothing was broken; ask again")
        return ev.DrillBegan(
            drill=name,
            scenario=self._name,
            kind=self._scenario.kind,
            environment=self._opened.environment.environment,
            digests=self._opened.digests,
            way=dict(way),
            before=dict(before),
            rto_s=Decimal(str(self._scenario.rto.total_seconds())),
            rpo_s=Decimal(str(self._scenario.rpo.total_seconds())),
            approval=wanted.approval,
            asked_by=wanted.asked_by,
            reason=wanted.reason,
            outside=wanted.outside,
            systems=self._scenario.systems(),
        )

    async def _looked(self, drill: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """The steady state, and the way of a drill."""
        site = Site(self._estate, drill, {})
        before = await self._steady(site)
        await in_time(self._opened, self._scenario, self._scenario.require_ready(site))
        await self._guards.require()
        return before, await in_time(self._opened, self._scenario, self._scenario.plan(site))

    async def _steady(self, site: Site) -> Mapping[str, str]:
        """The steady state before anything is broken; raises Refused where there is none for longer than a moment."""
        until = now() + _UNREST
        while True:
            try:
                return await in_time(self._opened, self._scenario, self._scenario.steady(site))
            except Refused:
                if now() > until:
                    raise
            await asyncio.sleep(_LOOK)
