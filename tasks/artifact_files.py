"""Files in a folder that the environment names. They are foreign: found inside the folder only, read within bounds."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, TypeVar

from pydantic import AfterValidator, TypeAdapter, ValidationError

from tminus.errors import CouldNotObserve

LARGEST = 64 * 1024 * 1024  # bytes; a larger file is none of those that are asked about
_MOST = 5000  # files that one pattern may name
_SHOWN = 120  # characters of a name, or of a place in a document

_T = TypeVar("_T")


def _inside(pattern: str) -> str:
    parts = PurePosixPath(pattern).parts
    if not parts or pattern.startswith(("/", "~")) or ".." in parts or "\\" in pattern or "\0" in pattern:
        raise ValueError(f"{pattern!r} must be a path inside the folder, such as 'tests/*.xml'")
    if any("**" in part and part != "**" for part in parts):
        raise ValueError(f"{pattern!r}: '**' stands alone between slashes, as in 'tests/**/*.xml'")
    return pattern


Inside = Annotated[str, AfterValidator(_inside)]
"""A path below the folder; one that leads out of it is refused when the book is read."""


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """A file as read.

    Attributes:
        name: below the folder, as people write it.
        written: its own time, which a copy does not keep.
    """

    name: str
    content: bytes
    written: datetime

    def parsed(self, model: type[_T], what: str) -> _T:
        """Its JSON as a model; raises CouldNotObserve where it is not `what` (`a k6 summary`)."""
        try:
            return TypeAdapter(model).validate_json(self.content)
        except ValidationError as e:
            raise CouldNotObserve(f"{self.name} is not {what}: {first_mistake(e)}") from e

    def text(self) -> str:
        """Its text: UTF-16 where it begins with that mark, else UTF-8; what is neither is replaced, never refused."""
        if self.content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            return self.content.decode("utf-16", errors="replace")
        return self.content.decode("utf-8-sig", errors="replace")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of foreign files.

    Attributes:
        root: where it is.
        what: what the environment calls it (`artifacts`).
    """

    root: Path
    what: str

    def read(self, name: str) -> ArtifactFile:
        """One file by its name; raises CouldNotObserve where it is missing, too large, or leads out of the folder."""
        file = self.find(name)
        if file is None:
            raise CouldNotObserve(f"{self.what} has no {shown(name)}; does the build leave it there?")
        return file

    def find(self, name: str) -> ArtifactFile | None:
        """The same, where its absence is what the check is about: None where there is no such file."""
        path = self._inside(self._there() / name)
        return self._read(path, name) if _is_there(path) else None

    def has_folder(self, name: str) -> bool:
        """Whether there is a folder of that name; raises CouldNotObserve where it leads out of this one."""
        path = self._inside(self._there() / name)
        return _is_there(path) and path.is_dir()

    def matching(self, pattern: str) -> Iterator[ArtifactFile]:
        """The files that a pattern names, one after another by name.

        Raises CouldNotObserve where there is none, there are too many, or one leads out of the folder.
        """
        root = self._there()
        paths: list[Path] = []
        for path in root.glob(pattern):
            if not path.is_dir():
                paths.append(path)
            if len(paths) > _MOST:
                raise CouldNotObserve(f"{self.what} {pattern} names more than {_MOST} files; name fewer")
        if not paths:
            raise CouldNotObserve(f"{self.what} has no {shown(pattern)}; does the build leave it there?")
        for path in sorted(paths):
            yield self._read(self._inside(path), path.relative_to(root).as_posix())

    def _there(self) -> Path:
        if not self.root.is_dir():
            raise CouldNotObserve(f"the folder of the {self.what} is not there; is its path in the environment right?")
        return self.root

    def _inside(self, path: Path) -> Path:
        """Where a path leads in the end; raises CouldNotObserve where that is outside."""
        try:
            real = path.resolve()
        except (OSError, RuntimeError, ValueError) as e:  # a loop of links; a name that no file can have
            raise CouldNotObserve(f"{self.what} {shown(path.name)} leads nowhere ({type(e).__name__})") from e
        if not real.is_relative_to(self.root.resolve()):
            raise CouldNotObserve(f"{self.what} {shown(path.name)} leads out of the folder, and is not read")
        return real

    def _read(self, path: Path, name: str) -> ArtifactFile:
        told = f"{self.what} {shown(name)}"
        try:
            # Without O_NONBLOCK a named pipe would be waited for.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise CouldNotObserve(f"{told} is no regular file")
                content = file.read(LARGEST + 1) if status.st_size <= LARGEST else b""
        except OSError as e:
            raise CouldNotObserve(f"{told} cannot be read: {e.strerror}") from e
        if status.st_size > LARGEST or len(content) > LARGEST:
            raise CouldNotObserve(f"{told} has {status.st_size} bytes, and over {LARGEST} none is read")
        return ArtifactFile(shown(name), content, datetime.fromtimestamp(status.st_mtime, UTC))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name longer than any file's
        return False


def shown(name: str) -> str:
    """A foreign name for people's eyes: short, and without what a terminal would act upon."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in name)
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}…"


def first_mistake(error: ValidationError) -> str:
    """Where a document is not as it should be, and how, without what stands there."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = shown(".".join(str(part) for part in first["loc"])) or "the whole"
    return f"{where}: {shown(first['msg'])}"
