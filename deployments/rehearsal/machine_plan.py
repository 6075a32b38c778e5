"""The servers that a drill may switch off and on, by the file from which the power switch knows them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field


class PlannedMachine(BaseModel, frozen=True, extra="forbid"):
    """One server.

    Attributes:
        argv: by which it runs; its data folder is among the words, so that it is known by them.
        data: its data folder.
        log: where its output goes.
        environment: variables besides one's own.
        slot: of PostgreSQL: the replication slot by which it follows.
        passfile: of PostgreSQL: the passwords of `replicator` and of the superuser, as libpq reads them.
        tools: of PostgreSQL: where pg_rewind is.
        prefix: the words that make a program run as whoever owns the data.
        backup, archive: of a PostgreSQL that is restored: its base backup and its archived WAL.
    """

    kind: Literal["postgres", "redis", "service"]
    argv: tuple[str, ...]
    data: Path
    log: Path
    environment: Mapping[str, str] = Field(default_factory=dict)
    slot: str = ""
    passfile: Path | None = None
    tools: Path | None = None
    prefix: tuple[str, ...] = ()
    backup: Path | None = None
    archive: Path | None = None


def write_plan(path: Path, machines: Mapping[str, PlannedMachine]) -> None:
    """Writes the file; whoever may read it may switch them off."""
    path.touch(mode=0o600)
    path.write_text(json.dumps({name: one.model_dump(mode="json") for name, one in machines.items()}), "utf-8")


def read_plan(path: Path, name: str) -> PlannedMachine:
    """One of them; raises KeyError where there is none of that name, OSError, ValueError."""
    return PlannedMachine.model_validate(json.loads(path.read_text("utf-8"))[name])
