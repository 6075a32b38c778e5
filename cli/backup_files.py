"""The options of every command about backups: which book, and where."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tminus.backups.opened import OpenedBackups

_FILE = click.Path(path_type=Path)


def with_backup_files(command: Callable[..., None]) -> Callable[..., None]:
    """`--runbook` and `--environment`, handed over as they were given."""

    @functools.wraps(command)
    def run(runbook: Path, environment: Path, **rest: object) -> None:
        command(runbook, environment, **rest)

    wrapped: Callable[..., None] = run
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
            help="The book of backups, or the folder that holds it.",
        ),
    ):
        wrapped = option(wrapped)
    return wrapped


def opened(runbook: Path, environment: Path) -> "OpenedBackups":
    """The book, opened; raises BookError with every mistake, UsageError."""
    from tminus.backups.opened import open_backups

    return open_backups(runbook, environment)
