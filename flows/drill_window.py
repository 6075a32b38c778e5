"""A drill's maintenance window in PagerDuty: written down before it is opened, ended before the drill is over."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from flows.diary import Diary
from tasks.action import State, Undo
from tasks.actions.maintenance import MaintenanceWindow
from tasks.estate import Estate
from tminus import events as ev
from tminus.drills.book import Drill
from tminus.drills.course import Course
from tminus.drills.quiet import is_required, longest, why_never_quiet
from tminus.errors import ActionFailed, Refused

T = TypeVar("T")
_PURPOSE = "drill"
_WITHIN = 15.0  # seconds that PagerDuty is given to open it, or to end it


class DrillWindow:
    """One scenario's, under its lease: what is open is what its chain says, so whoever comes after a kill ends it.

    Args:
        drill: what the book says.
        diary: where it is written down.
        estate: the environment; its chain is in the window's description.
    """

    def __init__(self, drill: Drill, diary: Diary[Course], estate: Estate) -> None:
        self._drill = drill
        self._diary = diary
        self._estate = estate

    async def open(self, name: str) -> list[ev.Event]:
        """Opens it where the book names services; returns what is to be written with the beginning of that drill.

        Raises Refused where PagerDuty did not open it and no drill is played there without; where that would silence
        tminus' own pages; LedgerError.
        """
        environment, services = self._estate.environment, self._drill.quiet
        if not services:
            return []
        if why := why_never_quiet(self._drill, environment):
            raise Refused(f"{why}. Nothing was broken")
        window = MaintenanceWindow(services=services, lasts=longest(self._drill, environment), purpose=_PURPOSE)
        try:
            undo = await _in_time(window.plan_undo(self._estate))
            if undo is not None:
                await self._diary.write(_opens(name, services, undo))
                await _in_time(window.act(self._estate, 0))
        except ActionFailed as e:
            return await self._without(name, str(e))
        said = f"{', '.join(services)} page nobody until this is over"
        return [ev.DrillWindow(drill=name, open=True, said=said)]

    async def _without(self, name: str, why: str) -> list[ev.Event]:
        services = ", ".join(self._drill.quiet)
        if is_required(self._estate.environment):
            left = await self.end()
            raise Refused(
                f"PagerDuty opened no maintenance window over {services} ({why}), and no drill is played in "
                f"{self._estate.environment.environment} without (`drills.without_window`). Nothing was broken"
                f"{f'; {left}' if left else ''}"
            )
        said = f"PagerDuty opened no maintenance window ({why}): {services} may page while this is played"
        return [ev.DrillWindow(drill=name, open=False, said=said)]

    async def end(self) -> str:
        """Ends every window that may be open; returns which could not be ended, and when it ends by itself; else "".

        Raises LedgerError.
        """
        return "; ".join([said for one in [*self._diary.course.windows.values()] if (said := await self._ended(one))])

    async def _ended(self, opened: ev.DrillWindowOpens) -> str:
        services = ", ".join(opened.services)
        window = MaintenanceWindow(services=opened.services, lasts=opened.over - opened.at, purpose=_PURPOSE)
        data = {"description": opened.description, "over": opened.over.isoformat(timespec="seconds")}
        undo = Undo(summary=f"end the maintenance window {opened.description!r}", data=data)
        try:
            await _in_time(self._undone(window, undo))
        except ActionFailed as e:
            return f"the maintenance window over {services} may be open until {opened.over:%H:%M:%S} UTC ({e})"
        await self._diary.write(ev.DrillWindowEnded(drill=opened.drill, description=opened.description))
        return ""

    async def _undone(self, window: MaintenanceWindow, undo: Undo) -> None:
        if (await window.undone(self._estate, undo)).state is State.DONE:
            return
        await window.undo(self._estate, undo, 0)
        if (await window.undone(self._estate, undo)).state is not State.DONE:
            raise ActionFailed(f"PagerDuty took its end, and shows it open; end {undo.data['description']!r} by hand")


def _opens(name: str, services: tuple[str, ...], undo: Undo) -> ev.DrillWindowOpens:
    return ev.DrillWindowOpens(
        drill=name, services=services, description=undo.data["description"], over=undo.data["over"]
    )


async def _in_time(coming: Awaitable[T]) -> T:
    try:
        return await asyncio.wait_for(coming, _WITHIN)
    except TimeoutError as e:
        raise ActionFailed(f"PagerDuty did not answer within {_WITHIN:g} s") from e
