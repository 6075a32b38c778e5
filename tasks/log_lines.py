"""Structured logs: one JSON object a line, as most loggers write them."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, Field, ValidationError

_BLOCK = 1 << 20  # bytes stepped back at a time, when looking for where a window begins
_ERRORS = frozenset({"error", "err", "critical", "crit", "fatal", "alert", "emergency", "emerg", "panic", "severe"})
_NUMERIC_ERROR = 50  # bunyan's and pino's number for error
_LONGEST = 2000  # characters of a message that are looked at


def _with_point(value: object) -> object:
    """Python's own logging writes a comma before the milliseconds."""
    return value.replace(",", ".") if isinstance(value, str) else value


def _in_utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _text_only(value: object) -> str:
    """Some loggers put objects where others put text; those name no kind of error."""
    return value if isinstance(value, str) else ""


def _any_of(*names: str) -> AliasChoices:
    return AliasChoices(*names)


_Text = Annotated[str, BeforeValidator(_text_only)]


class Entry(BaseModel, frozen=True):
    """One line, by the names that common loggers use. A time without a zone is taken as UTC."""

    at: Annotated[datetime, BeforeValidator(_with_point), AfterValidator(_in_utc)] = Field(
        validation_alias=_any_of("time", "timestamp", "@timestamp", "ts", "asctime")
    )
    level: str | int = Field(validation_alias=_any_of("level", "severity", "levelname", "lvl", "log.level"))
    message: _Text = Field(validation_alias=_any_of("message", "msg", "event"), default="")
    exception: _Text = Field(validation_alias=_any_of("exception", "exc_type", "error.type"), default="")
    method: _Text = ""
    path: _Text = ""

    @property
    def is_error(self) -> bool:
        """Whether its level is error or worse."""
        if isinstance(self.level, int):
            return self.level >= _NUMERIC_ERROR
        return self.level.lower() in _ERRORS

    @property
    def said(self) -> str:
        """What its kind is told by: message, exception, and which path was asked for."""
        return " ".join(part[:_LONGEST] for part in (self.message, self.exception, self.method, self.path) if part)


def read_since(path: Path, since: datetime) -> Iterator[Entry | None]:
    """The entries of a file from `since` on, or a little earlier; None for a line that is no entry.

    Lines are taken to be in the order of their times. Raises OSError.
    """
    with path.open("rb") as file:
        file.seek(_offset(file, since))
        for line in file:
            if line.strip():
                yield parse(line)


def parse(line: bytes) -> Entry | None:
    """One line; None where it is no JSON object with a time and a level."""
    try:
        return Entry.model_validate_json(line)
    except ValidationError:
        return None


def _offset(file: IO[bytes], since: datetime) -> int:
    """Where to begin reading so as to miss nothing from `since` on."""
    at = file.seek(0, os.SEEK_END)
    while at > 0:
        at = max(0, at - _BLOCK)
        file.seek(at)
        if at:
            file.readline()  # the rest of a line that began before
        begin = file.tell()
        first = next((entry for line in file if (entry := parse(line))), None)
        if first is not None and first.at < since:
            return begin
    return 0
