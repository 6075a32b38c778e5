"""What a rotator is asked, and what it promises: every method may be called again after a kill, and looks first."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from tasks.estate import Estate
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.book import Policy
from tminus.rotations.document import Document

Way = Mapping[str, str]
"""What a rotation will touch, by the names of its kind (`user`, `key`); written down before anything is done."""
UNSEEN = "not seen"
"""What of a way says what `plan` could not look at, where the old value leaked."""


@dataclass(frozen=True)
class Turn:
    """One rotation of one secret, as its rotator sees it.

    Attributes:
        name: what the secret is called in its book.
        rotation: this rotation's name; those of one secret sort by time. What is made outside bears it as a mark.
        version: the id of the new value's version in Secrets Manager.
        way: what `plan` named.
        old: the value that is replaced.
        promoted: since when the new value is current; None before that.
        at_once: no overlap: the old one leaked.
        given: the new value, where a person brings it (`--given`).
    """

    estate: Estate
    name: str
    rotation: str
    version: str
    way: Way
    old: Document
    promoted: datetime | None = None
    at_once: bool = False
    given: Document | None = None


@dataclass(frozen=True)
class Done:
    """It is so now.

    Attributes:
        said: the sentence for the record.
        already: whether it was so at first look.
        left: what may still open something, that a person must look at; "" where nothing does.
    """

    said: str
    already: bool = False
    left: str = ""


@dataclass(frozen=True)
class NotYet:
    """It cannot be done before that moment, or until somebody did something; asked again then."""

    until: datetime
    why: str


@dataclass(frozen=True)
class Use:
    """Somebody who still uses the old value: `who` in the words of the server that saw them, never a secret."""

    who: str
    times: int
    last: datetime


@dataclass(frozen=True)
class Census:
    """Who used the old value since the new one is current.

    Attributes:
        uses: each user; none where nobody did.
        where: what was looked at.
        since: from when on this can tell. Silence is counted from there, so what the book
            accepts that nobody sees does not move it.
        blind: what it cannot see, in words; "" where it sees everything.
    """

    uses: Sequence[Use]
    where: str
    since: datetime
    blind: str = ""

    @property
    def last(self) -> datetime | None:
        """When somebody used it last."""
        return max((one.last for one in self.uses), default=None)


def unless_leaked(turn: Turn, error: CouldNotObserve | Refused) -> str:
    """What is only said where the old value leaked, since nothing may hold that up; raises the error where it did not.

    Whoever found a leak has often revoked the value already, and whoever has it may have done worse.
    """
    if not turn.at_once:
        raise error
    return str(error)


def blind(turn: Turn, *words: str) -> str:
    """What a census cannot see: what `plan` could not, and these."""
    return "; ".join(one for one in (turn.way.get(UNSEEN, ""), *words) if one)


class Rotator(Policy, ABC, frozen=True):
    """Rotates one kind of secret. Its fields are what the book says of one; adding a kind is one class in one file.

    All methods raise CouldNotObserve where the system does not answer or the outcome cannot be told, Refused where a
    rule says no, NotConfigured and MissingSecret where the environment does not lead there. No message holds a value.
    Where the old value leaked (`turn.at_once`), nothing is refused for what somebody did to it, or for what cannot be
    seen of it: `plan` says so under UNSEEN, the census as what it is blind to, and one that is revoked is `already` so.

    Attributes:
        by_hand: whether nobody but a person can make a new one, and brings it with `--given`.
    """

    by_hand: ClassVar[bool] = False

    async def plan(self, turn: Turn) -> Way:
        """What will be touched; nothing is changed. `turn.way` is empty yet."""
        del turn
        return {}

    @abstractmethod
    async def create(self, turn: Turn) -> Document:
        """The new value. It opens nothing yet. Where its system makes it, what an earlier try left is thrown away."""

    @abstractmethod
    async def set(self, turn: Turn, new: Document) -> Done | NotYet:
        """Makes the new value work beside the old one."""

    @abstractmethod
    async def test(self, turn: Turn, new: Document) -> Done | NotYet:
        """Proves, by using it, that the new value opens what it must, and nothing that it must not."""

    @abstractmethod
    async def census(self, turn: Turn, new: Document) -> Census:
        """Who still uses the old value.

        Asked before anything is made, for a value that leaked, `new` is the old one, `turn.promoted` is None, and the
        look goes back over a whole cycle.
        """

    def keep(self, turn: Turn) -> timedelta:
        """How long the old one works on at least, after the new one became current: the policy's overlap, or more."""
        return timedelta(0) if turn.at_once else self.overlap

    def shares(self, one: Document, other: Document) -> bool:
        """Whether what ends one value ends the other too, since both are of one login, or are one key."""
        return one.same_as(other)

    @abstractmethod
    async def off(self, turn: Turn, new: Document) -> Done | NotYet:
        """Switches the old value off so that `on` can switch it on again, where the kind has such a thing."""

    @abstractmethod
    async def on(self, turn: Turn, new: Document) -> Done:
        """Switches the old value on again; `Done(already=True)` where it was never off."""

    @abstractmethod
    async def drop(self, turn: Turn, new: Document) -> Done | NotYet:
        """Makes the old value worthless for good, and leaves nobody of it behind."""

    @abstractmethod
    async def undo(self, turn: Turn, new: Document | None) -> Done | NotYet:
        """Takes back whatever create and set did. `turn.old` is what is current then, and goes on working.

        That is a third value where somebody put one there. `new` is None where it never reached Secrets Manager.
        """
