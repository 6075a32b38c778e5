"""Readiness: a system's whole checklist, one task a section, and a red task of its own for each line that blocks."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from prefect import Task, flow
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from flows.of_release import SweptEstate
from flows.sweep import Sweep
from tasks.vocabulary import KINDS
from tminus import events as ev
from tminus.errors import TminusError
from tminus.readiness.book import Section
from tminus.readiness.judging import Judged
from tminus.readiness.opened import Opened, open_readiness

WENT_THROUGH = "Not ready"
"""The name of the state of a sweep that went through to its end and found lines that block."""
_LOOK_FOR = 200  # characters of one cell of the table

log = logging.getLogger(__name__)


@flow(name="readiness", flow_run_name="{runbooks} in {environment}")
async def readiness(
    runbooks: str, environment: str, people: str = "", release: str = "", sections: tuple[str, ...] = ()
) -> State[None]:
    """Looks at every line of a system's checklist, writes the evidence down, and says whether the system is ready.

    Args:
        runbooks: the folder of the system's books (`runbooks/vatic`).
        environment: its environment file.
        people: its people file; without one nothing that people state counts.
        release: the release that is about to be launched, for lines that look into it.
        sections: only these; all of them where it is empty.
    """
    try:
        opened = await asyncio.to_thread(
            open_readiness, Path(runbooks), Path(environment), _path(people), _path(release), KINDS
        )
        ended = await sweep(opened, sections)
    except TminusError as e:
        return Failed(message=str(e))
    get_run_logger().info(ended.sentence)
    get_run_logger().info("`tminus next %s --environment FILE` says what to mend first", opened.checklist.system)
    if ended.ready:
        return Completed(message=ended.sentence, name="Ready")
    return Failed(message=ended.sentence, name=WENT_THROUGH)


def _path(name: str) -> Path | None:
    return Path(name) if name else None


async def sweep(opened: Opened, sections: Sequence[str] = (), *, shown: bool = True) -> ev.SweepEnded:
    """One sweep, shown in Prefect where `shown`; returns how it ended.

    Raises UsageError for an unknown section, LedgerError.
    """
    store = await asyncio.to_thread(opened.store)
    try:
        standing = await asyncio.to_thread(opened.standing, store)
        one = Sweep(store, opened, standing, sections)
        await one.begin()
        async with SweptEstate(opened.environment, opened.release, one.chain, opened.base) as estate:
            looks = [(section, asyncio.create_task(one.look(estate, section))) for section in one.sections]
            showing = [asyncio.create_task(_show(section, look)) for section, look in looks] if shown else []
            try:
                await asyncio.gather(*(look for _, look in looks))
                ended = await one.end()
                await _shown(showing)
            finally:
                for task in (*(look for _, look in looks), *showing):
                    task.cancel()
        return ended
    finally:
        store.close()


async def _shown(showing: Sequence["asyncio.Task[None]"]) -> None:
    """Waits for what Prefect shows. What it could not show is in the ledger all the same, so it is only told."""
    for came in await asyncio.gather(*showing, return_exceptions=True):
        if isinstance(came, Exception):
            log.warning("Prefect could not show a section of the sweep: %s", type(came).__name__)


async def _show(section: Section, look: "asyncio.Task[list[Judged]]") -> None:
    """The section as a task with its table; then what blocks, each as a task that fails with its reason."""

    async def body() -> State[None]:
        judged = await asyncio.shield(look)
        await acreate_table_artifact(key=_key(section.place), table=_rows(judged), description=section.title)
        blocking = sum(line.blocks for line in judged)
        held = f"{sum(line.green for line in judged)} of {len(judged)} lines hold"
        return Failed(message=f"{held}; {blocking} block") if blocking else Completed(message=held)

    await _task(section.place, section.title, body)
    await asyncio.gather(*(_red(line) for line in await asyncio.shield(look) if line.blocks))


async def _red(judged: Judged) -> None:
    async def body() -> State[None]:
        return Failed(message=f"{judged.summary} · {judged.line.owner}")

    await _task(judged.line.ref, judged.line.title, body)


async def _task(name: str, title: str, body: object) -> None:
    task = Task(body, name=name, task_run_name=f"{name}: {title}", cache_policy=NO_CACHE, persist_result=False)  # type: ignore[arg-type,var-annotated]  # a coroutine function, which Prefect's overloads do not know
    await task(return_state=True)


def _key(place: str) -> str:
    """As Prefect wants it: small letters, digits and hyphens."""
    return "".join(letter if letter.isalnum() else "-" for letter in place)


def _rows(judged: Sequence[Judged]) -> list[dict[str, str]]:
    return [
        {
            "line": line.line.ref.rpartition("/")[2],
            "verdict": str(line.verdict),
            "title": line.line.title,
            "why": line.summary[:_LOOK_FOR],
            "owner": line.line.owner,
            "seen": max((f"{o.at:%Y-%m-%d %H:%M:%S}" for o in line.outcomes if o.at), default=""),
        }
        for line in judged
    ]
