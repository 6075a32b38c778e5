"""What of a foreign document may stand in an outcome: short lines, and not too many."""

from collections.abc import Iterable

from tasks.artifact_files import shown

_SHOWN = 20


def some(lines: Iterable[str]) -> tuple[str, ...]:
    """The first lines, and how many more there are."""
    named = [shown(line) for line in lines]
    return (*named[:_SHOWN], *((f"and {len(named) - _SHOWN} more",) if len(named) > _SHOWN else ()))
