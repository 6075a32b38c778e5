"""`tminus report`: the record of a launch for people, in three files."""

from pathlib import Path

import click

from tminus.errors import UsageError


@click.command("report")
@click.argument("launch")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The folder that gets report.html, report.md and report.json; named after the launch unless given.",
)
def command(launch: str, out: Path | None) -> None:
    """Writes a launch's report, also while it is under way.

    report.html is one file that needs no network; report.md is the checklist with its ticks; report.json is the data.
    """
    from cli.deciding import open_launch
    from tminus.chain_names import is_sign_off
    from tminus.report.writing import write_report

    book, frozen = open_launch(launch)
    if is_sign_off(launch):
        raise UsageError(
            f"{launch} is a sign-off, and a report is of a launch; `tminus status {launch}` shows who signed, and the "
            "report of a launch that rests on it names it"
        )
    for path in write_report(book, frozen, out or Path(launch)):
        click.echo(str(path))
