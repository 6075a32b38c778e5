"""Who logged in, by the server's own log, read through SQL: nothing has to be installed beside the server."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, LiteralString

from tasks.rotators.postgres_log_lines import Form, Line, Records, line_of, may_matter
from tminus.clock import now
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.AsyncConnection[tuple[object, ...]]

_CHUNK = 4 * 1024 * 1024  # bytes read with one question
_HEAD = 64 * 1024  # bytes in which a line of the log is looked for
_MOST = 512 * 1024 * 1024  # bytes read for one census; a log of more is no place to count log-ins in
_TELLING = frozenset({"on", "true", "yes", "1", "all", "authorization"})
_ENGLISH = ("", "c", "posix", "en")
_SUFFIXES: dict[Form, str] = {"jsonlog": ".json", "csvlog": ".csv"}
_TICK = timedelta(milliseconds=1)  # a line's time is cut to milliseconds
_APART = timedelta(seconds=5)  # by which lines may stand before others that are older
_COARSE = timedelta(seconds=2)  # a file's time is told in whole seconds
_SETTINGS: LiteralString = """
    SELECT name, setting FROM pg_settings WHERE name IN ('logging_collector', 'log_destination', 'log_directory',
        'log_connections', 'log_timezone', 'log_min_messages', 'lc_messages')"""
_FILES: LiteralString = """
    SELECT name, size, modification FROM pg_ls_logdir() ORDER BY modification, name"""
_READ: LiteralString = "SELECT pg_read_binary_file(%s, %s, %s, true)"
_GRANTS = (
    "GRANT pg_monitor TO {0}; GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean) TO {0} "
    "in the database of the server's dsn"
)


@dataclass(frozen=True)
class LogIns:
    """Log-ins of one user.

    Attributes:
        lines: each.
        where: what was read.
        since: from when on the log tells of log-ins.
    """

    lines: tuple[Line, ...]
    where: str
    since: datetime


@dataclass(frozen=True)
class _File:
    path: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class _Log:
    form: Form
    zone: str
    files: Sequence[_File]


async def log_ins(connection: "Connection", user: str, since: datetime) -> LogIns:
    """Those of a user from then on.

    Raises CouldNotObserve, naming the setting or the GRANT, where the server's log does not tell or may not be read.
    """
    from psycopg.errors import InsufficientPrivilege

    try:
        log = await _log(connection)
        return await _read(connection, log, user, since)
    except InsufficientPrivilege as e:
        may = _GRANTS.format(connection.info.user)
        raise CouldNotObserve(f"the server's log may not be read: {e.diag.message_primary}; {may}") from e


async def _log(connection: "Connection") -> _Log:
    settings = {str(name): str(value) for name, value in await _rows(connection, _SETTINGS)}
    form = _form(settings, connection.info.user)
    files = [
        _File(f"{settings['log_directory']}/{name}", int(str(size)), modified)
        for name, size, modified in await _rows(connection, _FILES)
        if str(name).endswith(_SUFFIXES[form]) and isinstance(modified, datetime)
    ]
    return _Log(form, settings["log_timezone"], files)


def _form(settings: dict[str, str], rotator: str) -> Form:
    """Raises CouldNotObserve, naming what must be set so that log-ins can be counted."""
    if "log_directory" not in settings:
        raise CouldNotObserve(f"where the server's log is may not be seen; {_GRANTS.format(rotator)}")
    missing = []
    if settings["logging_collector"] != "on":
        missing.append("logging_collector = on (and a restart)")
    destinations = [part.strip() for part in settings["log_destination"].split(",")]
    forms: list[Form] = [form for form in ("jsonlog", "csvlog") if form in destinations]
    if not forms:
        missing.append("log_destination with jsonlog or csvlog")
    if not _TELLING & {part.strip().lower() for part in settings["log_connections"].split(",")}:
        missing.append("log_connections = on")
    if settings["log_min_messages"] in {"fatal", "panic"}:
        missing.append("log_min_messages = warning")
    if settings["lc_messages"].lower().partition("_")[0].partition(".")[0] not in _ENGLISH:
        missing.append("lc_messages = 'C'")
    if missing:
        raise CouldNotObserve(f"the server's log does not tell who logs in; it needs {', '.join(missing)}")
    return forms[0]


async def _read(connection: "Connection", log: _Log, user: str, since: datetime) -> LogIns:
    files = [file for file in log.files if file.modified >= since - _COARSE]
    begins = [await _begin(connection, log, file, since) for file in files]
    if (size := sum(file.size for file in files) - sum(begins)) > _MOST:
        raise CouldNotObserve(
            f"the server's log since {since:%Y-%m-%d %H:%M} UTC has {size} bytes, and {_MOST} are read at most; log "
            "less (log_statement, log_min_duration_statement), or write `census: sessions`"
        )
    found: list[Line] = []
    told = since if len(files) < len(log.files) else now()
    for file, begin in zip(files, begins, strict=True):
        first = True
        async for line in _lines(connection, log, file, begin):
            if first:
                told, first = min(told, line.at), False
            if line.is_switch and line.at > since:
                told = line.at
            if line.is_login and line.user == user and line.at >= since - _TICK:
                found.append(line)
    return LogIns(tuple(found), f"the server's {log.form} ({len(files)} files, {size} bytes)", max(since, told))


async def _begin(connection: "Connection", log: _Log, file: _File, since: datetime) -> int:
    """From where on a file must be read; from its beginning as CSV, where nobody can tell what a quote's half is of."""
    at = file.size if log.form == "jsonlog" else 0
    while at > 0:
        at = max(0, at - _CHUNK)
        head = await _piece(connection, file, at, _HEAD)
        lines = (line_of(log.form, record, log.zone) for record in Records(log.form).take(head or b""))
        first = next((line for line in lines if line is not None), None)
        if first is not None and first.at < since - _APART:
            return at
    return 0


async def _lines(connection: "Connection", log: _Log, file: _File, begin: int) -> AsyncIterator[Line]:
    """A file's first line from there on, and those that matter."""
    records, first = Records(log.form), True
    for offset in range(begin, file.size, _CHUNK):
        piece = await _piece(connection, file, offset, _CHUNK)
        if piece is None:
            return
        for record in records.take(piece):
            if first or may_matter(record):
                line = line_of(log.form, record, log.zone)
                if line is not None:
                    first = False
                    yield line


async def _piece(connection: "Connection", file: _File, offset: int, length: int) -> bytes | None:
    """A part of a file, no further than it was long when it was listed; None where it is gone by now."""
    [(piece,)] = await _rows(connection, _READ, (file.path, offset, min(length, file.size - offset)))
    return piece if isinstance(piece, bytes) else None


async def _rows(
    connection: "Connection", query: LiteralString, with_: Sequence[object] = ()
) -> list[tuple[object, ...]]:
    cursor = connection.cursor(binary=True)
    return await (await cursor.execute(query, with_)).fetchall()
