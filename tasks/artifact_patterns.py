"""Patterns of a book on texts of strangers: one that takes too long is given up, never waited for."""

from time import monotonic
from typing import Annotated, Protocol

import regex  # type: ignore[import-untyped]  # it ships no types; what is used of it stands below
from pydantic import AfterValidator

from tminus.errors import CouldNotObserve

_WITHIN = 20.0  # seconds for all of one look
_LONGEST = 1000  # characters of a pattern


class _Compiled(Protocol):
    def search(self, text: str, *, timeout: float) -> object: ...


def _compiles(pattern: str) -> str:
    if not pattern or len(pattern) > _LONGEST:
        raise ValueError(f"a pattern has 1 to {_LONGEST} characters")
    try:
        regex.compile(pattern)
    except regex.error as e:
        raise ValueError(f"{pattern!r} is no regular expression: {e}") from e
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]
"""A regular expression; what does not compile is refused when the book is read."""


class Patterns:
    """Patterns that share the time of one look.

    Args:
        patterns: what is looked for; `matching` answers by their places.
        any_case: whether upper and lower case are the same.
    """

    def __init__(self, patterns: tuple[str, ...], *, any_case: bool = False) -> None:
        self._texts = patterns
        flags = regex.IGNORECASE if any_case else 0
        self._compiled: list[_Compiled] = [regex.compile(pattern, flags) for pattern in patterns]
        self._until = monotonic() + _WITHIN

    def matching(self, text: str, where: str) -> set[int]:
        """The places of the patterns that are found in a text; raises CouldNotObserve where that takes too long."""
        return {number for number in range(len(self._compiled)) if self._found(number, text, where)}

    def _found(self, number: int, text: str, where: str) -> bool:
        left = self._until - monotonic()
        try:
            if left > 0:
                return self._compiled[number].search(text, timeout=left) is not None
        except TimeoutError:
            pass
        raise CouldNotObserve(
            f"{self._texts[number]!r} could not be looked for within {_WITHIN:.0f} s, up to {where}; "
            "write a simpler pattern, or name fewer files"
        )
