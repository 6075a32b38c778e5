"""Log-ins as a PostgreSQL server writes them into its log, as JSON (jsonlog) or as CSV (csvlog).

Source: https://www.postgresql.org/docs/current/runtime-config-logging.html (the fields of both, in their order).
"""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tasks.rotators.postgres_sessions import LOCAL
from tminus.errors import CouldNotObserve

Form = Literal["jsonlog", "csvlog"]
AUTHORIZED = "connection authorized: "
_SWITCHED = 'parameter "log_connections" changed to '
_OFFSET = re.compile(r"([+-])(\d\d)(?::?(\d\d))?")
_APPLICATION = re.compile(r" application_name=(.*?)(?: SSL enabled \(.*| GSS \(.*)?$", re.DOTALL)
_JSON_FIELDS = ("timestamp", "user", "remote_host", "message")
_CSV_MESSAGE = 13  # where the message stands, counted from 0; the time, the user and the address are 0, 1 and 4
_NOTHING = ("", "", "", "")
_LOCAL = "[local]"
_LONGEST_FIELD = 1 << 30  # characters; a statement may be as long as PostgreSQL takes it


@dataclass(frozen=True)
class Line:
    """What is kept of a line: when, who, from where, and what it says."""

    at: datetime
    user: str
    address: str
    message: str

    @property
    def is_login(self) -> bool:
        """Whether somebody logged in."""
        return self.message.startswith(AUTHORIZED)

    @property
    def is_switch(self) -> bool:
        """Whether from here on log-ins are told, or are not."""
        return self.message.startswith(_SWITCHED)

    @property
    def application(self) -> str:
        """What the client called itself when it logged in."""
        found = _APPLICATION.search(self.message)
        return found[1] if found else ""


class Records:
    """Takes a file in pieces, gives its records: a line each as JSON, one or more as CSV."""

    def __init__(self, form: Form) -> None:
        self._csv = form == "csvlog"
        self._rest = b""
        self._open: list[bytes] = []
        self._quoted = False

    def take(self, piece: bytes) -> Iterator[bytes]:
        """The records that end in this piece; what is unfinished waits for the next."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._open.append(line)
            self._quoted ^= self._csv and line.count(b'"') % 2 == 1
            if not self._quoted:  # a field that is quoted may hold line ends
                yield b"\n".join(self._open)
                self._open.clear()


def line_of(form: Form, record: bytes, zone: str) -> Line | None:
    """The record's time and words; None where it is none: a server that is killed may leave half a one.

    Args:
        form: as what the file is written.
        record: one.
        zone: the server's log_timezone, by which `CET` and the like are understood.

    Raises CouldNotObserve where its time cannot be told.
    """
    at, user, address, message = (_of_csv if form == "csvlog" else _of_json)(record.decode(errors="replace"))
    return Line(_when(at, zone), user, LOCAL if address == _LOCAL else address, message) if at else None


def may_matter(record: bytes) -> bool:
    """Whether a record may tell of a log-in, or of their being told; cheap."""
    return AUTHORIZED.encode() in record or b"log_connections" in record


def _of_json(record: str) -> tuple[str, str, str, str]:
    try:
        entry = json.loads(record)
    except ValueError:
        return _NOTHING
    if not isinstance(entry, dict):
        return _NOTHING
    at, user, address, message = (str(entry.get(name) or "") for name in _JSON_FIELDS)
    return at, user, address, message


def _of_csv(record: str) -> tuple[str, str, str, str]:
    csv.field_size_limit(_LONGEST_FIELD)
    for row in csv.reader(StringIO(record, newline="")):
        if len(row) > _CSV_MESSAGE:
            return row[0], row[1], row[4].rpartition(":")[0] or row[4], row[_CSV_MESSAGE]
    return _NOTHING


def _when(text: str, zone: str) -> datetime:
    """`2026-03-01 12:00:00.123 UTC`, `… +03`, `… CET`; raises CouldNotObserve where it cannot be told."""
    said, _, abbreviation = text.rpartition(" ")
    try:
        at = datetime.fromisoformat(said)
    except ValueError as e:
        raise CouldNotObserve("the server's log has a line whose time cannot be read") from e
    if (offset := _OFFSET.fullmatch(abbreviation)) is not None:
        ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return at.replace(tzinfo=timezone(-ahead if offset[1] == "-" else ahead))
    if abbreviation in {"UTC", "GMT", "Z"}:
        return at.replace(tzinfo=UTC)
    try:
        meant = [at.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1)]
    except (ZoneInfoNotFoundError, ValueError) as e:
        raise CouldNotObserve(
            f"the server's log is in the time zone {zone}, unknown here; set log_timezone to UTC"
        ) from e
    for one in meant:
        if one.tzname() == abbreviation:
            return one
    raise CouldNotObserve(f"the server's log has times in {abbreviation}, not of {zone}; set log_timezone to UTC")
