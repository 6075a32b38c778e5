"""A door that opens to passwords, kept in one file: the named fake outside system whose secret is rotated."""

import fcntl
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from tasks.rotators.rotator import Census, Done, NotYet, Rotator, Turn, Use
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.rotations.document import Document

Told = dict[str, dict[str, str]]


class Door:
    """The door itself, asked by tests without tminus.

    Attributes:
        path: its file: `locks` is hash → the rotation that set it, `off` the same for those switched off, `uses`
            hash → the moment of the last use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def told(self) -> Iterator[Told]:
        """What it knows, to be changed; one process at a time."""
        with self.path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            told: Told = json.loads(file.read() or '{"locks": {}, "off": {}, "uses": {}}')
            yield told
            file.seek(0)
            file.truncate()
            json.dump(told, file)

    def install(self, password: str) -> None:
        """Somebody gave it a password by hand."""
        with self.told() as told:
            told["locks"][_hash(password)] = "by hand"

    def opens(self, password: str) -> bool:
        """Whether it opens; that is a use."""
        with self.told() as told:
            if opened := _hash(password) in told["locks"]:
                told["uses"][_hash(password)] = now().isoformat()
        return opened

    @property
    def passwords(self) -> int:
        """How many passwords it knows, be they switched off or not."""
        with self.told() as told:
            return len(told["locks"]) + len(told["off"])


def _hash(password: str) -> str:
    return sha256(password.encode()).hexdigest()


class DoorKey(Rotator, frozen=True):
    """Rotates the door's password. A file `trouble` beside the door holds the method that fails next, and when."""

    kind: Literal["test.door"] = "test.door"
    door: Path

    @property
    def _door(self) -> Door:
        return Door(self.door)

    def _trouble(self, method: str, when: str) -> None:
        file = self.door.with_name("trouble")
        if file.exists() and file.read_text() == f"{when} {method}":
            file.unlink()
            raise CouldNotObserve(f"the door does not answer ({when} {method})")

    async def create(self, turn: Turn) -> Document:
        """A new password, which opens nothing yet."""
        self._trouble("create", "before")
        new = turn.old.changed(f"{turn.name} (new)", {"password": SecretStr(f"canary-{secrets.token_urlsafe(24)}")})
        self._trouble("create", "after")
        return new

    async def set(self, turn: Turn, new: Document) -> Done | NotYet:
        """The door knows it."""
        self._trouble("set", "before")
        with self._door.told() as told:
            already = _hash(_password(new)) in told["locks"]
            told["locks"][_hash(_password(new))] = turn.rotation
        self._trouble("set", "after")
        return Done("the door knows the new password", already=already)

    async def test(self, turn: Turn, new: Document) -> Done | NotYet:
        """It opens."""
        del turn
        self._trouble("test", "before")
        if not self._door.opens(_password(new)):
            raise CouldNotObserve("the door does not open to the new password")
        self._trouble("test", "after")
        return Done("it opens to the new password")

    async def census(self, turn: Turn, new: Document) -> Census:
        """Who opened it with the old one since the new one is current."""
        del new
        self._trouble("census", "before")
        since = turn.promoted or now()
        with self._door.told() as told:
            used = told["uses"].get(_hash(_password(turn.old)))
        last = datetime.fromisoformat(used) if used else None
        self._trouble("census", "after")
        uses = [Use("somebody with a key", 1, last)] if last is not None and last >= since else []
        return Census(uses, "the door", since)

    def shares(self, one: Document, other: Document) -> bool:
        """One password."""
        return one.agrees(other, "password")

    async def off(self, turn: Turn, new: Document) -> Done | NotYet:
        """The old one does not open any more, and could again."""
        del new
        self._trouble("off", "before")
        already = self._move(_password(turn.old), "locks", "off")
        self._trouble("off", "after")
        return Done("the old password is off", already=not already)

    async def on(self, turn: Turn, new: Document) -> Done:
        """It opens again."""
        del new
        return Done("the old password is on", already=not self._move(_password(turn.old), "off", "locks"))

    async def drop(self, turn: Turn, new: Document) -> Done | NotYet:
        """The door forgets it."""
        del new
        self._trouble("drop", "before")
        with self._door.told() as told:
            told["off"].pop(_hash(_password(turn.old)), None)
        self._trouble("drop", "after")
        return Done("the old password is forgotten")

    async def undo(self, turn: Turn, new: Document | None) -> Done:
        """The door forgets the new one."""
        del turn
        self._trouble("undo", "before")
        with self._door.told() as told:
            gone = new is not None and told["locks"].pop(_hash(_password(new)), None)
        return Done("the new password is forgotten", already=not gone)

    def _move(self, password: str, here: str, there: str) -> bool:
        with self._door.told() as told:
            rotation = told[here].pop(_hash(password), None)
            if rotation is not None:
                told[there][_hash(password)] = rotation
        return rotation is not None


def _password(document: Document) -> str:
    return document.secret("password").get_secret_value()
