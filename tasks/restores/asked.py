"""What a restorer is asked, and what it promises: beside what is there, then switched by name, and back by name."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from tasks.backups.asked import Asked, Seen
from tasks.estate import Estate
from tminus.backups.book import AnyStore
from tminus.backups.manifest import BackupKind

Way = Mapping[str, str]
"""What is made and renamed, by the names of its kind of store; recorded before it is done."""
LAST_COMMIT = "last_commit"
"""How a copy's measurement is called that says when the last transaction in it committed (ISO 8601)."""


@dataclass(frozen=True)
class Live:
    """A live store, as a restore sees it.

    Attributes:
        restore: the restore's chain: what marks things as made by it.
        token: the conductor's: what a later one made, an earlier one that comes back does not touch.
    """

    estate: Estate
    restore: str
    name: str
    store: AnyStore
    token: int = 0


class Stands(StrEnum):
    """Which of the two has the live name."""

    OLD = "old"
    NEW = "new"


class Restorer(ABC):
    """Restores one kind of store beside what is live, and switches.

    Attributes:
        kinds: of store.
    """

    kinds: ClassVar[tuple[BackupKind, ...]]

    @abstractmethod
    async def plan(self, live: Live, stamp: str) -> Way:
        """The names that will be used; nothing is made.

        Raises CouldNotObserve, NotConfigured, MissingSecret where it could not be done there.
        """

    @abstractmethod
    def said(self, way: Way) -> Sequence[str]:
        """What will be done, in words."""

    @abstractmethod
    async def beside(self, live: Live, asked: Asked, way: Way) -> Seen:
        """Makes the copy, anew where an earlier try left one, and looks at it. Nothing live is touched.

        What does not come up is an observation. Raises CouldNotObserve, NotConfigured, MissingSecret.
        """

    @abstractmethod
    async def identified(self, live: Live, way: Way) -> Way:
        """The same, with what no rename changes of both: what `switch` and `stands` tell them apart by."""

    @abstractmethod
    async def stands(self, live: Live, way: Way) -> Stands:
        """Which of the two is live; raises CouldNotObserve where it is neither, saying what is."""

    async def require_both(self, live: Live, way: Way) -> None:
        """Raises CouldNotObserve unless both are there, so that either can be live."""
        await self.stands(live, way)

    @abstractmethod
    async def switch(self, live: Live, way: Way, to: Stands, until: datetime) -> None:
        """Gives the live name to one of the two, wholly or not at all, and not after a deadline.

        Raises ActionFailed, saying what stands now; CouldNotObserve where nobody can tell, or one of the two is gone.
        """

    @abstractmethod
    def by_hand(self, way: Way, to: Stands) -> Sequence[str]:
        """The same, as what a person would type."""

    @abstractmethod
    async def discard(self, live: Live, way: Way) -> None:
        """Removes the copy, where it is this restore's and not live; raises CouldNotObserve."""
