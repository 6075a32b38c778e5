"""What the checks of AWS have in common."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Self

from pydantic import model_validator

from tasks.check import Check
from tasks.estate import Estate
from tminus.environment import Impact
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation

FOREVER = 36_500
"""Days: what is kept without end is said to be kept for a hundred years, so that it can be compared."""
NEVER = timedelta(days=36_500)
"""How long ago something is said to have been that never was."""


class AwsCheck(Check, ABC, frozen=True):
    """Reads AWS's configuration, and changes nothing. What it is about must be there, also where the book is silent."""

    impact: ClassVar[Impact] = Impact.NONE
    expects: ClassVar[dict[str, str]] = {"present": "= yes"}

    @model_validator(mode="after")
    def _there(self) -> Self:
        for name, expectation in self.expects.items():
            self.expect.setdefault(name, Expectation(expectation))
        return self

    async def look(self, estate: Estate) -> Observation:
        """Asks AWS, from a thread; raises CouldNotObserve."""
        return await asyncio.to_thread(self.seen, estate)

    @abstractmethod
    def seen(self, estate: Estate) -> Observation:
        """What AWS says."""


def yes(name: str, holds: bool) -> Measurement:
    """A measurement in one word."""
    return Measurement(name=name, word="yes" if holds else "no")


def absent(what: str, where: str) -> Observation:
    """The observation that there is no such thing."""
    return Observation(found=(yes("present", False),), where=where, because=f"there is no {what}")


def hours(length: timedelta) -> float:
    """A length of time in hours."""
    return round(length / timedelta(hours=1), 6)


def days(length: timedelta) -> float:
    """A length of time in days."""
    return round(length / timedelta(days=1), 6)


def minutes(length: timedelta) -> float:
    """A length of time in minutes."""
    return round(length / timedelta(minutes=1), 6)


def in_words(problems: Sequence[str], most: int = 3) -> str:
    """The first few problems, and how many there are besides."""
    shown = "; ".join(problems[:most])
    return f"{shown}; and {len(problems) - most} more" if len(problems) > most else shown
