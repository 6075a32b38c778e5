"""`tminus sign-off`: the readiness sign-off of a release, asked days ahead."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.deciding import key_option
from cli.documents import document_options
from tminus.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tminus.launching import Documents


@click.command("sign-off")
@document_options
@key_option
def command(release: Path, runbook: Path, people: Path, environment: Path, key_file: Path | None) -> None:
    """Asks for the sign-off of this very release.

    Of the readiness roles; it is valid until a date, for this digest only. It warns of each scan report that the
    release names and that is not there, or is no such report: whoever signs could not read it.
    """
    from tasks.vocabulary import KINDS
    from tminus.foreign_text import printable
    from tminus.launching import Documents
    from tminus.ledger.opening import open_ledger
    from tminus.people import People
    from tminus.personal_key import PersonalKey
    from tminus.sign_off import open_sign_off

    if key_file is None:
        raise UsageError("who asks? Give --key, or set TMINUS_KEY to your private key's path")
    documents = Documents.read(release, runbook, people, environment, KINDS)
    asked_by = PersonalKey(key_file).owner(documents.people.load(People), str(people))
    for unreadable in _unreadable_reports(documents):
        click.echo(f"warning: {printable(unreadable)}", err=True)
    chain = open_sign_off(documents, asked_by.id, open_ledger)
    click.echo(f"Asked: {chain}. `tminus pending` shows it; people answer in Slack or by `tminus approve {chain}`.")


def _unreadable_reports(documents: "Documents") -> "Iterator[str]":
    """The release's scan reports that cannot be read, as the check of them says it."""
    from tasks.scan_reports import read_report
    from tminus.errors import CouldNotObserve
    from tminus.release import Release

    for report in documents.release.load(Release).scans:
        try:
            read_report(report, documents.release.path.resolve().parent)
        except CouldNotObserve as e:
            yield str(e)
