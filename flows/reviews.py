"""Reviews: the recurring lines of a checklist looked at, and people told, once a week, what is due and overdue."""

import asyncio
from contextlib import closing
from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.readiness import sweep
from tasks.vocabulary import KINDS
from tminus.clock import now
from tminus.errors import TminusError
from tminus.readiness.due import DueState, Recurring
from tminus.readiness.opened import Opened, open_readiness
from tminus.readiness.reminding import sentence
from tminus.readiness.reviewing import recurring_sections, reviewed, tell


@flow(name="reviews", flow_run_name="{runbooks} in {environment}")
async def reviews(runbooks: str, environment: str, people: str = "", release: str = "") -> State[None]:
    """Looks at every recurring line, then tells PagerDuty what is overdue and Slack what is due, by owner.

    Args:
        runbooks: the folder of the system's books (`runbooks/vatic`).
        environment: its environment file.
        people: its people file; without one nothing that people state counts.
        release: the release that runs, for lines that look into it.
    """
    try:
        opened = await asyncio.to_thread(
            open_readiness, Path(runbooks), Path(environment), _path(people), _path(release), KINDS
        )
        lines = await review(opened)
    except TminusError as e:
        return Failed(message=str(e))
    said = sentence(opened.checklist.system, lines)
    overdue = any(one.state is DueState.OVERDUE for one in lines)
    return Failed(message=said, name="Overdue") if overdue else Completed(message=said, name="Reviewed")


async def review(opened: Opened, *, shown: bool = True) -> list[Recurring]:
    """Sweeps the sections that recur, shown in Prefect where `shown`, then tells people. UsageError, LedgerError."""
    await sweep(opened, recurring_sections(opened), shown=shown)
    return await asyncio.to_thread(_told, opened)


def _told(opened: Opened) -> list[Recurring]:
    with closing(opened.store()) as store:
        at = now()
        lines = reviewed(opened, store, at)
        tell(opened, store, lines, at)
        return lines


def _path(name: str) -> Path | None:
    return Path(name) if name else None
