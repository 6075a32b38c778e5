"""What is encrypted under one key goes under another, batch by batch; how far it came is kept with the new key.

Where it is broken off, be it by a kill, the next one goes on behind the last batch that was noted. Nothing is lost by
a note that was not made: what is under the right key already is seen to be so, and left alone.
"""

import asyncio
import base64
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from tasks.kms_keys import KmsKeys

_NOTED_EVERY = 20.0  # seconds; a kill costs at most so much work
_LONGEST = 180  # bytes of a place in a tag, whose value may have 256 characters
_MARK = 16  # hexadecimal digits of a place's digest
_END = ":end"


class Fate(StrEnum):
    """What became of one thing."""

    THERE = "there"  # it was under the right key already
    MOVED = "moved"
    LEFT = "left"  # it is under the key that is left, and was only to be counted
    RESTLESS = "restless"  # others changed it each time that it was to be moved
    OTHER = "other"  # it is under neither of both
    GONE = "gone"  # it was deleted meanwhile


@dataclass(frozen=True)
class Move:
    """From which key to which, by their ids; to none where it is only to be counted what is under the first."""

    leaving: str
    to: str = ""


@dataclass(frozen=True)
class Batch:
    """What became of some things; `at` is the last of them, "" where there is nothing behind."""

    at: str
    fates: Sequence[Fate]


class Place(ABC):
    """Where things are encrypted: objects under a prefix, rows of a table."""

    def __init__(self, called: str) -> None:
        self.called = called

    @abstractmethod
    async def count(self) -> int:
        """How many things there are, whichever key they are under."""

    @abstractmethod
    async def require_movable(self) -> None:
        """Raises Refused for the first thing that no pass could move, or that one could pass over."""

    @property
    def mark(self) -> str:
        """What stands for it in the name of a tag, wherever it stands in the book."""
        return sha256(self.called.encode()).hexdigest()[:_MARK]

    @abstractmethod
    async def batch(self, after: str, move: Move) -> Batch:
        """Moves the next things, in the order of their names; raises Refused for one that cannot be moved.

        Args:
            after: the name behind which it begins; an earlier one costs time only.
            move: from which key to which.
        """


@dataclass
class Came:
    """How far one place came."""

    at: str = ""
    ended: bool = False
    fates: Counter[Fate] = field(default_factory=Counter)

    @property
    def seen(self) -> int:
        """How many things were looked at."""
        return self.fates.total()

    def note(self) -> str:
        """For a tag: what fits there, and is read back by `came`."""
        counted = "/".join(str(self.fates[one]) for one in Fate)
        place = base64.urlsafe_b64encode(self.at.encode()[:_LONGEST].decode(errors="ignore").encode()).decode()
        return counted + (_END if self.ended else f"@{place}")


def came(note: str) -> Came:
    """What a tag says; the beginning, where it says nothing that is known."""
    counted, _, place = note.removesuffix(_END).partition("@")
    try:
        numbers = [int(one) for one in counted.split("/")]
        at = base64.urlsafe_b64decode(place).decode()
        return Came(at, note.endswith(_END), Counter(dict(zip(Fate, numbers, strict=True))))
    except ValueError:
        return Came()


class Sweep:
    """One pass over all places.

    Args:
        keys: KMS.
        places: what there is.
        move: from which key to which.
        kept_on: the id of the key whose tags hold how far it came; "" where that is not kept.
        called: the pass's own name; each goes from the beginning to the end by itself.

    Attributes:
        came: how far it came, by places, since the pass began.
        lately: what became of what was looked at by this object.
    """

    def __init__(self, keys: KmsKeys, places: Sequence[Place], move: Move, kept_on: str = "", called: str = "") -> None:
        self._keys = keys
        self._places = places
        self._move = move
        self._kept_on = kept_on
        self._called = f"tminus-{called}-"
        self.came: list[Came] = [Came() for _ in places]
        self.lately: list[Counter[Fate]] = [Counter() for _ in places]

    async def run(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> bool:
        """Goes on for so many seconds, and for one batch at least; whether it came to the end. Raises as places do."""
        if self._kept_on:
            tags = await asyncio.to_thread(self._keys.tags, self._kept_on)
            self.came = [came(tags.get(f"{self._called}{place.mark}", "")) for place in self._places]
        until, noted = clock() + seconds, clock()
        try:
            while (number := self._unended()) is not None:
                await self._one_batch(number)
                if clock() >= until:
                    break
                if clock() - noted > _NOTED_EVERY:
                    await self._note()
                    noted = clock()
        finally:
            await self._note()
        return all(one.ended for one in self.came)

    async def forget(self) -> None:
        """The next pass of this name begins at the beginning."""
        if self._kept_on:
            await asyncio.to_thread(self._keys.untag, self._kept_on, self._called)

    def counted(self) -> Mapping[Fate, int]:
        """What became of everything that was looked at."""
        return sum((one.fates for one in self.came), Counter[Fate]())

    def _unended(self) -> int | None:
        return next((number for number, one in enumerate(self.came) if not one.ended), None)

    async def _one_batch(self, number: int) -> None:
        one = self.came[number]
        done = await self._places[number].batch(one.at, self._move)
        one.fates.update(done.fates)
        self.lately[number].update(done.fates)
        one.at, one.ended = done.at, not done.at

    async def _note(self) -> None:
        if self._kept_on:
            noted = zip(self._places, self.came, strict=True)
            notes = {f"{self._called}{place.mark}": one.note() for place, one in noted}
            await asyncio.to_thread(self._keys.tag, self._kept_on, notes)
