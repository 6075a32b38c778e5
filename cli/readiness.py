"""`tminus readiness`: a system's whole checklist, looked at now."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.readiness_files import ReadinessFiles, with_readiness_files

if TYPE_CHECKING:
    from tminus.readiness.account import Account
    from tminus.readiness.opened import Opened

_NOT_READY = 3
_PIPED = 140  # columns where stdout is no terminal


@click.command("readiness")
@click.argument("system")
@with_readiness_files
@click.option("--section", "sections", multiple=True, help="Only this section, such as unit-tests; may be repeated.")
@click.option("--last", is_flag=True, help="Looks at nothing: judges the evidence that the ledger holds, as of now.")
@click.option("--all", "everything", is_flag=True, help="Also the lines that hold.")
@click.option("--format", "form", type=click.Choice(["terminal", "md", "html", "json", "junit"]), default="terminal")
@click.option("--report", type=click.Path(path_type=Path, file_okay=False), help="A folder that gets all formats.")
@click.option("--no-prefect", is_flag=True, help="Without Prefect: nothing is shown in its UI.")
def command(
    files: ReadinessFiles,
    system: str,
    sections: tuple[str, ...],
    last: bool,
    everything: bool,
    form: str,
    report: Path | None,
    no_prefect: bool,
) -> None:
    """Looks at every line of SYSTEM's checklist, now.

    Writes the evidence into the ledger, and says what holds. Exits 0 where the system is ready, 3 where it is not, 2
    where the files have mistakes.
    """
    found = files.open(system)
    known_sections(found, sections)
    if not last:
        sweep_now(found, files, sections, prefect=not no_prefect)
    account = _account(found, drawn=report is not None or form in {"html", "json"})
    give(account, form, everything=everything)
    if report is not None:
        write_all(account, report)
    if not account.ready:
        click.get_current_context().exit(_NOT_READY)


def known_sections(found: "Opened", sections: tuple[str, ...]) -> None:
    """Raises UsageError for a section that the checklist does not have, with the nearest name."""
    from tminus.errors import UsageError
    from tminus.wording import nearest

    known = [section.section for _, section in found.checklist.sections()]
    for name in sections:
        if name not in known:
            raise UsageError(f"{found.checklist.system} has no section {name!r}{nearest(name, known)}")


def sweep_now(found: "Opened", files: ReadinessFiles, sections: tuple[str, ...], *, prefect: bool) -> None:
    """Looks at these sections now, or at all where none is named; shown in Prefect where `prefect`."""
    import asyncio
    import os

    # Prefect keeps these lines among its run's logs; on the terminal stands what the sweep found. Read at its import.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    import httpx

    from flows.readiness import WENT_THROUGH, readiness, sweep
    from tminus.errors import TminusError

    async def shown() -> None:
        state = await readiness(
            runbooks=str(found.folder),
            environment=str(files.environment),
            people=str(files.people or ""),
            release=str(files.release or ""),
            sections=sections,
            return_state=True,
        )
        if not state.is_completed() and state.name != WENT_THROUGH:
            raise TminusError(f"the sweep did not come to its end: {state.message or state.name}")

    if not prefect:
        asyncio.run(sweep(found, sections, shown=False))
        return
    from prefect.exceptions import PrefectException
    from prefect.settings import PREFECT_API_URL, temporary_settings

    api = found.environment.prefect.api
    with temporary_settings({PREFECT_API_URL: api}):
        try:
            asyncio.run(shown())
        except (RuntimeError, PrefectException, httpx.HTTPError) as e:
            said = f"Prefect at {api} does not take the run ({type(e).__name__}: {str(e)[:200]})"
            raise TminusError(f"{said}; is it up? `--no-prefect` goes without it") from e


def _account(found: "Opened", *, drawn: bool) -> "Account":
    """The account; with how each number went only where that is shown, since it is read from many sweeps."""
    from tminus.clock import now
    from tminus.readiness.account import account
    from tminus.readiness.history import histories

    store = found.store()
    try:
        standing = found.standing(store)
        return account(found, found.judged_last(store), standing, now(), histories(store, standing) if drawn else None)
    finally:
        store.close()


def give(account: "Account", form: str, *, everything: bool) -> None:
    """Prints the account in one of the formats."""
    from rich.console import Console

    from tminus.readiness.showing import shown_as
    from tminus.readiness.terminal import render

    if form != "terminal":
        click.echo(shown_as(form, account), nl=False)
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPED)
    for block in render(account, everything=everything):
        console.print(block)


def write_all(account: "Account", folder: Path) -> None:
    """Writes the account into a folder in every format, and prints where."""
    from tminus.errors import UsageError
    from tminus.readiness.showing import FORMATS, shown_as

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for form in FORMATS:
            path = folder / f"readiness.{'junit.xml' if form == 'junit' else form}"
            path.write_text(shown_as(form, account), "utf-8")
            click.echo(str(path))
    except OSError as e:
        raise UsageError(f"--report: {folder} cannot be written ({e.strerror}); name another folder") from e
