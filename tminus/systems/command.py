"""A command that an environment names."""

from datetime import timedelta

from pydantic import Field

from tminus.clock import Duration
from tminus.systems.section import Section


class Command(Section):
    """An argv list, run without a shell.

    `{pool}`, `{version}`, `{artifact}`, `{config}`, `{token}` are filled in where a version is rolled out, `{primary}`
    where a server is to follow another, `{until}` where it is restored.
    """

    argv: tuple[str, ...] = Field(min_length=1)
    timeout: Duration = timedelta(minutes=5)
