"""Backup verification: every store's newest backup restored and looked at, one task a store."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from flows.backup_display import NOT_PROVEN, PROVEN, Display
from flows.verifying import Verification
from tasks.estate import Estate
from tminus import events as ev
from tminus.backups.opened import OpenedBackups, open_backups
from tminus.errors import Refused, TminusError
from tminus.outcome import Verdict
from tminus.release import no_release

WENT_THROUGH = NOT_PROVEN
"""The name of the state of a verification that went through to its end and found a backup that is not proven."""
REFUSED = "Refused"
"""The name of the state where another verification of the system runs, or live data of it are restored."""


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
        return Completed(message=ended.sentence, name=PROVEN)
    return Failed(message=ended.sentence, name=WENT_THROUGH)


def proven(ended: ev.VerificationEnded) -> bool:
    """Whether every backup that was looked at passed, and there was one at least."""
    return bool(ended.counts) and set(ended.counts) == {str(Verdict.PASS)}


async def verify(
    opened: OpenedBackups, stores: Sequence[str] = (), *, older: bool = False, shown: bool = True
) -> ev.VerificationEnded:
    """One verification, shown in Prefect where `shown`; returns how it ended.

    One store after another, so that no restore is slowed down by another's. Raises UsageError for an unknown store,
    Refused where another verification of the system runs or live data of it are restored, be it meanwhile; LedgerError.
    """
    ledger = await asyncio.to_thread(opened.store)
    try:
        one = Verification(ledger, opened, stores, older=older)
        async with one.conducting():
            await one.begin()
            display = Display(opened.system, await asyncio.to_thread(opened.history, ledger)) if shown else None
            async with Estate(opened.environment, no_release(opened.system), one.name, opened.base) as estate:
                for name, store in one.stores:
                    if await one.makes_way():
                        break
                    look = asyncio.create_task(one.look(estate, name, store))
                    if display is not None:
                        display.begin(name, store, look)
                    try:
                        await look
                    finally:
                        await _ended(look)
                    if display is not None:
                        await display.shown()
            ended = await one.end()
            if display is not None:
                await display.end(ended)
            if one.made_way:
                raise Refused(ended.sentence)
            return ended
    finally:
        ledger.close()


async def _ended(look: "asyncio.Task[list[ev.BackupVerified]]") -> None:
    """Cancelled itself, it waits until the look has cleaned up behind itself."""
    if not look.done():
        look.cancel()
        await asyncio.wait({look})
