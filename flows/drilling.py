"""A drill, taken from its steady state to the same again: whatever becomes of it, what it broke is undone.

One process holds the scenario's lease and the environment's lock from before anything is broken until all is as it was.
Whoever comes after a death undoes first, and never breaks anything again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from secrets import token_hex
from typing import Literal, TypeVar

from flows.diary import Diary, alone
from flows.drill_guards import Guards
from flows.drill_measured import client_of, measured, sentence, why_missed
from flows.drill_watch import Ended, Watch
from flows.drill_window import DrillWindow
from tasks.estate import Estate
from tasks.outside.beside import beside, forget
from tasks.scenarios.scenario import Scenario, Site
from tminus import events as ev
from tminus.clock import now
from tminus.drills.course import FORWARD, Course, Played
from tminus.drills.lever import Lever
from tminus.drills.opened import OpenedDrills
from tminus.drills.telling import letters
from tminus.environment import Kind
from tminus.errors import ActionFailed, CouldNotObserve, MissingSecret, NotConfigured, Refused, UsageError
from tminus.ledger.store import Store

T = TypeVar("T")
Say = Callable[[str], None]
How = Literal["held", "missed", "undone", "not undone"]
_LOOK = 0.25  # seconds between two looks at a steady state
_UNREST = timedelta(seconds=3)  # a Sentinel that lost sight of another for a moment
_BROKE = (CouldNotObserve, NotConfigured, MissingSecret, Refused, ActionFailed)


class Drilling:
    """One scenario, under its lease.

    Attributes:
        diary: its drills, and where they are written down.
        window: the one in which services that it makes noisy page nobody.
    """

    def __init__(
        self, opened: OpenedDrills, scenario: str, diary: Diary[Course], lever: Lever, estate: Estate, say: Say
    ) -> None:
        self._opened = opened
        self._name = scenario
        self._scenario = scenario_of(opened, scenario)
        self._estate = estate
        self._say = say
        self._lever = lever
        self._guards = Guards(opened.book.guards_of(scenario), estate)
        self._watch = Watch(lever, self._guards)
        self.diary = diary
        self.window = DrillWindow(self._scenario, diary, estate)

    async def play(self, asked_by: str = "", reason: str = "", approval: str = "") -> ev.DrillEnded:
        """From the steady state to the same again. Raises Refused, CouldNotObserve where nothing was begun."""
        async with self.diary.held(self._mistaken):
            try:
                drill = await self._begin(asked_by, reason, approval)
            except _BROKE as e:
                await self.diary.leave(ev.DrillRefused(scenario=self._name, why=str(e), asked_by=asked_by))
                raise
            await self._watched(drill)
            return await self._back(drill)

    async def _watched(self, drill: Played) -> None:
        """All stages, while an outside client writes and looks; what it saw is written down."""
        plan = client_of(self._scenario, self._estate, drill.name)
        try:
            async with self._watch, beside(plan) as client:
                await self._in_time(self._unless_stopped(drill, client.until_it_writes()))
                await self._unless_stopped(drill, asyncio.sleep(self._scenario.lead_in.total_seconds()))
                if not await self._through(drill):
                    return
                await self._in_time(self._unless_stopped(drill, client.until_good_again()))
                loss, seen = await client.end(drill.moments["inject"].timestamp())
        except _BROKE as e:
            await self._broke_off(drill, "verify" if drill.injected else "inject", e)
            return
        await self.diary.write(measured(drill, loss, seen))

    async def _through(self, drill: Played) -> bool:
        for stage in FORWARD:
            if not await self._done(drill, stage):
                return False
        return True

    async def undo(self, drill: Played) -> ev.DrillEnded:
        """Brings back what it broke, and compares with the steady state before; ends it, and frees the environment."""
        async with self.diary.held(self._mistaken):
            return await self._back(drill)

    async def _back(self, drill: Played) -> ev.DrillEnded:
        if drill.injected and not await self._done(drill, "undo"):
            return await self._end(drill, "not undone", f"{drill.broke_off[-1].why}; a person is needed")
        try:
            after = dict(await self._in_time(self._scenario.steady(self._site(drill))))
        except _BROKE as e:
            return await self._end(drill, "not undone", f"nobody can tell that all is as before: {e}")
        if changed := _changes(drill.began.before, after):
            return await self._end(drill, "not undone", f"not as before: {'; '.join(changed)}", after)
        if drill.broke_off or drill.measured is None:
            await self._swept(drill)
            why = drill.broke_off[0].why if drill.broke_off else "it was interrupted"
            return await self._end(drill, "undone", f"{why}; what was broken is undone, and all is as before", after)
        await self._swept(drill)
        missed = why_missed(drill, self._scenario.may_lose if self._in_production else None)
        told = f"{sentence(drill.measured)}; " if drill.measured else ""
        if missed:
            return await self._end(drill, "missed", f"{told}{missed}; all is as before", after)
        return await self._end(drill, "held", f"{told}all is as before", after)

    async def _swept(self, drill: Played) -> None:
        """What the client wrote is taken away; where that cannot be done it is said, and nothing hangs on it."""
        try:
            await forget(client_of(self._scenario, self._estate, drill.name))
        except _BROKE as e:
            self._say(f"{self._name}: {e}")

    async def require_allowed(self) -> None:
        """Raises Refused where the lever is pulled, saying by whom and why."""
        if why := await asyncio.to_thread(self._lever.pulled):
            raise Refused(f"no drill begins: {why}. `tminus drill --allow --reason WHY` lets them begin again")

    async def proposed(self, asked_by: str, reason: str, outside: str) -> ev.DrillAsked:
        """What somebody is asked to approve. Raises Refused where there is no steady state, CouldNotObserve."""
        site = Site(self._estate, "", {})
        await self._steady(site)
        await self._guards.require()
        return ev.DrillAsked(
            scenario=self._name,
            kind=self._scenario.kind,
            environment=self._opened.environment.environment,
            digests=self._opened.digests,
            way=dict(await self._in_time(self._scenario.plan(site))),
            may_lose=self._scenario.may_lose if self._in_production else None,
            outside=outside,
            asked_by=asked_by,
            reason=reason,
        )

    async def _steady(self, site: Site) -> Mapping[str, str]:
        """The steady state before anything is broken; raises Refused where there is none for longer than a moment."""
        until = now() + _UNREST
        while True:
            try:
                return await self._in_time(self._scenario.steady(site))
            except Refused:
                if now() > until:
                    raise
            await asyncio.sleep(_LOOK)

    @property
    def _in_production(self) -> bool:
        return self._opened.environment.kind is Kind.PRODUCTION

    async def _begin(self, asked_by: str, reason: str, approval: str) -> Played:
        await self.require_allowed()
        name = f"{now():%Y%m%dT%H%M%S.%fZ}-{token_hex(2)}"
        site = Site(self._estate, name, {})
        before = await self._steady(site)
        await self._guards.require()
        way = await self._in_time(self._scenario.plan(site))
        began = ev.DrillBegan(
            drill=name,
            scenario=self._name,
            kind=self._scenario.kind,
            environment=self._opened.environment.environment,
            digests=self._opened.digests,
            way=dict(way),
            before=dict(before),
            rto_s=Decimal(str(self._scenario.rto.total_seconds())),
            rpo_s=Decimal(str(self._scenario.rpo.total_seconds())),
            approval=approval,
            asked_by=asked_by,
            reason=reason,
        )
        await self.diary.write(began, *await self.window.open(name))
        return self.diary.course.drills[-1]

    async def _done(self, drill: Played, stage: ev.DrillStage) -> bool:
        """One stage; whether it was done. What it was not is written down, and pages."""
        await self.diary.write(ev.DrillStageBegan(drill=drill.name, stage=stage))
        deeds: dict[ev.DrillStage, Callable[[Site], Coroutine[object, object, str]]] = {
            "inject": self._scenario.inject,
            "detect": self._scenario.detect,
            "recover": self._scenario.recover,
            "verify": self._scenario.verify,
            "undo": self._scenario.undo,
        }
        deed = deeds[stage](self._site(drill))
        try:
            said = await self._in_time(deed if stage == "undo" else self._unless_stopped(drill, deed))
        except _BROKE as e:
            await self._broke_off(drill, stage, e)
            return False
        await self.diary.write(ev.DrillStageDone(drill=drill.name, stage=stage, said=said))
        self._say(f"{self._name}: {stage}: {said}")
        return True

    async def _unless_stopped(self, drill: Played, coming: Coroutine[object, object, T]) -> T:
        """What it comes to; raises Refused where the drill must end before that. Undoing is never stopped."""
        try:
            return await self._watch.unless_ended(coming)
        except Ended as e:
            await self.diary.write(ev.DrillStopped(drill=drill.name, why=str(e)))
            raise Refused(str(e)) from None

    async def _broke_off(self, drill: Played, stage: ev.DrillStage, error: Exception) -> None:
        await self.diary.write(ev.DrillBrokeOff(drill=drill.name, stage=stage, why=f"{stage}: {error}"))
        self._say(f"{self._name}: {stage} failed: {error}")

    async def _in_time(self, coming: Awaitable[T]) -> T:
        drills = self._opened.environment.drills
        patience = self._scenario.patience or (drills.patience if drills else timedelta(0))
        seconds = patience.total_seconds()
        try:
            return await asyncio.wait_for(coming, seconds)
        except TimeoutError as e:
            raise CouldNotObserve(f"it was not so within {seconds:g} s") from e

    async def _end(self, drill: Played, how: How, sentence: str, after: dict[str, str] | None = None) -> ev.DrillEnded:
        told = "; ".join(filter(None, (sentence, await self.window.end())))
        ended = ev.DrillEnded(drill=drill.name, how=how, sentence=f"{self._name}: {told}", after=after or {})
        if how == "not undone":  # nobody else changes anything there before a person did
            await self.diary.write(ended)
        else:
            await self.diary.leave(ended)
        return ended

    def _site(self, drill: Played) -> Site:
        return Site(self._estate, drill.name, drill.began.way, drill.moments)

    def _mistaken(self, why: str) -> ev.Event | None:
        """Where something may be broken nothing is freed: whoever comes next undoes it first."""
        return None if self.diary.course.unproven else ev.DrillRefused(scenario=self._name, why=why)


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return [f"{key}: {was} before, {after.get(key)} now" for key, was in before.items() if after.get(key) != was]


def scenario_of(opened: OpenedDrills, name: str) -> Scenario:
    """What the book says, which plays itself; raises UsageError for an unknown name."""
    [(_, drill)] = opened.book.named((name,))
    if not isinstance(drill, Scenario):
        raise UsageError(f"{name}: nothing plays a {drill.kind}")
    return drill.among(opened.book.scenarios)


@asynccontextmanager
async def drilling(store: Store, opened: OpenedDrills, name: str, say: Say) -> AsyncIterator[Drilling]:
    """The block in which nobody else plays this scenario.

    Raises Refused where somebody does; UsageError for an unknown name; LedgerError, NotConfigured, MissingSecret.
    """
    scenario_of(opened, name)
    environment, chain = opened.environment, opened.chain(name)
    async with alone(store, opened, chain, opened.system) as (token, estate):
        diary = Diary(store, environment, chain, token, opened.course(store, name), partial(letters, opened, name))
        if diary.course.unproven is None:
            await diary.free()  # somebody died between taking it and writing that a drill begins
        lever = Lever(store, opened.system, environment.environment)
        one = Drilling(opened, name, diary, lever, estate, say)
        if one.diary.course.unproven is None and (left := await one.window.end()):
            say(f"{name}: {left}")
        yield one
