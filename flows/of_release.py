"""Whether a look reads the release, or files that lie beside it: then what it finds says nothing of another release."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from tasks.estate import Estate
from tminus.release import Release

_read: ContextVar[set[str] | None] = ContextVar("read", default=None)


@contextmanager
def reads_of_release() -> Iterator[set[str]]:
    """What the looks within read of a release, by name; also those in tasks and threads that begin within."""
    found: set[str] = set()
    token = _read.set(found)
    try:
        yield found
    finally:
        _read.reset(token)


class SweptEstate(Estate):
    """An estate that notes who reads what depends on the release: no check has to declare it, so none can forget to.

    A command counts, since it runs in the release's folder.
    """

    @property
    def release(self) -> Release:
        """What is launched."""
        _note("release")
        return self._release

    @release.setter
    def release(self, release: Release) -> None:
        self._release = release

    @property
    def base(self) -> Path:
        """The folder of the release."""
        _note("base")
        return self._base

    @base.setter
    def base(self, base: Path) -> None:
        self._base = base

    def artifacts(self) -> Path:
        """The folder of what CI leaves behind: of one build, wherever it lies."""
        _note("artifacts")
        return super().artifacts()

    def documents(self) -> Path:
        """The folder of the written documents."""
        _note("documents")
        return super().documents()


def _note(what: str) -> None:
    if (found := _read.get()) is not None:
        found.add(what)
