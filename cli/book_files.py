"""The options of every command about a book other than a launch's: which book, and where."""

import functools
from collections.abc import Callable
from pathlib import Path

import click

_FILE = click.Path(path_type=Path)
_Command = Callable[..., None]


def with_book_files(of: str) -> Callable[[_Command], _Command]:
    """`--runbook` and `--environment`, handed over as they were given; `of` is what the book is of (`backups`)."""

    def wrap(command: _Command) -> _Command:
        @functools.wraps(command)
        def run(runbook: Path, environment: Path, **rest: object) -> None:
            command(runbook, environment, **rest)

        wrapped: _Command = run
        for option in (
            click.option(
                "--environment",
                type=_FILE,
                required=True,
                envvar="TMINUS_ENVIRONMENT",
                show_envvar=True,
                help="Where: the environment file.",
            ),
            click.option(
                "--runbook",
                type=_FILE,
                required=True,
                envvar="TMINUS_RUNBOOK",
                show_envvar=True,
                help=f"The book of {of}, or the folder that holds it.",
            ),
        ):
            wrapped = option(wrapped)
        return wrapped

    return wrap
