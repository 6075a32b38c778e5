"""ROTATORS: for each kind of secret the one class that rotates it, found by walking tasks/rotators/."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from inspect import isabstract

import tasks.rotators
from tasks.rotators.rotator import Rotator


def _classes() -> Iterator[type[Rotator]]:
    for found in pkgutil.iter_modules(tasks.rotators.__path__, tasks.rotators.__name__ + "."):
        if found.name == __name__:
            continue
        module = importlib.import_module(found.name)
        for value in vars(module).values():
            mine = isinstance(value, type) and issubclass(value, Rotator) and value.__module__ == module.__name__
            if mine and not isabstract(value):
                yield value


def find_rotators() -> Mapping[str, type[Rotator]]:
    """Kind → class; raises TypeError where two classes claim the same kind."""
    kinds: dict[str, type[Rotator]] = {}
    for rotator in _classes():
        kind = str(rotator.model_fields["kind"].default)
        if kind in kinds:
            raise TypeError(f"{rotator.__module__} and {kinds[kind].__module__} both claim the kind {kind!r}")
        kinds[kind] = rotator
    return kinds


ROTATORS: Mapping[str, type[Rotator]] = find_rotators()
