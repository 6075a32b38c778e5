"""What came of a history, held against everything that may rightly come of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.approval_history import Account, History
from bench.approval_model import accounts

Compared = Callable[[History, Account], Account | None]
"""What the reference says where it says something else; None where tminus is right."""


@dataclass(frozen=True)
class Wrong:
    """A history that came out otherwise than the reference says.

    Attributes:
        seed: what draws the whole of it.
        history: it, or what is left of it when every event is left out that it does not take.
    """

    seed: str
    history: History
    lived: Account
    right: Account

    def __str__(self) -> str:
        events = [f"  {number} {event}" for number, event in enumerate(self.history.events)]
        who = [f"  {person}" for person in self.history.people]
        asked = [f"  {self.history.question}, started by {self.history.starter}", f"  {self.history.versions}"]
        said = [f"  tminus: {self.lived}", f"  right:  {self.right}"]
        return "\n".join(
            (f"the history drawn by {self.seed!r}, without what it does not take", *who, *asked, *events, *said)
        )


def outcome(history: History, lived: Account) -> Account | None:
    """Compares what people were told, each end and its moment, and who stands for what."""
    right = list(accounts(history))
    if any((lived.told, lived.ends, lived.standing) == (one.told, one.ends, one.standing) for one in right):
        return None
    return right[0]


def sentence(history: History, lived: Account) -> Account | None:
    """Compares whether it is said to be reachable, and who is said to bring it on; where the outcome is right."""
    right = list(accounts(history))
    if lived.standing not in {one.standing for one in right if one.reachable is not None}:
        return None
    if any((lived.reachable, lived.next_could) == (one.reachable, one.next_could) for one in right):
        return None
    return right[0]


def shortened(history: History, still_wrong: Callable[[History], bool]) -> History:
    """The same with every event left out that it does not take to go wrong."""
    for place in reversed(range(len(history.events))):
        shorter = replace(history, events=(*history.events[:place], *history.events[place + 1 :]))
        if still_wrong(shorter):
            history = shorter
    return history
