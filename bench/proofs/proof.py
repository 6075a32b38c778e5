"""Proofs that a line of a shipped checklist can fail: what in the world breaks that very line's claim.

Each module of this folder with a `BROKEN` holds some: the line's ref → the faults, each `(world, fault, argument, …)`.
A module may also have `prepare(worlds)`, which makes the worlds healthy for its lines before anything is broken: a
query of the book gets the value that a healthy system would give. Where that would start a world that few lines want,
it has `AT_START` instead: the system → what is done with its world once it runs. A line that is a goal, and counts by
its change, stands in a module's `BEGAN`: with what the period began with, by which the healthy worlds reach the goal.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import bench.proofs
from bench.worlds.world import World

Fault = tuple[str, ...]
Prepare = Callable[[Mapping[str, World]], None]
AtStart = Callable[[World], None]


@dataclass(frozen=True)
class Proofs:
    """What breaks each line, what is made ready first or at a world's start, what the goals' periods began with."""

    broken: Mapping[str, tuple[Fault, ...]]
    prepare: tuple[Prepare, ...]
    began: Mapping[str, str] = field(default_factory=dict)
    at_start: Mapping[str, tuple[AtStart, ...]] = field(default_factory=dict)


def all_proofs() -> Proofs:
    """Every proof there is; raises ValueError where two modules hold the same line."""
    broken: dict[str, tuple[Fault, ...]] = {}
    prepare: list[Prepare] = []
    began: dict[str, str] = {}
    at_start: dict[str, tuple[AtStart, ...]] = {}
    for module in _modules():
        found: Mapping[str, tuple[Fault, ...]] = getattr(module, "BROKEN", {})
        if twice := broken.keys() & found.keys():
            raise ValueError(f"{module} holds proofs that another module holds too: {', '.join(sorted(twice))}")
        broken |= found
        prepare += [module.prepare] if hasattr(module, "prepare") else []
        began |= getattr(module, "BEGAN", {})
        made: Mapping[str, AtStart] = getattr(module, "AT_START", {})
        at_start |= {system: (*at_start.get(system, ()), one) for system, one in made.items()}
    return Proofs(broken, tuple(prepare), began, at_start)


def _modules() -> Iterator[object]:
    for found in pkgutil.iter_modules(bench.proofs.__path__, "bench.proofs."):
        yield importlib.import_module(found.name)
