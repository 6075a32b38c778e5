"""Following a launch to its end: what happens, as it happens, and the exit code that says how it ended."""

import time
from pathlib import Path

import click

from cli.deciding import open_launch

_LOOK = 0.2  # seconds
_CODES = {"launched": 0, "rolled back": 4}
_OTHERWISE = 3  # no-go, held past its end, scrubbed


def follow(launch: str, out: Path | None) -> int:
    """Prints one line for each thing worth telling; returns the exit code."""
    from tminus.countdown import lines

    book, frozen = open_launch(launch)
    told = 0
    while True:
        record = book.refresh()
        for line in lines(frozen, record, told):
            click.echo(line)
        told = record.seq
        if record.closed is not None:
            break
        time.sleep(_LOOK)
    if out is not None:
        from tminus.report.writing import write_report

        write_report(book, frozen, out)
        click.echo(f"The report is in {out}.")
    click.echo(record.closed.sentence)
    return _CODES.get(record.closed.result, _OTHERWISE)
