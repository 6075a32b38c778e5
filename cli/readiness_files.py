"""The options of every command about readiness: whose, where, and who may state things."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tminus.readiness.opened import Opened

_FILE = click.Path(path_type=Path)


@dataclass(frozen=True)
class ReadinessFiles:
    """What a command about readiness was given."""

    environment: Path
    people: Path | None
    runbooks: Path
    release: Path | None

    def open(self, system: str) -> "Opened":
        """The system's readiness; raises BookError with every mistake, UsageError."""
        from tasks.vocabulary import KINDS
        from tminus.readiness.opened import open_readiness

        return open_readiness(self.runbooks / system, self.environment, self.people, self.release, KINDS)


def with_readiness_files(command: Callable[..., None]) -> Callable[..., None]:
    """`--environment`, `--people`, `--runbooks` and `--release`, handed over as one ReadinessFiles."""

    @functools.wraps(command)
    def run(environment: Path, people: Path | None, runbooks: Path, release: Path | None, **rest: object) -> None:
        command(ReadinessFiles(environment, people, runbooks, release), **rest)

    wrapped: Callable[..., None] = run
    for option in (
        click.option("--release", type=_FILE, help="What is about to be launched, for lines that look into it."),
        click.option("--runbooks", type=_FILE, default=Path("runbooks"), help="The folder with a folder a system."),
        click.option("--people", type=_FILE, envvar="TMINUS_PEOPLE", help="Who may state and accept things."),
        click.option("--environment", type=_FILE, required=True, envvar="TMINUS_ENVIRONMENT", help="Where."),
    ):
        wrapped = option(wrapped)
    return wrapped
