"""Structured logs: one JSON object a line, as most loggers write them."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, Field, ValidationError

_BLOCK = 1 << 20  # bytes stepped back at a time, when looking for where a window begins
_ERRORS = frozenset({"error", "err", "critical", "crit", "fatal", "alert", "emergency", "emerg", "panic", "severe"})
_NUMERIC_ERROR = 50  # bunyan's and pino's number for error
_LONGEST = 2000  # characters of a message that are looked at
_SHOWN = 80  # characters of a name
_EXCEPTION = re.compile(r"(?:\w+[.:]+)*([A-Za-z]\w*(?:Error|Exception|Failure|Fault|Timeout|Interrupt))")
_LOGGER = re.compile(r"[A-Za-z_]+(?:[.:][A-Za-z_]+)*")


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
_MESSAGES = ("@mt", "message_template", "messageTemplate", "message", "msg", "event")


class Entry(BaseModel, frozen=True):
    """One line, by the names that common loggers use. A time without a zone is taken as UTC.

    Where a logger writes the message's template beside the message, that is taken: it is the same for all customers.
    """

    at: Annotated[datetime, BeforeValidator(_with_point), AfterValidator(_in_utc)] = Field(
        validation_alias=_any_of("time", "timestamp", "@timestamp", "ts", "asctime")
    )
    level: str | int = Field(validation_alias=_any_of("level", "severity", "levelname", "lvl", "log.level"))
    message: _Text = Field(validation_alias=_any_of(*_MESSAGES), default="")
    logger: _Text = Field(validation_alias=_any_of("logger", "logger_name", "log.logger"), default="")
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

    @property
    def labels(self) -> str:
        """What the program says of itself and never of a customer: level, class of the exception, logger.

        Each only where it has the form of one, since a logger may be handed anything.
        """
        level = self.level.lower() if isinstance(self.level, str) and self.is_error else "error"
        exception, logger = _EXCEPTION.fullmatch(self.exception), _LOGGER.fullmatch(self.logger)
        named = [exception[1]] if exception else []
        named += [f"of {logger[0]}"] if logger else []
        return " ".join([level, *(name for name in named if len(name) <= _SHOWN)])


def read_since(path: Path, since: datetime) -> Iterator[Entry | None]:
    """The entries of a file from `since` on, or a little earlier; None for a line that is no entry.

    Lines are taken to be in the order of their times; a last one that is still being written is left out. Raises
    OSError.
    """
    with path.open("rb") as file:
        file.seek(_offset(file, since))
        for line in file:
            if line.strip() and line.endswith(b"\n"):
                yield parse(line)


def parse(line: bytes) -> Entry | None:
    """One line; None where it is no JSON object with a time and a level."""
    try:
        return Entry.model_validate_json(line)
    except ValidationError:
        return None


def _offset(file: IO[bytes], since: datetime) -> int:
    """Where to begin reading so as to miss nothing from `since` on."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        block = max(0, end - _BLOCK)
        file.seek(block)
        begin = block + len(file.readline()) if block else 0  # the rest of a line that began before
        first = _first_entry(file, begin, end)
        if first is not None and first.at < since:
            return begin
        end = block
    return 0


def _first_entry(file: IO[bytes], at: int, end: int) -> Entry | None:
    """The first entry of those that begin between two offsets, from where the file stands (`at`) on."""
    while at < end:
        line = file.readline()
        if (entry := parse(line)) is not None:
            return entry
        at += max(len(line), 1)
    return None
