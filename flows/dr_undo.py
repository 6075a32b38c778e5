"""The flow `dr_undo`: what a drill broke whose process died is undone within minutes, whoever began it."""

import asyncio
from contextlib import closing
from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from flows.drill_round import opened_drills, undo
from flows.uninterrupted import heeding
from tminus.drills.opened import OpenedDrills
from tminus.drills.retired import retired, retired_said
from tminus.errors import TminusError
from tminus.lease import vacant
from tminus.ledger.store import Store


@flow(name="dr_undo", flow_run_name="{runbooks} in {environment}")
async def dr_undo(runbooks: str, environment: str) -> State[None]:
    """Undoes every drill of the book that was begun, is not ended, and that no process plays any more.

    One that a person was called to is left to them.

    Args:
        runbooks: the book of drills, or the system's folder that holds it (`runbooks/tradesense`).
        environment: its environment file.
    """
    try:
        opened = await asyncio.to_thread(opened_drills, Path(runbooks), Path(environment))
        with closing(await asyncio.to_thread(opened.store)) as store:
            said = [await _undone(store, opened, name) for name in abandoned(store, opened)]
            said += [(False, retired_said(store, opened, name)) for name in retired(store, opened)]
            return _state(said)
    except TminusError as e:
        return Failed(message=str(e))


def abandoned(store: Store, opened: OpenedDrills) -> list[str]:
    """The scenarios whose last drill is not ended, and whose lease nobody holds."""
    chains = {name: opened.chain(name) for name in opened.book.scenarios}
    return [name for name, chain in chains.items() if vacant(store.lease(chain)) and _open(opened, store, name)]


def _open(opened: OpenedDrills, store: Store, name: str) -> bool:
    last = opened.course(store, name).last
    return last is not None and last.ended is None


async def _undone(store: Store, opened: OpenedDrills, name: str) -> tuple[bool, str]:
    """Whether it is undone, and what is said of it: what keeps one of them from it keeps no other."""
    try:
        ended = await heeding(undo(store, opened, name, get_run_logger().info))
    except TminusError as e:
        return False, f"{name}: {e}"
    return ended.how != "not undone", ended.sentence


def _state(said: list[tuple[bool, str]]) -> State[None]:
    if not said:
        return Completed(message="no drill was left behind", name="Nothing to undo")
    made = Completed if all(well for well, _ in said) else Failed
    return made(message="; ".join(sentence for _, sentence in said))
