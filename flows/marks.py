"""The flow `marks`: the next mark, written through every live store of a system's book of backups."""

import asyncio
from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from tasks.backups.marks import Marked, mark
from tasks.estate import Estate
from tminus.backups.opened import OpenedBackups, open_backups
from tminus.errors import TminusError
from tminus.release import no_release

_WITHIN = 55
"""Seconds: the next run is due after sixty, and waits for this one."""


@flow(name="marks", flow_run_name="{runbooks} in {environment}", timeout_seconds=_WITHIN)
async def marks(runbooks: str, environment: str) -> State[None]:
    """Writes one mark; by how old the newest one in a restored backup is, what would be lost is measured.

    Args:
        runbooks: the book of backups, or the system's folder that holds it (`runbooks/tradesense`).
        environment: its environment file.
    """
    try:
        opened = await asyncio.to_thread(open_backups, Path(runbooks), Path(environment))
        marked = await mark_all(opened)
    except TminusError as e:
        return Failed(message=str(e))
    return Failed(message=said(marked)) if marked.failed else Completed(message=said(marked))


async def mark_all(opened: OpenedBackups) -> Marked:
    """One mark through every live store."""
    async with Estate(opened.environment, no_release(opened.system), "marks", opened.base) as estate:
        return await mark(estate, list(opened.book.stores.values()))


def said(marked: Marked) -> str:
    """`mark 12 through postgres main, redis main; not through buckets uploads: …`."""
    through = ", ".join(map(str, marked.written)) or "no store"
    failed = "".join(f"; not through {place}: {why}" for place, why in marked.failed.items())
    return f"mark {marked.mark.number} through {through}{failed}"
