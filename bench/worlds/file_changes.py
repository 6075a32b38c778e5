"""Breaking a file of a folder, and mending it: its content, its age, or that it is there at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path


@contextmanager
def changed(path: Path, content: str) -> Iterator[None]:
    """The block in which a file says something else."""
    before, status = path.read_bytes(), path.stat()
    path.write_text(content, encoding="utf-8")
    yield
    path.write_bytes(before)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@contextmanager
def replaced(path: Path, old: str, new: str) -> Iterator[None]:
    """The block in which one text of a file is another; raises ValueError where it is not there to be replaced."""
    text = path.read_text(encoding="utf-8")
    if old not in text:
        raise ValueError(f"{path.name} has no {old!r} to replace")
    with changed(path, text.replace(old, new)):
        yield


@contextmanager
def gone(path: Path) -> Iterator[None]:
    """The block in which a file is not there."""
    away = path.with_name(f"{path.name}.away")
    path.rename(away)
    yield
    away.rename(path)


@contextmanager
def dated(path: Path, when: datetime) -> Iterator[None]:
    """The block in which a file was last written at some time."""
    status = path.stat()
    os.utime(path, (when.timestamp(), when.timestamp()))
    yield
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
