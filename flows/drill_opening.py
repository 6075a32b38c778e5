"""A scenario is taken in hand: nobody else plays it meanwhile, and what an earlier process left open is closed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from flows.diary import Diary, alone
from flows.drilling import Drilling, Say
from flows.insisting import Insisting
from tasks.scenarios.scenario import Scenario
from tminus.drills.lever import Lever
from tminus.drills.opened import OpenedDrills
from tminus.drills.telling import letters
from tminus.errors import Refused, UsageError
from tminus.lease import vacant
from tminus.ledger.store import Store

_INSISTING = Insisting(60.0)
"""A ledger on PostgreSQL whose standby takes over is back within that."""


def scenario_of(opened: OpenedDrills, name: str) -> Scenario:
    """What the book says, which plays itself; raises UsageError for an unknown name."""
    [(_, drill)] = opened.book.named((name,))
    if not isinstance(drill, Scenario):
        raise UsageError(f"{name}: nothing plays a {drill.kind}")
    folder = opened.sources[0].path.parent if opened.sources else opened.base
    book = {
        other: one.beside(folder) if isinstance(one, Scenario) else one for other, one in opened.book.scenarios.items()
    }
    return drill.beside(folder).among(book)


@asynccontextmanager
async def drilling(store: Store, opened: OpenedDrills, name: str, say: Say) -> AsyncIterator[Drilling]:
    """The block in which nobody else plays this scenario.

    Raises Refused where somebody does; UsageError for an unknown name; LedgerError, NotConfigured, MissingSecret.
    """
    scenario = scenario_of(opened, name)
    environment, chain = opened.environment, opened.chain(name)
    if (lease := store.lease(chain)) is not None and not vacant(lease):
        raise Refused(
            f"the drill {name} is under way in another process (whose lease lasts {max(lease.left, 0.0):.0f} s more), "
            "which undoes at its end what it broke. `tminus drill --stop --reason WHY` ends it now"
        )
    async with alone(store, opened, chain, opened.system) as (token, estate):
        diary = Diary(
            store, environment, chain, token, opened.course(store, name), partial(letters, opened, name), _INSISTING
        )
        if diary.course.unproven is None:
            await diary.free()  # somebody died between taking it and writing that a drill begins
        lever = Lever(store, opened.system, environment.environment)
        one = Drilling(opened, (name, scenario), diary, lever, estate, partial(_said, say))
        if one.diary.course.unproven is None and (left := await one.window.end()):
            say(f"{name}: {left}")
        yield one


def _said(say: Say, text: str) -> None:
    """Says it to whoever still listens: a terminal that is gone ends no drill, since the ledger keeps it all."""
    with suppress(OSError):
        say(text)
