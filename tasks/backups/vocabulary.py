"""VERIFIERS and TAKERS: for each kind of store the one class that verifies it, and the one that backs it up."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from inspect import isabstract
from typing import TypeVar

import tasks.backups
from tasks.backups.asked import Taker, Verifier

_Made = TypeVar("_Made", Verifier, Taker)


def _classes(base: type[_Made]) -> Iterator[type[_Made]]:
    """The concrete classes of that base, each in the module of tasks/backups/ that defines it."""
    for found in pkgutil.iter_modules(tasks.backups.__path__, tasks.backups.__name__ + "."):
        if found.name == __name__:
            continue
        module = importlib.import_module(found.name)
        for value in vars(module).values():
            mine = isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__
            if mine and not isabstract(value):
                yield value


def _by_kind(base: type[_Made]) -> Mapping[str, type[_Made]]:
    """Raises TypeError where two classes claim the same kind."""
    kinds: dict[str, type[_Made]] = {}
    for one in _classes(base):
        for kind in one.kinds:
            if kind in kinds:
                raise TypeError(f"{one.__module__} and {kinds[kind].__module__} both claim the kind {kind!r}")
            kinds[kind] = one
    return kinds


VERIFIERS: Mapping[str, type[Verifier]] = _by_kind(Verifier)  # type: ignore[type-abstract]  # the base of what is looked for
TAKERS: Mapping[str, type[Taker]] = _by_kind(Taker)  # type: ignore[type-abstract]  # the base of what is looked for
