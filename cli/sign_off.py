"""`tminus sign-off`: the readiness sign-off of a release, asked days ahead."""

from pathlib import Path

import click

from cli.documents import document_options


@click.command("sign-off")
@document_options
@click.option(
    "--by", "started_by", default="release-manager", show_default=True, help="Who asks, by id in people.yaml."
)
def command(release: Path, runbook: Path, people: Path, environment: Path, started_by: str) -> None:
    """Asks the readiness roles to sign this very release off; valid until a date, for this digest only."""
    from tasks.vocabulary import KINDS
    from tminus.launching import Documents
    from tminus.ledger.opening import open_ledger
    from tminus.sign_off import open_sign_off

    documents = Documents.read(release, runbook, people, environment, KINDS)
    frozen = open_sign_off(documents, started_by, open_ledger)
    click.echo(f"Asked: {frozen}. `tminus pending` shows it; people answer in Slack or by `tminus approve {frozen}`.")
