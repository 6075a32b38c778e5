"""The options of the commands that operate a system: its book, where it runs, and what of it runs there."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., None])
_FILE = click.Path(path_type=Path)

environment_option = click.option(
    "--environment", required=True, type=_FILE, envvar="TMINUS_ENVIRONMENT", help="Where: the environment file."
)
runbook_option = click.option("--runbook", required=True, type=_FILE, help="The system's launch book.")
release_option = click.option("--release", required=True, type=_FILE, help="What runs there: release.yaml.")
people_option = click.option(
    "--people", required=True, type=_FILE, envvar="TMINUS_PEOPLE", help="Who may approve: people.yaml."
)


def with_book(command: _F) -> _F:
    """`--release --runbook --environment`, all required."""
    for option in (environment_option, runbook_option, release_option):
        command = option(command)
    return command
