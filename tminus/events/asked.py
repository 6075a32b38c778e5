"""What somebody is asked to approve before it is done: written into the chain of the question."""

from abc import abstractmethod

from tminus.events.happening import Happening
from tminus.foreign_text import Printable


class ChangeAsked(Happening):
    """A change that was asked for.

    Attributes:
        asked_by: who wants it, and may not approve it; "" where the schedule does.
        reason: why.
    """

    asked_by: str
    reason: Printable = ""

    @property
    @abstractmethod
    def facts(self) -> dict[str, str]:
        """What a yes is to: with another of these it is another question."""
