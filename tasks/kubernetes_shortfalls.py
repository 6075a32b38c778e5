"""What is wrong, each line under the measurement that it spoils, so that a failure names only its own causes."""

from collections.abc import Collection, Iterable, Sized

_SHOWN = 20  # lines in the details
_NAMED = 3  # lines in the sentence that says why a check failed


class Shortfalls:
    """Collects lines as a check finds them."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []

    def add(self, measurement: str, lines: Iterable[str]) -> None:
        """Lines that each take something from a measurement."""
        self._lines += [(measurement, line) for line in lines]

    def because(self, expected: Collection[str]) -> str:
        """The first few that spoil a measurement which is expected of something."""
        said = list(dict.fromkeys(line for name, line in self._lines if name in expected))
        more = f"; and {len(said) - _NAMED} more" if len(said) > _NAMED else ""
        return "; ".join(said[:_NAMED]) + more

    def details(self, others: Iterable[str] = ()) -> tuple[str, ...]:
        """All of them, then the other lines, up to a number that can still be read."""
        lines = dict.fromkeys([*(line for _, line in self._lines), *others])
        return tuple(lines)[:_SHOWN]


def none_of(what: str, of: Sized) -> list[str]:
    """The line for a list in which there is nothing; no line where there is something."""
    return [] if len(of) else [f"there are no {what}"]
