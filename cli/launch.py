"""`tminus launch`: creates a launch, hands it to Prefect, and follows it to its end."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.deciding import key_option
from cli.documents import document_options
from tminus.errors import UsageError

if TYPE_CHECKING:
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
@click.option("--report", "out", type=click.Path(path_type=Path), help="At the end, write the report into this folder.")
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
    key_file: Path | None,
) -> None:
    """Creates a launch and follows it.

    Exit code: 0 launched, 3 no-go, held past its end or scrubbed, 4 rolled back, 1 internal error, 2 usage.
    """
    from tasks.vocabulary import KINDS
    from tminus.launching import Documents

    documents = Documents.read(release, runbook, people, environment, KINDS)
    if dry_run:
        from cli.dry_run import rehearse_on_paper

        raise SystemExit(3 if rehearse_on_paper(documents, t0) else 0)
    frozen = _freeze(documents, t0, key_file)
    _hand_over(frozen)
    click.echo(f"{frozen.created.launch} is created; T-0 is {frozen.created.t0:%Y-%m-%d %H:%M:%S} UTC.")
    if detach:
        return
    from cli.following import follow

    raise SystemExit(follow(frozen.created.launch, out))


def _freeze(documents: "Documents", t0: str, key_file: Path | None) -> "Frozen":
    from tminus.clock import now
    from tminus.environment import Environment
    from tminus.launching import launch_id
    from tminus.people import People
    from tminus.personal_key import PersonalKey
    from tminus.plan import parse_t0
    from tminus.release import Release

    if key_file is None:
        raise UsageError("who launches? Give --key, or set TMINUS_KEY to your private key's path")
    person = PersonalKey(key_file).owner(documents.people.load(People))
    release, environment = documents.release.load(Release), documents.environment.load(Environment)
    moment = now()
    name = launch_id(release.system, release.release, moment)
    title = f"{release.system} {release.release}"
    return documents.frozen(name, parse_t0(t0, environment.clock, moment), person.id, title)


def _hand_over(frozen: "Frozen") -> None:
    import asyncio

    from flows.starting import point_at, refuse_unready
    from tminus.launching import create
    from tminus.ledger.opening import name_ledger, open_ledger

    point_at(frozen.environment.prefect.api)
    name_ledger(frozen.environment.ledger)
    from flows.launch import schedule_phases

    async def hand_over() -> None:
        await refuse_unready(frozen.environment.prefect.api)
        store = open_ledger(frozen.environment.ledger)
        create(store, frozen)
        store.close()
        await schedule_phases(frozen.created.launch)

    asyncio.run(hand_over())
