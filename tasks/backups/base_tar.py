"""A base backup's tar, written out below a folder as it arrives; what does not belong in one is refused."""

import os
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO

from tasks.backups.damage import Damaged
from tminus.errors import CouldNotObserve

_CHUNK = 1 << 20  # bytes
_TABLESPACES = "pg_tblspc"
_LONGEST = 255  # bytes of a name within


def unpack(tar: IO[bytes], folder: Path, room: int) -> int:
    """Writes the tar's files and folders below an empty folder, and returns their bytes. Reads it once, to its end.

    Raises Damaged where it is cut off, is no tar, or holds what a base backup on one file system does not: a name that
    leads outside, the same name twice, a link or a device; CouldNotObserve where `room` bytes do not hold it, or the
    disk is full.
    """
    written = 0
    try:
        with tarfile.open(fileobj=tar, mode="r|", bufsize=_CHUNK) as members:
            for member in members:
                path = folder / _inside(member)
                if member.isdir():
                    path.mkdir(mode=0o700, parents=True, exist_ok=True)
                    continue
                written += member.size
                if written > room:
                    raise CouldNotObserve(f"the base backup needs more than the {room} bytes that a restore may fill")
                content = members.extractfile(member)
                if content is None:
                    raise Damaged(f"the base backup's tar has no content for {member.name!r}")
                _write(path, content, member.size)
        while tar.read(_CHUNK):  # what pads the end of a tar; whoever writes into the pipe must get to its end
            pass
    except tarfile.TarError as e:
        raise Damaged(f"the base backup's tar is cut off, or none: {e}") from e
    except OSError as e:
        raise CouldNotObserve(f"the base backup cannot be written below {folder}: {e.strerror}") from e
    return written


def _inside(member: tarfile.TarInfo) -> PurePosixPath:
    name = PurePosixPath(member.name)
    parts = [part for part in name.parts if part != "."]
    if name.is_absolute() or ".." in parts or len(member.name.encode()) > _LONGEST or "\0" in member.name:
        raise Damaged("the base backup's tar holds a name that leads outside of it")
    if parts[:1] == [_TABLESPACES] and len(parts) > 1:
        raise Damaged("the base backup has a tablespace of its own, and is restored only where all is in one place")
    if not (member.isreg() or member.isdir()):
        raise Damaged(f"the base backup's tar holds a link or a device: {member.name!r}")
    return PurePosixPath(*parts)


def _write(path: Path, content: IO[bytes], size: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError as e:
        raise Damaged(f"the base backup's tar holds {path.name!r} twice") from e
    left = size
    with os.fdopen(descriptor, "wb") as file:
        while left and (chunk := content.read(min(_CHUNK, left))):
            file.write(chunk)
            left -= len(chunk)
    if left:
        raise Damaged(f"the base backup's tar is cut off within {path.name!r}")
