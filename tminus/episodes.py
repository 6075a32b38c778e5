"""A chain whose events tell of one thing after another: one event begins each, and those after it go on with it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, Protocol, Self, TypeVar

from tminus import events as ev
from tminus.ledger.store import Store
from tminus.record_parts import read_event


class Episode(Protocol):
    """One of them: a rotation, a drill."""

    def take(self, event: ev.Event) -> None:
        """One more thing that happened to it."""


E = TypeVar("E", bound=Episode)


class Episodes(ABC, Generic[E]):
    """All of one chain, the earliest first.

    Attributes:
        episodes: what the events so far came to.
    """

    def __init__(self, events: Iterable[ev.Event] = ()) -> None:
        self.episodes: list[E] = []
        for event in events:
            self.take(event)

    @abstractmethod
    def begun(self, event: ev.Event) -> E | None:
        """What this event begins; None where it goes on with what was begun."""

    @classmethod
    def read(cls, store: Store, chain: str) -> Self:
        """What the ledger holds; nothing where there is no such chain. Raises LedgerError."""
        return cls([read_event(one) for one in store.read(chain)] if store.head(chain) else [])

    def take(self, event: ev.Event) -> None:
        """One more event of the chain."""
        if (new := self.begun(event)) is not None:
            self.episodes.append(new)
        elif self.episodes:
            self.episodes[-1].take(event)

    @property
    def last(self) -> E | None:
        """The latest, be it over or not."""
        return self.episodes[-1] if self.episodes else None
