"""A world: systems that can be broken on purpose, with what the environment file says of them.

A world is real servers where those can be had, else stand-ins served on loopback. It knows nothing of what a check
expects: it is made healthy, one thing in it is broken, and what the check says then is compared with what is so.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import JsonValue

Sections = dict[str, JsonValue]
_ADDRESS = re.compile(r"(127\.0\.0\.1|localhost):\d+")
_NOBODY = "127.0.0.1:1"  # tcpmux, which nobody runs: connections are refused
_FOLDERS = {"artifacts", "documents", "contacts", "runbooks"}


@dataclass(frozen=True)
class Case:
    """A check as a book would write it, and what must make it fail.

    Attributes:
        check: its kind.
        given: what stands under `with`.
        expect: what stands under `expect`; in the healthy world it holds.
        broken_by: the faults that must make it fail, each a fault's name, or `(name, argument, …)`.
        blinded_by: the faults with which it cannot tell, and must come out as unknown: no metrics, a torn report.
    """

    check: str
    given: Mapping[str, JsonValue] = field(default_factory=dict)
    expect: Mapping[str, str] = field(default_factory=dict)
    broken_by: tuple[str | tuple[str, ...], ...] = ()
    blinded_by: tuple[str | tuple[str, ...], ...] = ()


def fault(body: Callable[..., Iterator[None]]) -> Callable[..., AbstractContextManager[None]]:
    """Marks a method of a world as one thing broken in it: breaks, yields, mends. Its docstring says what is so."""
    managed = contextmanager(body)
    managed.is_fault = True  # type: ignore[attr-defined]  # a mark on a function
    return managed


class World(ABC):
    """One system, or some that belong together.

    Args:
        folder: an empty folder of its own, for files and logs.

    Attributes:
        system: its name in the figures (`kafka`).
        real: whether real servers run in it; else stand-ins do.
        long: whether all of it takes a minute or more; then the tests play the first fault of each case alone.
        cases: the checks that it is for.
    """

    system: ClassVar[str]
    real: ClassVar[bool]
    long: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]]

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def running(self) -> AbstractContextManager[None]:
        """The block in which it runs, healthy at its beginning, and after which nothing of it is left."""

    @abstractmethod
    def sections(self) -> Sections:
        """What an environment file says of it, while it runs."""

    def secrets(self) -> dict[str, str]:
        """Environment variable → value, for the references in `sections`."""
        return {}

    def freshen(self) -> None:  # noqa: B027 - most worlds hold nothing that grows old
        """Adds what a healthy system would have written by now, where what was written at its start grows old."""

    def release(self) -> Sections:
        """What the release that is looked at says otherwise than that of all worlds: its services, its scan reports."""
        return {}

    def silent_release(self) -> Sections:
        """The same where nothing answers; another one where the release names what is not there then."""
        return self.release()

    def silent(self) -> tuple[Sections, dict[str, str]]:
        """The same sections and secrets, leading to where nothing answers: a check must say that it cannot tell."""
        elsewhere = {name: _elsewhere(value, name) for name, value in self.sections().items()}
        return elsewhere, {name: _ADDRESS.sub(_NOBODY, value) for name, value in self.secrets().items()}

    @classmethod
    def faults(cls) -> tuple[str, ...]:
        """The names of all that can be broken in it."""
        return tuple(name for name in dir(cls) if getattr(getattr(cls, name), "is_fault", False))

    def broken(self, which: str | tuple[str, ...]) -> AbstractContextManager[None]:
        """The block in which one thing is broken; raises KeyError for a fault that it does not have."""
        name, *arguments = (which,) if isinstance(which, str) else which
        if name not in self.faults():
            raise KeyError(f"the world {self.system} has no fault {name!r}; it has: {', '.join(self.faults())}")
        found: Any = getattr(self, name)
        made: AbstractContextManager[None] = found(*arguments)
        return made


def _elsewhere(value: JsonValue, name: str) -> JsonValue:
    if name in _FOLDERS and isinstance(value, str):
        return f"{value}-that-is-not-there"
    if isinstance(value, dict):
        return {key: _elsewhere(inner, "") for key, inner in value.items()}
    if isinstance(value, list):
        return [_elsewhere(inner, "") for inner in value]
    return _ADDRESS.sub(_NOBODY, value) if isinstance(value, str) else value
