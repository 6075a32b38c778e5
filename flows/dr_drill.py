"""The flow `dr_drill`: the month's drill, or one that is named, once somebody said yes; undoes first what is left."""

import asyncio
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from prefect import flow, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from flows.asking_first import answered
from flows.drill_round import Request, drill, opened_drills, undo
from flows.uninterrupted import heeding
from tminus import events as ev
from tminus.chain_names import drills_asked
from tminus.clock import now
from tminus.drills.monthly import drill_of_month, due
from tminus.drills.opened import OpenedDrills
from tminus.drills.showing import account
from tminus.errors import Refused, TminusError
from tminus.ledger.store import Store

_A_NO_LASTS = timedelta(days=6)  # so that the same weekday of the next week asks again
_NAMES = {"held": "Held", "missed": "Missed", "undone": "Undone", "not undone": "Not undone"}


@flow(name="dr_drill", flow_run_name="{runbooks} in {environment}")
async def dr_drill(runbooks: str, environment: str, people: str = "", scenario: str = "") -> State[None]:
    """Undoes what an interrupted drill left; else plays the scenario, or the month's where none is named.

    Args:
        runbooks: the book of drills, or the system's folder that holds it (`runbooks/tradesense`).
        environment: its environment file.
        people: the people file, for drills that somebody must approve.
        scenario: by its name in the book; the month's, where it is due, if it is empty.
    """
    try:
        opened = await asyncio.to_thread(opened_drills, Path(runbooks), Path(environment))
        with closing(await asyncio.to_thread(opened.store)) as store:
            left = await asyncio.to_thread(_left, store, opened)
            name = left or scenario or await asyncio.to_thread(_months, store, opened)
            if not name:
                return Completed(message=f"no drill of {opened.system} is due", name="Not due")
            reason = "" if scenario else "the monthly drill"
            return await _played(store, opened, name, Request(reason=reason, people=Path(people) if people else None))
    except Refused as e:
        return Failed(message=str(e), name="Refused")
    except TminusError as e:
        return Failed(message=str(e))


def _left(store: Store, opened: OpenedDrills) -> str:
    """The scenario whose last drill nobody has seen undone; "" where there is none."""
    names = opened.book.scenarios
    return next((name for name in names if opened.course(store, name).unproven is not None), "")


def _months(store: Store, opened: OpenedDrills) -> str:
    """The month's scenario where it is due; "" where it is not, or somebody said no to it lately."""
    at, calendar = now(), opened.environment.calendar
    months = drill_of_month(opened.book, calendar, at)
    if months is None or not due(opened.book, calendar, opened.course(store, months.name), at):
        return ""
    asked = drills_asked(opened.system, opened.environment.environment, months.name)
    for chain in sorted((one for one in store.chains() if one.startswith(asked)), reverse=True):
        answer = answered(store, chain, ev.DrillAsked)
        if at - answer.asked.at < _A_NO_LASTS and answer.why_not(at):
            return ""
    return months.name


async def _played(store: Store, opened: OpenedDrills, name: str, request: Request) -> State[None]:
    """The drill as a task of its own, red where a promise was not held; what came of it stands beside it."""
    came: list[ev.DrillEnded] = []

    @task(name="drill", task_run_name=name, cache_policy=NO_CACHE)
    async def play() -> State[None]:
        log = get_run_logger()
        unproven = opened.course(store, name).unproven is not None
        doing = undo(store, opened, name, log.info) if unproven else drill(store, opened, name, log.info, request)
        came.append(await heeding(doing))
        return _state(came[0])

    state: State[None] = await play(return_state=True)  # type: ignore[misc]  # a coroutine function, which Prefect does not type
    if not came:
        raise Refused(state.message or f"{name} was not played")
    course = await asyncio.to_thread(opened.course, store, name)
    await acreate_markdown_artifact(account(opened, name, course), key=f"drill-{name}")
    return _state(came[0])


def _state(ended: ev.DrillEnded) -> State[None]:
    made = Completed if ended.how == "held" else Failed
    return made(message=ended.sentence, name=_NAMES[ended.how])
