"""Backup verification: every store's newest backup restored and looked at, one task a store."""

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

from flows.verifying import Verification
from tasks.estate import Estate
from tminus import events as ev
from tminus.backups.opened import OpenedBackups, open_backups
from tminus.errors import Refused, TminusError
from tminus.outcome import Verdict
from tminus.release import no_release

WENT_THROUGH = "Not proven"
"""The name of the state of a verification that went through to its end and found a backup that is not proven."""
REFUSED = "Refused"
"""The name of the state where another verification of the system runs."""
_CELL = 200  # characters of one cell of the table

log = logging.getLogger(__name__)


@flow(name="backup_verification", flow_run_name="{runbooks} in {environment}")
async def backup_verification(
    runbooks: str, environment: str, stores: tuple[str, ...] = (), older: bool = False
) -> State[None]:
    """Restores the newest backup of each store into a scratch place, looks at it, and says whether it is proven.

    Args:
        runbooks: the book of backups, or the system's folder that holds it (`runbooks/tradesense`).
        environment: its environment file.
        stores: only these; all of them where it is empty.
        older: also one older backup of each, chosen by the ledger's last hash.
    """
    try:
        opened = await asyncio.to_thread(open_backups, Path(runbooks), Path(environment))
        ended = await verify(opened, stores, older=older)
    except Refused as e:
        return Failed(message=str(e), name=REFUSED)
    except TminusError as e:
        return Failed(message=str(e))
    get_run_logger().info(ended.sentence)
    if proven(ended):
        return Completed(message=ended.sentence, name="Proven")
    return Failed(message=ended.sentence, name=WENT_THROUGH)


def proven(ended: ev.VerificationEnded) -> bool:
    """Whether every backup that was looked at passed, and there was one at least."""
    return bool(ended.counts) and set(ended.counts) == {str(Verdict.PASS)}


async def verify(
    opened: OpenedBackups, stores: Sequence[str] = (), *, older: bool = False, shown: bool = True
) -> ev.VerificationEnded:
    """One verification, shown in Prefect where `shown`; returns how it ended.

    One store after another, so that no restore is slowed down by another's. Raises UsageError for an unknown store,
    Refused where another verification of the system runs, LedgerError.
    """
    ledger = await asyncio.to_thread(opened.store)
    try:
        one = Verification(ledger, opened, stores, older=older)
        async with one.conducting():
            await one.begin()
            async with Estate(opened.environment, no_release(opened.system), one.name, opened.base) as estate:
                for name, store in one.stores:
                    look = asyncio.create_task(one.look(estate, name, store))
                    showing = asyncio.create_task(_show(name, store.title, look)) if shown else None
                    try:
                        await look
                    finally:
                        await _ended(look)
                    await _shown(showing)
            return await one.end()
    finally:
        ledger.close()


async def _ended(look: "asyncio.Task[list[ev.BackupVerified]]") -> None:
    """Cancelled itself, it waits until the look has cleaned up behind itself."""
    if not look.done():
        look.cancel()
        await asyncio.wait({look})


async def _shown(showing: "asyncio.Task[None] | None") -> None:
    """Waits for what Prefect shows. What it could not show is in the ledger all the same, so it is only told."""
    if showing is None:
        return
    (came,) = await asyncio.gather(showing, return_exceptions=True)
    if isinstance(came, Exception):
        log.warning("Prefect could not show a verification: %s", type(came).__name__)


async def _show(name: str, title: str, look: "asyncio.Task[list[ev.BackupVerified]]") -> None:
    """The store as a task with its table, green or red with its reason."""

    async def body() -> State[None]:
        came = await asyncio.shield(look)
        rows = [row for one in came for row in _rows(one)]
        await acreate_table_artifact(key=_key(f"backup-{name}"), table=rows, description=title)
        bad = [one for one in came if one.outcome.verdict is not Verdict.PASS]
        if not bad:
            return Completed(message="; ".join(_said(one) for one in came))
        failed = any(one.outcome.verdict is Verdict.FAIL for one in bad)
        return Failed(message="; ".join(_said(one) for one in bad), name="Failed" if failed else "Unknown")

    task = Task(body, name=name, task_run_name=f"{name}: {title}", cache_policy=NO_CACHE, persist_result=False)
    await task(return_state=True)  # type: ignore[misc]  # a coroutine function, which Prefect's overloads do not know


def _said(one: ev.BackupVerified) -> str:
    return f"{one.backup or 'no backup'}: {one.outcome.summary}"


def _rows(one: ev.BackupVerified) -> list[dict[str, str]]:
    """What was measured, beside what was expected of it; then how long each stage took."""
    wanted = {name: str(expectation) for name, expectation in one.outcome.expected.items()}
    found = {measured.name: str(measured) for measured in one.outcome.found}
    seen = {name: found.get(name, "not measured") for name in (*found, *wanted)}
    rows = [(name, said, wanted.get(name, "")) for name, said in seen.items()]
    rows += [(f"stage {stage}", f"{seconds:.1f} s", "") for stage, seconds in one.stages.items()]
    columns = ("backup", "what", "found", "expected")
    return [dict(zip(columns, (one.backup, name, said[:_CELL], limit), strict=True)) for name, said, limit in rows]


def _key(place: str) -> str:
    """As Prefect wants it: small letters, digits and hyphens."""
    return "".join(letter if letter.isalnum() else "-" for letter in place.lower())
