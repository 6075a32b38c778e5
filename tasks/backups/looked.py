"""What a verification has seen so far: measurements, lines worth naming, and the parts that are wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tasks.backups.asked import Seen
from tminus.expectation import Measurement

_NAMED = 8  # of one sort
_REASONS = 3


@dataclass
class Looked:
    """Gathers as it goes, so that what was seen before something broke is not lost."""

    found: list[Measurement] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def word(self, name: str, word: str) -> None:
        """A measurement that is a word."""
        self.found.append(Measurement(name=name, word=word))

    def number(self, name: str, value: float, unit: str = "") -> None:
        """A measurement that is a number."""
        self.found.append(Measurement.number(name, value, unit))

    def also(self, found: Sequence[Measurement], details: Sequence[str]) -> None:
        """What somebody else measured, and said."""
        self.found += found
        self.details += details

    def count(self, name: str, wrong: Sequence[str]) -> None:
        """How many are wrong; the first of them are named."""
        self.number(name, len(wrong))
        self.wrong += wrong[:1]
        self.details += wrong[:_NAMED]
        if len(wrong) > _NAMED:
            self.details.append(f"and {len(wrong) - _NAMED} more: {name}")

    def seen(self) -> Seen:
        """All of it."""
        reasons = list(dict.fromkeys(self.wrong))[:_REASONS]  # what is counted as damage may be why it was given up too
        return Seen(tuple(self.found), tuple(self.details), "; ".join(reasons))
