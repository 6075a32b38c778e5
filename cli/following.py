"""Following a launch to its end: what happens, as it happens, and the exit code that says how it ended."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.deciding import open_launch

if TYPE_CHECKING:
    from tminus.frozen import Frozen
    from tminus.ledger.logbook import Logbook
    from tminus.record import Record

_LOOK = 0.2  # seconds
_CODES = {"launched": 0, "rolled back": 4}
_OTHERWISE = 3  # no-go, held past its end, scrubbed


def follow(launch: str, out: Path | None) -> int:
    """Shows what happens until the end: live on a terminal, else a line for each thing worth telling.

    Returns the exit code. Ctrl-C stops the showing, not the launch.
    """
    book, frozen = open_launch(launch)
    try:
        record = _shown_live(book, frozen) if sys.stdout.isatty() else _told(book, frozen)
    except KeyboardInterrupt:
        click.echo(
            f"\nNobody follows it here any more; the launch goes on. `tminus status {launch}` shows it.", err=True
        )
        raise
    if out is not None:
        from tminus.report.writing import write_report

        write_report(book, frozen, out)
        click.echo(f"The report is in {out}.")
    closed = record.closed
    click.echo(closed.sentence if closed else "")
    return _CODES.get(closed.result, _OTHERWISE) if closed else _OTHERWISE


def _shown_live(book: "Logbook", frozen: "Frozen") -> "Record":
    from rich.console import Console

    from tminus.countdown import show_live

    return show_live(Console(), frozen, book.refresh, _LOOK)


def _told(book: "Logbook", frozen: "Frozen") -> "Record":
    from tminus.countdown import lines

    told = 0
    while True:
        record = book.refresh()
        for line in lines(frozen, record, told):
            click.echo(line)
        told = record.seq
        if record.closed is not None:
            return record
        time.sleep(_LOOK)
