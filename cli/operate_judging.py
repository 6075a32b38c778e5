"""`tminus operate audit | scan`: the security of a system by its checklist, and what scanners found in its release."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.operate_files import with_book
from cli.readiness_files import ReadinessFiles, with_readiness_files
from tminus.errors import UsageError

if TYPE_CHECKING:
    from tminus.outcome import Outcome
    from tminus.readiness.account import Account
    from tminus.readiness.opened import Opened

_BAD = 3


@click.command("audit")
@click.argument("system")
@with_readiness_files
@click.option("--section", "sections", multiple=True, help="These sections instead; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="Also the lines that hold.")
@click.option("--report", type=click.Path(path_type=Path, file_okay=False), help="A folder that gets all formats.")
@click.option("--prefect", is_flag=True, help="Show the sweep in Prefect.")
def audit(
    files: ReadinessFiles,
    system: str,
    sections: tuple[str, ...],
    everything: bool,
    report: Path | None,
    prefect: bool,
) -> None:
    """Goes through SYSTEM's security sections, and reports.

    It writes the evidence down. Security sections are the sections of a chapter, and the sections, that have `security`
    in their name or title. Exits 0 where nothing in them blocks, 3 where something does, 2 where the files have
    mistakes.
    """
    from cli.readiness import give, known_sections, sweep_now, write_all
    from tminus.readiness.audited import named, of_security

    found = files.open(system)
    known_sections(found, sections)
    wanted = named(found.checklist, sections) if sections else of_security(found.checklist)
    if not wanted:
        raise UsageError(f"no section of {system} is about security; name some by --section")
    sweep_now(found, files, tuple(dict.fromkeys(section.section for section in wanted)), prefect=prefect)
    account = _account(found, {section.place for section in wanted})
    give(account, "terminal", everything=everything)
    if report is not None:
        write_all(account, report)
    if not account.ready:
        click.get_current_context().exit(_BAD)


def _account(found: "Opened", places: set[str]) -> "Account":
    from contextlib import closing

    from tminus.clock import now
    from tminus.readiness.account import account
    from tminus.readiness.audited import only_sections
    from tminus.readiness.history import histories

    with closing(found.store()) as store:
        judged, standing = (
            [one for one in found.judged_last(store) if one.section.place in places],
            found.standing(store),
        )
        return only_sections(account(found, judged, standing, now(), histories(store, standing)))


@click.command("scan")
@with_book
def scan(release: Path, runbook: Path, environment: Path) -> None:
    """Judges the scanners' reports that there are.

    Of the release and of the checklist; it says how old they are. Those are the artifact.vulnerabilities and
    artifact.scan lines of the launch book and of the chapters beside it. No scanner is run: CI does that, and leaves
    its reports. Exits 0 where all of them pass, 3 where one does not.
    """
    import asyncio

    from flows.operating import look_at, of_scans, opened_estate
    from tasks.vocabulary import KINDS
    from tminus.operation_files import Operated
    from tminus.readiness.audited import checks_beside

    found = Operated.read(runbook, environment, release, KINDS)
    steps = of_scans((*found.book.steps(), *checks_beside(runbook.parent, KINDS)))
    if not steps:
        raise UsageError(f"neither {runbook} nor a chapter beside it has an artifact.vulnerabilities or artifact.scan")

    async def look() -> "list[tuple[str, str, Outcome]]":
        async with opened_estate(found) as estate:
            return [(step.id, step.title, outcome) for step, outcome in await look_at(estate, steps)]

    seen = asyncio.run(look())
    for name, title, outcome in seen:
        click.echo(f"{outcome.verdict:8} {name}: {title}\n           {outcome.summary}")
        click.echo(f"           {_age(outcome)}")
        for detail in outcome.details:
            click.echo(f"           {detail}")
    if not all(outcome.verdict.final for *_, outcome in seen):
        click.get_current_context().exit(_BAD)


def _age(outcome: "Outcome") -> str:
    from tminus.spoken import counted

    by_name = {one.name: one for one in outcome.found}
    if "age" not in by_name or (age := by_name["age"].quantity) is None:
        return "its age is not known"
    reports = by_name["reports"].quantity if "reports" in by_name else None
    return f"{counted(int(reports.value), 'report') if reports else 'reports'}, the oldest {age.shown()} old"
