"""Append-only files of a running Redis, copied as they are at one moment. Nothing is changed on the server. Blocks.

A server replaces the manifest of its files in one step, and appends to the last file only. So files that were opened
while one and the same manifest named them are whole up to where they end now, even where a rewrite removes them from
the folder meanwhile; whether rewrites are switched off does not matter. See
https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/#backing-up-aof-persistence.
"""

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tminus.errors import CouldNotObserve

_TRIES = 10  # each rewrite of the server's costs one
MANIFEST = ".manifest"
_SEVERAL = "appendonlydir"  # the default of `appenddirname`, where a server looks for them
_PLAIN = re.compile(r"[\w-][\w.-]*")  # a file's name without a folder; Redis quotes one with a space, which nobody has


@dataclass(frozen=True)
class AofLayout:
    """How a server keeps its append-only files.

    Attributes:
        folder: where they lie, readable from here.
        name: its `appendfilename`: the one file, or what the names of several begin with (Redis 7).
    """

    folder: Path
    name: str

    @classmethod
    def find(cls, folder: Path, name: str, inner: str) -> "AofLayout":
        """The folder that has them: the one that is named, or within it the server's `appenddirname`."""
        for one in (folder, folder / inner) if inner else (folder,):
            if (one / f"{name}{MANIFEST}").is_file() or (one / name).is_file():
                return cls(one, name)
        raise CouldNotObserve(f"{folder} has no append-only file {name!r}; is `folder` the server's own, and readable?")


def aof_folder(folder: Path, names: Sequence[str]) -> Path:
    """Where in a server's folder these files belong: those with a manifest in one of their own, a single one in it."""
    return folder / _SEVERAL if any(name.endswith(MANIFEST) for name in names) else folder


def copy_aof(layout: AofLayout, into: Path) -> tuple[str, ...]:
    """Copies them into a folder of ours, to where a server looks for them there; returns their names.

    The manifest's is the first, where there is one. Raises CouldNotObserve.

    The last file may end in the middle of a command: a server that loads the copy with `aof-load-truncated yes` cuts
    that off.
    """
    try:
        for _ in range(_TRIES):
            with ExitStack() as opened:
                lines = _lines(layout)
                files = _open(layout, list(lines) or [layout.name], opened)
                if files is not None and lines == _lines(layout):
                    return _copied(layout, files, lines, into)
    except OSError as e:
        raise CouldNotObserve(f"the append-only files in {layout.folder} cannot be copied: {e.strerror}") from e
    raise CouldNotObserve(f"the server rewrites the append-only files in {layout.folder} all the time; try again later")


def _open(layout: AofLayout, names: list[str], opened: ExitStack) -> dict[str, IO[bytes]] | None:
    """The files, by name; None where one was removed or replaced meanwhile."""
    try:
        files: dict[str, IO[bytes]] = {}
        for name in names:
            files[name] = opened.enter_context((layout.folder / name).open("rb"))
        now = {name: (layout.folder / name).stat() for name in names}
    except FileNotFoundError:
        return None
    same = all(os.path.samestat(os.fstat(file.fileno()), now[name]) for name, file in files.items())
    return files if same else None


def _copied(layout: AofLayout, files: dict[str, IO[bytes]], lines: dict[str, str], into: Path) -> tuple[str, ...]:
    kept: list[str] = []
    into = aof_folder(into, [f"{layout.name}{MANIFEST}"] if lines else [])
    into.mkdir(mode=0o700, exist_ok=True)
    for name, file in files.items():
        with (into / name).open("xb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
        # An empty one says nothing, and an object of no bytes in S3 is no proof of anything.
        if (into / name).stat().st_size:
            kept.append(name)
        else:
            (into / name).unlink()
    if not kept:
        raise CouldNotObserve(f"the append-only files in {layout.folder} are empty")
    return _with_manifest(layout, kept, lines, into) if lines else tuple(kept)


def _with_manifest(layout: AofLayout, kept: list[str], lines: dict[str, str], into: Path) -> tuple[str, ...]:
    """A manifest of the copy's own: what is only history, and what is empty, is not named."""
    text = "".join(f"{lines[name]}\n" for name in kept)
    manifest = into / f"{layout.name}{MANIFEST}"
    manifest.write_text(text, encoding="utf-8")
    return (manifest.name, *kept)


def size_of(folder: Path, names: Sequence[str]) -> int:
    """Bytes of the data in a copy's files, as they are now."""
    return sum((aof_folder(folder, names) / name).stat().st_size for name in names if not name.endswith(MANIFEST))


def _lines(layout: AofLayout) -> dict[str, str]:
    """File → its line `file NAME seq N type b`, of those that hold data: the base, and what was appended since.

    Empty where there is no manifest: before Redis 7 there is one file only.
    """
    manifest = layout.folder / f"{layout.name}{MANIFEST}"
    found: dict[str, str] = {}
    for line in manifest.read_text(encoding="utf-8").splitlines() if manifest.is_file() else []:
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split()
        pairs = dict(zip(words[::2], words[1::2], strict=False))
        name, kind = pairs.get("file", "").strip('"'), pairs.get("type")
        if not _PLAIN.fullmatch(name):
            raise CouldNotObserve(f"{manifest} names a file that is not beside it, or none")
        if kind in {"b", "i"}:
            found[name] = line
    return found
