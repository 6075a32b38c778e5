"""KINDS: every check, action and watch there is, found by walking tasks/."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from inspect import isabstract
from types import ModuleType

import tasks.actions
import tasks.checks
from tminus.runbook import Spec


def _walk(package: ModuleType) -> Iterator[type[Spec]]:
    for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        module = importlib.import_module(found.name)
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Spec) and _is_kind(value, module):
                yield value


def _is_kind(spec: type[Spec], module: ModuleType) -> bool:
    own = spec.__module__ == module.__name__ and not isabstract(spec)
    return own and "kind" in spec.model_fields and _kind(spec) is not None


def _kind(spec: type[Spec]) -> str | None:
    default = spec.model_fields["kind"].default
    return default if isinstance(default, str) else None


def find_kinds() -> Mapping[str, type[Spec]]:
    """Kind → class; raises TypeError where two classes claim the same kind."""
    kinds: dict[str, type[Spec]] = {}
    for package in (tasks.checks, tasks.actions):
        for spec in _walk(package):
            kind = str(_kind(spec))
            if kind in kinds:
                raise TypeError(f"{spec.__module__} and {kinds[kind].__module__} both claim the kind {kind!r}")
            kinds[kind] = spec
    return kinds


KINDS: Mapping[str, type[Spec]] = find_kinds()
