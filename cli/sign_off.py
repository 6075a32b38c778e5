"""`tminus sign-off`: the readiness sign-off of a release, asked days ahead."""

from pathlib import Path

import click

from cli.deciding import key_option
from cli.documents import document_options
from tminus.errors import UsageError


@click.command("sign-off")
@document_options
@key_option
def command(release: Path, runbook: Path, people: Path, environment: Path, key_file: Path | None) -> None:
    """Asks for the sign-off of this very release.

    Of the readiness roles; it is valid until a date, for this digest only.
    """
    from tasks.vocabulary import KINDS
    from tminus.launching import Documents
    from tminus.ledger.opening import open_ledger
    from tminus.people import People
    from tminus.personal_key import PersonalKey
    from tminus.sign_off import open_sign_off

    if key_file is None:
        raise UsageError("who asks? Give --key, or set TMINUS_KEY to your private key's path")
    documents = Documents.read(release, runbook, people, environment, KINDS)
    asked_by = PersonalKey(key_file).owner(documents.people.load(People), str(people))
    chain = open_sign_off(documents, asked_by.id, open_ledger)
    click.echo(f"Asked: {chain}. `tminus pending` shows it; people answer in Slack or by `tminus approve {chain}`.")
