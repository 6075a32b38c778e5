"""Looks for values where none may be: in files, in databases cell by cell, in processes; in every common spelling."""

import json
import sqlite3
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, quote_plus

import psutil

_BITS, _BYTE = 6, 8  # of a character of base64, and of what it stands for
_SHIFTS = range(3)  # bytes that stand before a value in what is encoded, as far as that changes its characters
_LOOK = 0.01  # seconds between two looks at the processes
_SQLITE = b"SQLite format 3\0"
Found = dict[str, bytes]
"""What was found at each place."""


def spellings(value: str) -> frozenset[bytes]:
    """How it would look: plain, as JSON writes it (once, and in a text that is JSON again), in an address, in hex."""
    raw = value.encode()
    escaped = {json.dumps(value, ensure_ascii=plain)[1:-1] for plain in (True, False)}
    texts = {value, *escaped, *(json.dumps(one)[1:-1] for one in escaped), repr(value)[1:-1], quote(value, safe="")}
    texts |= {quote(value), quote_plus(value), raw.hex(), raw.hex().upper()}
    return frozenset({*(one.encode() for one in texts), value.encode("utf-16-le"), *_in_base64(raw)})


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """The characters that belong to it alone, wherever in a longer text it begins."""
    for encode in (b64encode, urlsafe_b64encode):
        for shift in _SHIFTS:
            whole = encode(b"\0" * shift + raw)
            yield whole[-(-shift * _BYTE // _BITS) : (shift + len(raw)) * _BYTE // _BITS]


def leaks(places: Found, values: Iterable[str]) -> list[str]:
    """A line for each place that holds one of the values, in whatever spelling."""
    looked_for = {spelling: number for number, value in enumerate(values, 1) for spelling in spellings(value)}
    return sorted(
        {
            f"{place} holds value {number} ({spelling[:12]!r}…)"
            for place, content in places.items()
            for spelling, number in looked_for.items()
            if spelling in content
        }
    )


def in_files(folder: Path, *but: str) -> Found:
    """Every file below the folder, except those of these names; of an SQLite file each cell besides its bytes."""
    found = {str(path): _read(path) for path in folder.rglob("*") if path.is_file() and path.name not in but}
    cells = {f"{place}, cell by cell": _cells(Path(place)) for place, raw in found.items() if raw.startswith(_SQLITE)}
    return {**found, **cells}


def _read(path: Path) -> bytes:
    with suppress(FileNotFoundError):  # a server's own, gone meanwhile
        return path.read_bytes()
    return b""


def _cells(path: Path) -> bytes:
    """All values of all tables: one that is longer than a page does not lie in one piece in the file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE V%'")
        rows = [row for (name,) in tables.fetchall() for row in connection.execute(f'SELECT * FROM "{name}"')]  # noqa: S608 - its own tables
    return b"\n".join(one if isinstance(one, bytes) else str(one).encode() for row in rows for one in row)


class Processes:
    """What anybody can read of the processes that this one starts, and those of theirs, while the block lasts."""

    def __init__(self) -> None:
        self.found: Found = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_LOOK):
            for one in psutil.Process().children(recursive=True):
                for what in ("cmdline", "environ"):
                    with suppress(OSError):
                        content = Path(f"/proc/{one.pid}/{what}").read_bytes()
                        self.found[f"{what} of {one.pid}: {hash(content)}"] = content
