"""A drill, taken from its steady state to the same again: whatever becomes of it, what it broke is undone.

One process holds the scenario's lease and the environment's lock from before anything is broken until all is as it was.
Whoever comes after a death undoes first, and never breaks anything again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import TypeVar

from flows.diary import Diary
from flows.drill_begin import Beginning, Wanted, in_production, in_time
from flows.drill_guards import Guards
from flows.drill_measured import How, clients_of, ended_as, measured, sentence, why_missed
from flows.drill_watch import Ended, Watch
from flows.drill_window import DrillWindow
from flows.uninterrupted import forget_cancellation, uninterrupted
from tasks.estate import Estate
from tasks.outside.beside import forget, lost
from tasks.outside.together import together
from tasks.scenarios.scenario import Scenario, Site
from tminus import events as ev
from tminus.drills.course import FORWARD, Course, Played, way_said
from tminus.drills.lever import Lever
from tminus.drills.opened import OpenedDrills
from tminus.drills.receipts import Loss, all_losses
from tminus.errors import (
    ActionFailed,
    CouldNotObserve,
    FencedOff,
    LedgerError,
    LeftBroken,
    MissingSecret,
    NotConfigured,
    Refused,
)

T = TypeVar("T")
Say = Callable[[str], None]
_BROKE = (CouldNotObserve, NotConfigured, MissingSecret, Refused, ActionFailed)
_INTERRUPTED = "somebody interrupted it (Ctrl-C, a signal, or a cancelled run)"
_logger = logging.getLogger(__name__)


class Drilling:
    """One scenario, under its lease.

    Attributes:
        diary: its drills, and where they are written down.
        window: the one in which services that it makes noisy page nobody.
        beginning: whether it may begin.
    """

    def __init__(
        self,
        opened: OpenedDrills,
        named: tuple[str, Scenario],
        diary: Diary[Course],
        lever: Lever,
        estate: Estate,
        say: Say,
    ) -> None:
        self._opened = opened
        self._name, self._scenario = named
        self._estate = estate
        self._say = say
        guards = Guards(opened.book.guards_of(self._name), estate)
        self._watch = Watch(lever, guards)
        self.diary = diary
        self.window = DrillWindow(self._scenario, diary, estate)
        self.beginning = Beginning(opened, self._name, self._scenario, estate, lever, guards)

    async def play(self, wanted: Wanted) -> ev.DrillEnded:
        """From the steady state to the same again, also where somebody interrupts it.

        Raises Refused, CouldNotObserve where nothing was begun; LeftBroken where the ledger fails meanwhile; FencedOff
        where another process goes on with it.
        """
        async with self.diary.held(self._mistaken):
            drill = await self._forth(wanted)
            return await self._and_back(drill)

    async def undo(self, drill: Played) -> ev.DrillEnded:
        """Brings back what it broke, and compares with the steady state before; ends it, and frees the environment."""
        async with self.diary.held(self._mistaken):
            return await self._and_back(drill)

    async def _forth(self, wanted: Wanted) -> Played:
        """As far as it goes: to its end, to what could not be done, or to an interruption."""
        try:
            began = await self.beginning.begun(wanted)
            await self.diary.write(began, *await self.window.open(began.drill))
            self._say(f"{self._name}: begins: {way_said(began.way)}, {self._scenario.rate} writes a second meanwhile")
            await self._watched(self.diary.course.drills[-1])
        except _BROKE as e:
            await self.diary.leave(ev.DrillRefused(scenario=self._name, why=str(e), asked_by=wanted.asked_by))
            raise
        except asyncio.CancelledError:
            if (left := self.diary.course.unproven) is None:
                await uninterrupted(self._never_begun(wanted), self._goes_on)
                raise
            forget_cancellation()
            await uninterrupted(self._interrupted(left), self._goes_on)
        except LedgerError as e:
            raise self._abandoned(e) from e
        except Exception as e:  # noqa: BLE001 - what was broken is undone, whoever made the mistake
            await self._mistaken_forth(e)
        return self.diary.course.drills[-1]

    async def _never_begun(self, wanted: Wanted) -> None:
        left = await self.window.end()
        why = "; ".join(filter(None, (_INTERRUPTED, left)))
        await self.diary.leave(ev.DrillRefused(scenario=self._name, why=why, asked_by=wanted.asked_by))

    async def _interrupted(self, drill: Played) -> None:
        await self.diary.write(ev.DrillStopped(drill=drill.name, why=_INTERRUPTED))
        await self._broke_off(drill, drill.stage or "inject", Refused(_INTERRUPTED))

    def _goes_on(self) -> None:
        self._say(f"{self._name}: interrupted while it is undone, which goes on; a kill would leave it broken")

    async def _mistaken_forth(self, error: Exception) -> None:
        """Writes down what nobody foresaw; raises it where nothing was begun."""
        if (left := self.diary.course.unproven) is None:
            raise error
        await self._broke_off(left, left.stage or "inject", ActionFailed(_failed(error)))

    async def _watched(self, drill: Played) -> None:
        """All stages, while an outside client writes and looks; what it saw is written down."""
        try:
            plans = clients_of(self._scenario, self._estate, drill.name)
            async with self._watch, together(plans) as clients:
                await self._in_time(self._unless_stopped(drill, clients.until_they_write))
                await self._unless_stopped(drill, partial(asyncio.sleep, self._scenario.lead_in.total_seconds()))
                if not await self._through(drill):
                    return
                await self._in_time(self._unless_stopped(drill, clients.until_good_again))
                seen = await clients.end(drill.moments["inject"].timestamp())
        except _BROKE as e:
            await self._broke_off(drill, "verify" if drill.injected else "inject", e)
            return
        await self.diary.write(measured(drill, seen))

    async def _through(self, drill: Played) -> bool:
        for stage in FORWARD:
            if not await self._done(drill, stage):
                return False
        return True

    async def _and_back(self, drill: Played) -> ev.DrillEnded:
        """How it ended; what cannot be undone, for whatever reason, is told to a person."""
        try:
            return await uninterrupted(self._back(drill), self._goes_on)
        except LedgerError as e:
            raise self._abandoned(e) from e
        except Exception as e:  # noqa: BLE001 - a person must hear of it, whoever made the mistake
            return await self._end(drill, "not undone", f"{_failed(e)}; a person is needed")

    async def _back(self, drill: Played) -> ev.DrillEnded:
        if drill.injected and not await self._done(drill, "undo"):
            return await self._end(drill, "not undone", f"{drill.broke_off[-1].why}; a person is needed")
        site = self._site(drill)
        try:
            after = dict(await self._in_time(self._scenario.steady(site)))
        except _BROKE as e:
            return await self._end(drill, "not undone", f"nobody can tell that all is as before: {e}")
        if changed := _changes(drill.began.before, after):
            return await self._end(drill, "not undone", f"not as before: {'; '.join(changed)}", after)
        if drill.broke_off or drill.measured is None:
            why = drill.broke_off[0].why if drill.broke_off else "it was interrupted"
            did = f"what was broken is undone ({drill.done['undo'].said})" if drill.injected else "nothing was broken"
            writes, said = await self._receipts(drill) if drill.injected else (None, "all is as before")
            ended = await self._end(drill, "undone", f"{why}; {did}, and {said}", after, writes)
            await self._swept(drill)  # after it is written down: killed in between, all would count as lost
            return ended
        await self._swept(drill)
        missed = why_missed(drill, self._scenario.may_lose if in_production(self._opened) else None)
        told = f"{sentence(drill.measured)}; "
        if missed:
            return await self._end(drill, "missed", f"{told}{missed}; all is as before", after)
        return await self._end(drill, "held", f"{told}all is as before", after)

    async def _receipts(self, drill: Played) -> tuple[Loss | None, str]:
        """What became of the writes of a drill that was not measured, as far as there are receipts of them here."""
        try:
            plans = clients_of(self._scenario, self._estate, drill.name)
            found = all_losses(await self._in_time(_all(map(lost, plans.values()))))
        except _BROKE as e:
            return None, f"all is as before; nobody knows what was lost: {e}"
        if not (acknowledged := len(found.kept) + len(found.lost)):
            return None, "all is as before"
        said = f"{len(found.lost):,} of {acknowledged:,} acknowledged writes are lost ({found.lost_s:.2f} s)"
        return found, f"the roles are as before, but {said}" if found.lost else f"all is as before; {said}"

    async def _swept(self, drill: Played) -> None:
        """What the client wrote is taken away; where that cannot be done it is said, and nothing hangs on it."""
        try:
            plans = clients_of(self._scenario, self._estate, drill.name)
            await self._in_time(_all(map(forget, plans.values())))
        except _BROKE as e:
            self._say(f"{self._name}: {e}")

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
        site = self._site(drill)
        deed = partial(deeds[stage], site)
        try:
            said = await self._in_time(deed() if stage == "undo" else self._unless_stopped(drill, deed), site)
        except _BROKE as e:
            await self._broke_off(drill, stage, e)
            return False
        await self.diary.write(ev.DrillStageDone(drill=drill.name, stage=stage, said=said))
        self._say(f"{self._name}: {stage}: {said}")
        return True

    async def _unless_stopped(self, drill: Played, coming: Callable[[], Coroutine[object, object, T]]) -> T:
        """What it comes to; raises Refused where the drill must end before that. Undoing is never stopped."""
        try:
            return await self._watch.unless_ended(coming)
        except Ended as e:
            await self.diary.write(ev.DrillStopped(drill=drill.name, why=str(e)))
            raise Refused(str(e)) from None

    async def _broke_off(self, drill: Played, stage: ev.DrillStage, error: Exception) -> None:
        await self.diary.write(ev.DrillBrokeOff(drill=drill.name, stage=stage, why=f"{stage}: {error}"))
        self._say(f"{self._name}: {stage} failed: {error}")

    async def _in_time(self, coming: Coroutine[object, object, T], site: Site | None = None) -> T:
        return await in_time(self._opened, self._scenario, coming, site.note if site else None)

    async def _end(
        self,
        drill: Played,
        how: How,
        sentence: str,
        after: dict[str, str] | None = None,
        writes: Loss | None = None,
    ) -> ev.DrillEnded:
        told = "; ".join(filter(None, (sentence, await self.window.end())))
        ended = ended_as(drill.name, how, f"{self._name}: {told}", after or {}, writes)
        if how == "not undone":  # nobody else changes anything there before a person did
            await self.diary.write(ended)
        else:
            await self.diary.leave(ended)
        return ended

    def _site(self, drill: Played) -> Site:
        return Site(self._estate, drill.name, drill.began.way, drill.moments, self.diary.require_ours)

    def _abandoned(self, error: LedgerError) -> LedgerError:
        """Without the ledger nobody knows whose the drill is, so nothing more is done: how it was left."""
        left = self.diary.course.unproven
        if isinstance(error, FencedOff) or left is None or not left.injected:
            return error
        return LeftBroken(
            f"{self._name}: broken and not undone ({way_said(left.began.way)}), since the ledger fails: {error}. Once "
            f"it answers: `tminus drill {self._name} --undo`"
        )

    def _mistaken(self, why: str) -> ev.Event | None:
        """Where something may be broken nothing is freed: whoever comes next undoes it first."""
        return None if self.diary.course.unproven else ev.DrillRefused(scenario=self._name, why=why)


async def _all(coming: Iterable[Awaitable[T]]) -> list[T]:
    return await asyncio.gather(*coming)


def _failed(error: Exception) -> str:
    """What tminus did wrong, which is told, and logged whole."""
    _logger.error("a mistake of tminus in a drill", exc_info=error)
    return f"tminus itself failed with {type(error).__name__}, which its log shows whole"


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return [f"{key}: {was} before, {after.get(key)} now" for key, was in before.items() if after.get(key) != was]
