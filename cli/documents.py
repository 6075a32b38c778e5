"""The four files that every launch is made of, as options."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., None])
_FILE = click.Path(path_type=Path)


def document_options(command: _F) -> _F:
    """`--release --runbook --people --environment`, all required."""
    for name, said in (
        ("environment", "Where: the environment file."),
        ("people", "Who: people.yaml."),
        ("runbook", "How: the book."),
        ("release", "What: release.yaml."),
    ):
        command = click.option(f"--{name}", required=True, type=_FILE, help=said)(command)
    return command
