"""Whether a drill may begin now, and the drill itself; and whatever an earlier one left is undone first."""

import asyncio
from pathlib import Path

from flows.drilling import Say, drilling
from tasks.scenarios.vocabulary import SCENARIOS
from tminus import events as ev
from tminus.calendar.asking import require_allowed
from tminus.chain_names import drills_of
from tminus.clock import now
from tminus.drills.opened import OpenedDrills, open_drills
from tminus.environment import Kind
from tminus.errors import Refused
from tminus.ledger.store import Store


def opened_drills(runbook: Path, environment: Path) -> OpenedDrills:
    """The book with all kinds that there are; raises BookError with every mistake, UsageError."""
    return open_drills(runbook, environment, SCENARIOS)


async def drill(
    store: Store, opened: OpenedDrills, name: str, say: Say, *, asked_by: str = "", reason: str = ""
) -> ev.DrillEnded:
    """Plays a scenario; where its last drill was interrupted, that one is undone instead and nothing is broken.

    Raises Refused where it may not begin now, saying why; UsageError, LedgerError, CouldNotObserve, NotConfigured,
    MissingSecret.
    """
    async with drilling(store, opened, name, say) as one:
        if (left := one.diary.course.unproven) is not None:
            say(f"{name}: the drill of {left.began.at:%Y-%m-%d %H:%M:%S} UTC was not over: it is undone, nothing more")
            return await one.undo(left)
        _require_opted_in(opened, name)
        require_allowed(opened.environment, "drill", now())
        await asyncio.to_thread(_require_others_proven, store, opened, name)
        return await one.play(asked_by, reason)


async def undo(store: Store, opened: OpenedDrills, name: str, say: Say) -> ev.DrillEnded:
    """Undoes what the last drill of a scenario broke; raises Refused where all is known to be as it was."""
    async with drilling(store, opened, name, say) as one:
        if (left := one.diary.course.unproven) is None:
            raise Refused(
                f"{name}: nothing is left to undo: its last drill, where there was one, ended as it was before"
            )
        return await one.undo(left)


def _require_opted_in(opened: OpenedDrills, name: str) -> None:
    environment = opened.environment
    allowed = environment.drills.allowed if environment.drills else ()
    if environment.kind is Kind.PRODUCTION and name not in allowed:
        raise Refused(
            f"{environment.environment} is production, and nobody opted in to {name} there: name it in the "
            "environment's `drills.allowed`. Nothing was broken"
        )


def _require_others_proven(store: Store, opened: OpenedDrills, name: str) -> None:
    """Raises Refused where another scenario's last drill left something that nobody has seen undone."""
    begin = drills_of(opened.system, opened.environment.environment)
    for chain in store.chains():
        other = chain.removeprefix(begin)
        if chain.startswith(begin) and other != name and opened.course(store, other).unproven is not None:
            raise Refused(
                f"the last drill {other} is not proven to be undone; `tminus drill {other} --undo` does that. "
                f"{name} broke nothing"
            )
