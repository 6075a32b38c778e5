"""`tminus report`: the record of a launch for people, in three files."""

from pathlib import Path

import click


@click.command("report")
@click.argument("launch")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="DIR",
    help="The folder that gets report.html, report.md and report.json.",
)
def command(launch: str, out: Path) -> None:
    """Writes a launch's report, also while it is under way.

    report.html is one file that needs no network; report.md is the checklist with its ticks; report.json is the data.
    """
    from cli.deciding import open_launch
    from tminus.report.writing import write_report

    book, frozen = open_launch(launch)
    for path in write_report(book, frozen, out):
        click.echo(str(path))
