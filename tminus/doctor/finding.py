"""What the doctor finds: one line each, with what to do next."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

_LONGEST = 120  # characters of what another system says


class Level(StrEnum):
    """How much it matters: a launch would meet a FAIL as trouble; a warning is less than was meant."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: the system, file or person that it is about.
        said: what was found.
        then: what to do next; "" where nothing is.
    """

    level: Level
    about: str
    said: str
    then: str = ""

    def __str__(self) -> str:
        return f"{self.level:<4}  {self.about}: {self.said}" + (f"; {self.then}" if self.then else "")


def ok(about: str, said: str) -> Finding:
    """As it should be."""
    return Finding(Level.OK, about, said)


def warn(about: str, said: str, then: str) -> Finding:
    """Less than was meant."""
    return Finding(Level.WARN, about, said, then)


def fail(about: str, said: str, then: str) -> Finding:
    """A launch would meet it as trouble."""
    return Finding(Level.FAIL, about, said, then)


Look = Callable[[], list[Finding]]


def plain(said: object) -> str:
    """What another system says, of a bounded length and without control characters."""
    return "".join(letter for letter in str(said)[:_LONGEST] if letter.isprintable())
