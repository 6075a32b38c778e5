"""What a scenario is asked, and what it promises: what it breaks can be undone by whoever comes after a kill."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tasks.estate import Estate
from tasks.scenarios.whereabouts import whereabouts
from tminus.credentials import resolve
from tminus.drills.book import Drill
from tminus.environment import Environment
from tminus.events.drills import DrillStage

Way = Mapping[str, str]
"""What is broken and who takes over, by the names of its kind (`victim`, `heir`); written down before it is."""
Steady = Mapping[str, str]
"""The steady state, by roles and not by places (`writable: 1`)."""


async def _unfenced() -> None:
    """Nobody else can have taken it over."""


class Note:
    """What a stage still waits for, for whoever loses patience with it."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}

    @property
    def text(self) -> str:
        """Of every part that waits."""
        return "; ".join(f"{part}: {what}" if part else what for part, what in self.said.items())


@dataclass(frozen=True)
class Site:
    """One drill, as its scenario sees it.

    Attributes:
        drill: its name.
        way: what `plan` named; empty before that.
        began: when each stage was begun.
        fence: asked right before each deed that changes something; raises FencedOff where another process has taken
            the drill over meanwhile, since this one may have been asleep for as long as that takes.
        note: what is still waited for.
        part: which scenario of several this is; "" where it is the only one.
    """

    estate: Estate
    drill: str
    way: Way
    began: Mapping[DrillStage, datetime] = field(default_factory=dict)
    fence: Callable[[], Awaitable[None]] = _unfenced
    note: Note = field(default_factory=Note)
    part: str = ""

    def waits(self, what: str) -> None:
        """Notes what is not as it must be yet."""
        self.note.said[self.part] = what


class Scenario(Drill, ABC, frozen=True):
    """Breaks one thing, and mends it. Its fields are what the book says; adding a kind is one class in one file.

    All methods raise CouldNotObserve where a system does not answer or the outcome cannot be told, Refused where a
    rule says no, ActionFailed where a command does not do what it is for, NotConfigured and MissingSecret where the
    environment does not lead there. Each that returns a sentence returns it once it is so, however long that takes:
    whoever asks gives it the time that the environment allows.
    """

    def systems(self) -> dict[str, str]:
        """What it names of the environment, by its fields."""
        return {field: str(getattr(self, field)) for field in self.sections}

    def varying(self) -> frozenset[str]:
        """The keys of its way that may come out otherwise from one plan to the next, and on which no yes depends."""
        return frozenset()

    def among(self, book: Mapping[str, Drill]) -> "Scenario":
        """The same, where it is made of others of its book: with these."""
        del book
        return self

    def beside(self, folder: Path) -> "Scenario":
        """The same, where it names files that lie beside its book, in this folder."""
        del folder
        return self

    def papers(self, environment: Environment, drill: str, part: str = "") -> Mapping[str, Path]:
        """What a drill of it left as evidence on this machine, each file by the name that it is to have."""
        del environment, drill, part
        return {}

    async def require_ready(self, site: Site) -> None:
        """Raises Refused where it could not be undone for certain, though all is steady; before anything is broken.

        So a probe that says of what runs that it does not, or tminus' own ledger on what is to be broken.
        """

    @abstractmethod
    async def steady(self, site: Site) -> Steady:
        """The steady state as it is now. Raises Refused, saying what is otherwise, where it is none."""

    @abstractmethod
    async def plan(self, site: Site) -> Way:
        """What will be broken, and who takes over; nothing is changed."""

    @abstractmethod
    async def inject(self, site: Site) -> str:
        """Breaks it. Asked once in a drill, never after a kill."""

    @abstractmethod
    async def detect(self, site: Site) -> str:
        """Waits until it is seen from outside."""

    @abstractmethod
    async def recover(self, site: Site) -> str:
        """Makes the system serve again, without what was broken."""

    @abstractmethod
    async def verify(self, site: Site) -> str:
        """Proves that it serves, and that there are no two of what there must be one of."""

    @abstractmethod
    async def undo(self, site: Site) -> str:
        """Brings back whatever was broken, from wherever it stands, so that `steady` says the same again.

        Asked again after a kill, it goes on. Raises Refused where only a person may decide (two writable primaries).
        """

    @abstractmethod
    def clients(self, estate: Estate) -> "Clients":
        """How those who write and look from outside reach it. Raises NotConfigured."""

    def breaks(self, estate: Estate) -> frozenset[str]:
        """Where all is of which it breaks something: what shares any of it is not broken at the same time.

        Blocks: call it from a thread. Raises NotConfigured, MissingSecret.
        """
        return frozenset(whereabouts(resolve(one)) for one in self.clients(estate).references)

    def clients_of_parts(self, estate: Estate) -> "Mapping[str, Clients]":
        """The same of every part of it, by its name; one without a name where it has none."""
        return {"": self.clients(estate)}


@dataclass(frozen=True)
class Clients:
    """How an outside client reaches the system.

    Attributes:
        store: what kind of server it is.
        references: secrets with the address of each node; whichever takes writes is used.
        place: where it writes; "" has a place made for the drill, which is what can be.
    """

    store: str
    references: tuple[str, ...]
    place: str = ""
