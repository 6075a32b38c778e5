"""`tminus launch`: creates a launch, hands it to Prefect, and follows it to its end."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.deciding import key_option
from cli.documents import document_options
from tminus.errors import LedgerError, OutsideCalendar, Refused, TminusError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tminus.frozen import Frozen
    from tminus.launching import Documents


@click.command("launch")
@document_options
@click.option(
    "--t0", required=True, metavar="TIME", help="T-0: 2026-11-22T18:00:00+01:00, or +5h on the countdown's clock."
)
@click.option(
    "--dry-run", is_flag=True, help="Run the read-only checks, print what each action would do, change nothing."
)
@click.option("--detach", is_flag=True, help="Do not wait for the end.")
@click.option(
    "--report",
    "out",
    type=click.Path(path_type=Path),
    help="At the end, write the report into this folder; not with --detach.",
)
@click.option("--override-calendar", is_flag=True, help="T-0 outside the calendar, by your role and with --reason.")
@click.option("--reason", default="", help="Why the calendar is overridden, for the record.")
@key_option
def command(  # noqa: PLR0913, PLR0917 - click hands over each option by name
    release: Path,
    runbook: Path,
    people: Path,
    environment: Path,
    t0: str,
    dry_run: bool,
    detach: bool,
    out: Path | None,
    override_calendar: bool,
    reason: str,
    key_file: Path | None,
) -> None:
    """Creates a launch and follows it.

    Exit code: 0 launched, 3 no-go, held past its end or scrubbed, or T-0 is outside the
    environment's calendar: nothing was created, 4 rolled back, 2 usage: nothing was created,
    1 something failed; where an id was printed the launch exists all the same.
    """
    from tasks.vocabulary import KINDS
    from tminus.launching import Documents

    refuse_unwritten_report(out, detach=detach, dry_run=dry_run)
    if override_calendar and not reason:
        raise UsageError("why must the calendar be overridden? Give --reason, for the record")
    documents = Documents.read(release, runbook, people, environment, KINDS)
    for line in documents.warnings():
        click.echo(f"warning: {line}", err=True)
    if dry_run:
        from cli.dry_run import rehearse_on_paper

        _look_for_secrets(documents)
        raise SystemExit(3 if rehearse_on_paper(documents, t0) else 0)
    with _nothing_created():
        frozen = _freeze(documents, t0, key_file, reason if override_calendar else "")
    _hand_over(frozen)
    if detach:
        return
    from cli.following import follow

    raise SystemExit(follow(frozen.created.launch, out))


def refuse_unwritten_report(out: Path | None, *, detach: bool, dry_run: bool = False) -> None:
    """Raises UsageError where a report is wanted that nobody would write, or that could not be written."""
    from tminus.report.writing import refuse_unwritable

    if out is None:
        return
    if dry_run:
        raise UsageError("--dry-run launches nothing that a report could be about; leave out --report")
    if detach:
        raise UsageError(
            "--report is written at the end, for which --detach does not wait; nothing was created. Leave one of them "
            "out; with --detach, `tminus report LAUNCH --out FOLDER` writes it later"
        )
    refuse_unwritable(out)


def _look_for_secrets(documents: "Documents") -> None:
    """Says which of the environment's secrets cannot be read here; where the worker runs, it lacks the same."""
    from flows.starting import point_at
    from tminus.credentials import resolve
    from tminus.environment import Environment
    from tminus.errors import MissingSecret

    environment = documents.environment.load(Environment)
    point_at(environment.prefect.api)
    for reference in dict.fromkeys(environment.secrets()):
        try:
            resolve(reference)
        except MissingSecret as e:
            click.echo(f"missing  {e}")


def _freeze(documents: "Documents", t0: str, key_file: Path | None, override: str) -> "Frozen":
    from tminus.clock import now
    from tminus.environment import Environment
    from tminus.launching import launch_id
    from tminus.people import People
    from tminus.personal_key import PersonalKey
    from tminus.plan import parse_t0
    from tminus.release import Release

    if key_file is None:
        raise UsageError("who launches? Give --key, or set TMINUS_KEY to your private key's path")
    person = PersonalKey(key_file).owner(documents.people.load(People), str(documents.people.path))
    release, environment = documents.release.load(Release), documents.environment.load(Environment)
    moment = now()
    name = launch_id(release.system, release.release, moment)
    title = f"{release.system} {release.release}"
    return documents.frozen(name, parse_t0(t0, environment.clock, moment), person.id, title, override)


def _hand_over(frozen: "Frozen") -> None:
    import asyncio

    from flows.starting import point_at, refuse_unready
    from tminus.ledger.opening import name_ledger

    point_at(frozen.environment.prefect.api)
    name_ledger(frozen.environment.ledger)
    from flows.launch import schedule_phases
    from flows.prefect_errors import PREFECT_ERRORS

    launch = frozen.created.launch

    async def hand_over() -> None:
        await refuse_unready(frozen.environment.prefect.api)
        _create(frozen)
        try:
            await schedule_phases(launch)
        except (LedgerError, *PREFECT_ERRORS) as e:
            raise TminusError(
                f"{launch} exists, but not all of its phases are scheduled ({type(e).__name__}). A gateway does that "
                f"within 30 s, as soon as Prefect answers; `tminus status {launch}` shows it, "
                f"`tminus scrub {launch} --reason WHY` ends it"
            ) from e

    asyncio.run(hand_over())


def _create(frozen: "Frozen") -> None:
    """Creates it and says so at once: whatever fails from here on, its id is known."""
    from contextlib import closing

    from tminus.launching import create
    from tminus.ledger.opening import open_ledger

    with closing(open_ledger(frozen.environment.ledger)) as store, _nothing_created():
        create(store, frozen)
    click.echo(f"{frozen.created.launch} is created; T-0 is {frozen.created.t0:%Y-%m-%d %H:%M:%S} UTC.")


@contextmanager
def _nothing_created() -> "Iterator[None]":
    """What a rule says no to here is a mistake of whoever asked: exit code 3 would say that a launch ended."""
    try:
        yield
    except OutsideCalendar:
        raise
    except Refused as e:
        raise UsageError(str(e)) from e
