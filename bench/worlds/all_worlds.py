"""Every world there is, found by walking this folder."""

import importlib
import pkgutil
from inspect import isabstract

import bench.worlds
from bench.worlds.world import World


def all_worlds() -> tuple[type[World], ...]:
    """By system; raises TypeError where two worlds claim the same one."""
    found: dict[str, type[World]] = {}
    for module in pkgutil.iter_modules(bench.worlds.__path__, "bench.worlds."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, World) and not isabstract(value):
                if value.__module__ != module.name:
                    continue
                if value.system in found:
                    raise TypeError(f"{module.name} and {found[value.system].__module__} are both {value.system}")
                found[value.system] = value
    return tuple(found[name] for name in sorted(found))
