"""The classes of one base that a package defines, by the kind that each is for: adding one is one class in one file."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from inspect import isabstract
from types import ModuleType
from typing import TypeVar

from pydantic import BaseModel

_Base = TypeVar("_Base", bound=BaseModel)
_Class = TypeVar("_Class")


def kinds_in(package: ModuleType, base: type[_Base]) -> Mapping[str, type[_Base]]:
    """Kind → class; raises TypeError where two classes claim the same kind."""
    kinds: dict[str, type[_Base]] = {}
    for one in classes_in(package, base):
        kind = str(one.model_fields["kind"].default)
        if kind in kinds:
            raise TypeError(f"{one.__module__} and {kinds[kind].__module__} both claim the kind {kind!r}")
        kinds[kind] = one
    return kinds


def classes_in(package: ModuleType, base: type[_Class]) -> Iterator[type[_Class]]:
    """The concrete ones, each in the module that defines it; the package's own vocabulary is passed over."""
    for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if found.name.endswith(".vocabulary"):
            continue
        module = importlib.import_module(found.name)
        for value in vars(module).values():
            mine = isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__
            if mine and not isabstract(value):
                yield value
