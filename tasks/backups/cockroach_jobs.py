"""The jobs by which a CockroachDB restores: begun, waited for, and ended.

Sources: https://www.cockroachlabs.com/docs/v24.3/restore, show-jobs and cancel-job.
"""

import asyncio
from typing import TYPE_CHECKING

from pydantic import BaseModel

from tasks.backups.cockroach_listing import Encrypted
from tasks.backups.damage import Damaged
from tasks.cockroach_rows import rows_of
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_POLL = 1.0  # seconds between two looks at a job
_CANCELLED_WITHIN = 60.0  # seconds for a job to end once it was told to
_BEGUN_WITHIN = 300.0  # seconds in which the cluster reads what the backup says of itself
_FAILED = {"failed", "revert-failed"}
_OVER = {"succeeded", "canceled", *_FAILED}


class _Job(BaseModel, frozen=True):
    job_id: int
    status: str
    description: str = ""


class _Begun(BaseModel, frozen=True):
    job_id: int


async def begin_restore(
    connection: "Connection",
    into: str,
    database: str,
    source: tuple[str, str],
    encryption: Encrypted,
) -> int:
    """Begins to restore; returns the job's number. Raises CouldNotObserve.

    Args:
        connection: to the scratch cluster.
        into: the scratch database, which is not there yet.
        database: which one of the backup.
        source: the backup's path, and its collection.
        encryption: with what it is encrypted.
    """
    from psycopg import sql

    options = encryption.options(
        sql.SQL("new_db_name = {}").format(sql.Literal(into)), sql.SQL("skip_localities_check"), sql.SQL("detached")
    )
    restore = sql.SQL("RESTORE DATABASE {} FROM {} IN {} WITH {}").format(
        sql.Identifier(database), sql.Literal(source[0]), sql.Literal(source[1]), options
    )
    begun = await rows_of(connection, _Begun, restore, within=_BEGUN_WITHIN)
    if len(begun) != 1:
        raise CouldNotObserve("RESTORE named no job")
    return begun[0].job_id


async def restored(connection: "Connection", job: int) -> None:
    """Waits until a restore is through; raises Damaged where it failed, CouldNotObserve where somebody ended it."""
    while (status := await _status(connection, job)) not in _OVER:
        await asyncio.sleep(_POLL)
    if status in _FAILED:
        raise Damaged(f"RESTORE failed; SHOW JOB {job} on the scratch cluster says why")
    if status != "succeeded":
        raise CouldNotObserve(f"RESTORE was {status} by somebody else")


async def _status(connection: "Connection", job: int) -> str:
    from psycopg import sql

    query = sql.SQL("SELECT job_id, status FROM [SHOW JOB {}]").format(sql.Literal(job))
    rows = await rows_of(connection, _Job, query)
    if len(rows) != 1:
        raise CouldNotObserve(f"the scratch cluster knows no job {job}")
    return rows[0].status


async def end_restores(connection: "Connection", name: str) -> None:
    """A restore that still runs would go on after its session, and make the database again."""
    from psycopg import sql

    jobs = await rows_of(connection, _Job, "SELECT job_id, status, description FROM [SHOW JOBS]")
    for job in jobs:
        if f"'{name}'" not in job.description or job.status in _OVER:
            continue
        await connection.execute(sql.SQL("CANCEL JOB {}").format(sql.Literal(job.job_id)))
        async with asyncio.timeout(_CANCELLED_WITHIN):
            while await _status(connection, job.job_id) not in _OVER:
                await asyncio.sleep(_POLL)
