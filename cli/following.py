"""Following a launch to its end: what happens, as it happens, and the exit code that says how it ended."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from cli.deciding import open_launch
from tminus.errors import LedgerUnreachable, UsageError

if TYPE_CHECKING:
    from tminus.frozen import Frozen
    from tminus.ledger.logbook import Logbook
    from tminus.record import Record

_T = TypeVar("_T")
_LOOK = 0.2  # seconds
_PAUSE = 1.0  # seconds before a ledger that did not answer is asked again
_CODES = {"launched": 0, "rolled back": 4}
_OTHERWISE = 3  # no-go, held past its end, scrubbed


def follow(launch: str, out: Path | None) -> int:
    """Shows what happens until the end: live on a terminal, else a line for each thing worth telling.

    Returns the exit code, which says how the launch ended, whatever else went wrong here. Ctrl-C stops the showing,
    not the launch; while the ledger does not answer it is looked for again and again.
    """
    try:
        book, frozen = _patiently(launch, lambda: open_launch(launch))
        record = _shown_live(book, frozen) if sys.stdout.isatty() else _told(book, frozen)
    except KeyboardInterrupt:
        click.echo(
            f"\nNobody follows it here any more; the launch goes on. `tminus status {launch}` shows it.", err=True
        )
        raise
    closed = record.closed
    try:
        if out is not None:
            _report(book, frozen, out)
    finally:  # the last line says how it ended, whatever became of the report
        click.echo(closed.sentence if closed else "")
    return _CODES.get(closed.result, _OTHERWISE) if closed else _OTHERWISE


def _report(book: "Logbook", frozen: "Frozen", out: Path) -> None:
    from tminus.report.writing import write_report

    try:
        _patiently(book.launch, lambda: write_report(book, frozen, out))
    except UsageError as e:
        click.echo(f"tminus: {e}; `tminus report {book.launch}` makes it again", err=True)
    else:
        click.echo(f"The report is in {out}.")


def _patiently(launch: str, look: Callable[[], _T]) -> _T:
    """What a look comes to, as soon as the ledger answers; says once that it does not, and that the launch goes on."""
    said = False
    while True:
        try:
            found = look()
        except LedgerUnreachable as e:
            if not said:
                click.echo(
                    f"tminus: {e}. The launch {launch} goes on; it is looked for again until it shows.", err=True
                )
                said = True
            time.sleep(_PAUSE)
        else:
            return found


def _shown_live(book: "Logbook", frozen: "Frozen") -> "Record":
    from rich.console import Console

    from tminus.countdown import show_live

    return show_live(Console(), frozen, lambda: _patiently(book.launch, book.refresh), _LOOK)


def _told(book: "Logbook", frozen: "Frozen") -> "Record":
    from tminus.countdown import lines

    told = 0
    while True:
        record = _patiently(book.launch, book.refresh)
        for line in lines(frozen, record, told):
            click.echo(line)
        told = record.seq
        if record.closed is not None:
            return record
        time.sleep(_LOOK)
