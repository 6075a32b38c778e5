"""VERIFIERS and TAKERS: for each kind of store the one class that verifies it, and the one that backs it up."""

from collections.abc import Mapping
from typing import TypeVar

import tasks.backups
from tasks.backups.asked import Taker, Verifier
from tasks.walked import classes_in

_Made = TypeVar("_Made", Verifier, Taker)


def _by_kind(base: type[_Made]) -> Mapping[str, type[_Made]]:
    """Raises TypeError where two classes claim the same kind."""
    kinds: dict[str, type[_Made]] = {}
    for one in classes_in(tasks.backups, base):
        for kind in one.kinds:
            if kind in kinds:
                raise TypeError(f"{one.__module__} and {kinds[kind].__module__} both claim the kind {kind!r}")
            kinds[kind] = one
    return kinds


VERIFIERS: Mapping[str, type[Verifier]] = _by_kind(Verifier)  # type: ignore[type-abstract]  # the base of what is looked for
TAKERS: Mapping[str, type[Taker]] = _by_kind(Taker)  # type: ignore[type-abstract]  # the base of what is looked for
