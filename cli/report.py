"""`tminus report`: the record of a launch for people, in three files."""

from pathlib import Path

import click


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
    from tminus.report.writing import write_report

    book, frozen = open_launch(launch)
    for path in write_report(book, frozen, out or Path(launch)):
        click.echo(str(path))
