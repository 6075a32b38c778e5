"""`tminus verify-backup`: the newest backup of each store restored, and looked at."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.backup_files import opened, with_backup_files

if TYPE_CHECKING:
    from tminus import events as ev
    from tminus.backups.opened import OpenedBackups

_LINES = 20  # of what is wrong with one backup
_COLOURS = {"pass": "green", "fail": "red"}


@click.command("verify-backup")
@click.argument("stores", metavar="[STORE]...", nargs=-1)
@with_backup_files
@click.option(
    "--older",
    is_flag=True,
    help="Also an older backup of each store, by the ledger's last hash, and one of those that did not pass.",
)
@click.option("--no-prefect", is_flag=True, help="Without Prefect: nothing is shown in its UI.")
def command(runbook: Path, environment: Path, stores: tuple[str, ...], older: bool, no_prefect: bool) -> None:
    """Proves each STORE's newest backup by restoring it.

    Into a scratch place; it is looked at there, and thrown away.
    The live stores are not touched. What was found is in the ledger; `tminus backups` shows it. Exits 0 where every
    backup is proven, 1 where one is not or could not be looked at, 2 where the files have mistakes, 3 where another
    verification of the system runs, or live data of it are being restored.
    """
    import asyncio

    found = opened(runbook, environment)
    found.named(stores)
    found.scratch()
    if no_prefect:
        from flows.backup_verification import verify

        asyncio.run(verify(found, stores, older=older, shown=False))
    else:
        _in_prefect(found, runbook, environment, stores, older=older)
    came = _last(found)
    for one in came:
        _print(one)
    compared = _compared(found)
    for group in compared:
        _print_compared(group)
    outcomes = [*(one.outcome for one in came), *(group.outcome for group in compared)]
    if any(one.verdict != "pass" for one in outcomes) or not came:
        click.get_current_context().exit(1)


def _in_prefect(
    found: "OpenedBackups", runbook: Path, environment: Path, stores: tuple[str, ...], *, older: bool
) -> None:
    import asyncio
    import os

    # Prefect keeps these lines among its run's logs; on the terminal stands what was found. Read at its import.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    import httpx
    from prefect.exceptions import PrefectException
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.backup_verification import REFUSED, WENT_THROUGH, backup_verification
    from tminus.errors import Refused, TminusError

    async def shown() -> None:
        state = await backup_verification(
            runbooks=str(runbook), environment=str(environment), stores=stores, older=older, return_state=True
        )
        if state.name == REFUSED:
            raise Refused(state.message or "refused")
        if not state.is_completed() and state.name != WENT_THROUGH:
            raise TminusError(f"the verification did not come to its end: {state.message or state.name}")

    api = found.environment.prefect.api
    with temporary_settings({PREFECT_API_URL: api}):
        try:
            asyncio.run(shown())
        except (RuntimeError, PrefectException, httpx.HTTPError) as e:
            said = f"Prefect at {api} does not take the run ({type(e).__name__}: {str(e)[:200]})"
            raise TminusError(f"{said}; is it up? `--no-prefect` goes without it") from e


def _last(found: "OpenedBackups") -> "list[ev.BackupVerified]":
    """What the last verification said."""
    from contextlib import closing

    with closing(found.store()) as store:
        said = found.history(store).verified
    return [one for one in said if one.verification == said[-1].verification]


def _compared(found: "OpenedBackups") -> "list[ev.StoresCompared]":
    """How the groups of stores came out in it."""
    from contextlib import closing

    with closing(found.store()) as store:
        history = found.history(store)
    return [one for one in history.compared if one.verification == history.verified[-1].verification]


def _print_compared(one: "ev.StoresCompared") -> None:
    verdict = click.style(f"{one.outcome.verdict:8}", fg=_COLOURS.get(one.outcome.verdict, "yellow"))
    click.echo(f"{verdict} {one.group}: {one.outcome.summary}")
    if one.outcome.verdict != "pass":
        for line in one.outcome.details[:_LINES]:
            click.echo(f"         {line}")


def _print(one: "ev.BackupVerified") -> None:
    verdict = click.style(f"{one.outcome.verdict:8}", fg=_COLOURS.get(one.outcome.verdict, "yellow"))
    which = one.backup or "no backup"
    click.echo(f"{verdict} {one.store}: {which}{'' if one.newest else ' (older)'}")
    times = [("restored in", one.rto_seconds), ("lost", one.rpo_seconds)]
    measured = ", ".join(f"{said} {seconds:.1f} s" for said, seconds in times if seconds is not None)
    if measured:
        click.echo(f"         {measured}")
    if one.outcome.verdict != "pass":
        for line in (one.outcome.summary, *one.outcome.details[:_LINES]):
            click.echo(f"         {line}")
