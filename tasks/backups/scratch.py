"""Scratch places: made with a marker inside, and thrown away only where ledger and marker say that they are ours."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel, ValidationError

from tasks.backups.asked import Scratch
from tminus import events as ev
from tminus.errors import CouldNotObserve
from tminus.unprivileged import no_link

PREFIX = "tminus-scratch-"
MARKER = "tminus-scratch.json"
"""The marker file in a scratch place: it names the place, and the chain in which it was recorded."""
_PID = 100  # bytes of a pid file: its first line is the number
_DEEP = 3  # folders below the place in which the pid file of a server is looked for
_ENDS_WITHIN = 10.0  # seconds for a killed process to be gone


class _Mark(BaseModel, frozen=True):
    scratch: str
    chain: str


@dataclass(frozen=True)
class Removed:
    """What became of a scratch place; `ended` are the processes that were still running in it."""

    how: Literal["gone", "never made"]
    ended: tuple[int, ...] = ()


def make_scratch(scratch: Scratch, chain: str) -> None:
    """Makes the place, with its marker; it is in the ledger already. Raises CouldNotObserve. Blocks."""
    try:
        # Whoever a server runs as may have to pass through, and needs to list nothing.
        scratch.folder.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        scratch.folder.mkdir(mode=0o700)
        with (scratch.folder / MARKER).open("x", encoding="utf-8") as file:
            file.write(_Mark(scratch=scratch.name, chain=chain).model_dump_json())
            file.flush()
            os.fsync(file.fileno())
    except OSError as e:
        raise CouldNotObserve(f"the scratch folder {scratch.folder} cannot be made: {e.strerror}") from e


def remove_scratch(planned: ev.ScratchPlanned, chain: str) -> Removed:
    """Throws a place away with all that is in it; ends servers that still run in it. Blocks.

    Raises CouldNotObserve where the folder is not what the ledger planned: it is then left as it is, whatever it holds.
    """
    folder = Path(planned.folder)
    if not os.path.lexists(folder):
        return Removed("never made")
    _require_ours(folder, planned, chain)
    ended = tuple(_end(process) for process in _servers(folder))
    try:
        for path in folder.iterdir():
            if path.name != MARKER:
                _remove(path)
        _remove_marked(folder)
    except OSError as e:
        raise CouldNotObserve(f"the scratch {folder} cannot be removed whole: {e.strerror}") from e
    return Removed("gone", ended)


def _remove_marked(folder: Path) -> None:
    """Removes a place with nothing but its marker in it; without one what somebody still writes would be nobody's."""
    text = (folder / MARKER).read_bytes() if (folder / MARKER).exists() else b""
    (folder / MARKER).unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        (folder / MARKER).write_bytes(text)
        raise


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _require_ours(folder: Path, planned: ev.ScratchPlanned, chain: str) -> None:
    left = f"{folder} is left as it is: "
    if folder.name != planned.scratch or not planned.scratch.startswith(PREFIX):
        raise CouldNotObserve(f"{left}it is not called {planned.scratch}")
    if folder.is_symlink() or not folder.is_dir():
        raise CouldNotObserve(f"{left}it is no folder of its own")
    try:
        mark = _Mark.model_validate_json((folder / MARKER).read_bytes())
    except (OSError, ValidationError) as e:
        if _cut_short(folder):
            return
        raise CouldNotObserve(f"{left}it has no marker {MARKER} that can be read") from e
    if mark != _Mark(scratch=planned.scratch, chain=chain):
        raise CouldNotObserve(f"{left}its marker is that of {mark.scratch} in {mark.chain}")


def _cut_short(folder: Path) -> bool:
    """Whether its maker died before the marker was whole: nothing else is in it, so nothing can be lost."""
    try:
        inside = list(folder.iterdir())
        return not inside or (inside == [folder / MARKER] and inside[0].stat().st_size == 0)
    except OSError:
        return False


def _servers(folder: Path) -> Iterator[psutil.Process]:
    """The processes that pid files in the folder name, where their command line leads into that very folder."""
    for path in _pid_files(folder):
        with suppress(OSError, ValueError, IndexError, psutil.Error):
            with open(path, "rb", opener=no_link) as file:
                process = psutil.Process(int(file.read(_PID).split()[0]))
            if any(_leads_into(word, folder) for word in process.cmdline()):
                yield process


def _pid_files(folder: Path) -> Iterator[Path]:
    for at, folders, files in os.walk(folder):
        if len(Path(at).relative_to(folder).parts) >= _DEEP:
            folders.clear()
        yield from (Path(at) / name for name in files if name.endswith(".pid"))


def _leads_into(word: str, folder: Path) -> bool:
    inside = f"{folder}{os.sep}"
    return inside in word or word.endswith(str(folder))


def _end(process: psutil.Process) -> int:
    """Kills a server with all that it started; returns its number."""
    family = [process]
    with suppress(psutil.Error):
        family += process.children(recursive=True)
    for one in family:
        with suppress(psutil.Error):  # psutil looks whether the number is still the same process
            one.kill()
    psutil.wait_procs(family, timeout=_ENDS_WITHIN)
    return process.pid


def bytes_in(folder: Path) -> int:
    """How much a place fills on its disk; what vanishes meanwhile does not count. Blocks."""
    total = 0
    for at, _folders, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += Path(at, name).lstat().st_blocks * 512  # stat(2) counts blocks of 512 bytes
    return total
