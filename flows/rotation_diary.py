"""A secret's rotations as they are written down, by whoever holds its lease."""

import asyncio
from types import TracebackType

from tminus import events as ev
from tminus.errors import FencedOff, LedgerError
from tminus.ledger.store import Entry, Store
from tminus.rotations.course import Rotation
from tminus.rotations.opened import OpenedSecrets
from tminus.rotations.telling import letters

Left = ev.RotationWaits | ev.RotationEnded | ev.RotationBrokeOff
"""How a visit leaves a rotation."""


def broke_off(rotation: Rotation, why: str, *, refused: bool = False) -> ev.RotationBrokeOff:
    """How a visit leaves a rotation that it could not go on with."""
    stage = rotation.next or ("undo" if rotation.undo else "drop")
    return ev.RotationBrokeOff(rotation=rotation.name, stage=stage, why=why, refused=refused)


class Diary:
    """One secret's chain, under a lease.

    Args:
        store: the ledger.
        opened: the book.
        name: the secret.
        token: the lease's.

    Attributes:
        course: what is written there.
    """

    def __init__(self, store: Store, opened: OpenedSecrets, name: str, token: int) -> None:
        self._store = store
        self._opened = opened
        self._name = name
        self._token = token
        self._chain = opened.chain(name)
        self.course = opened.course(store, name)

    async def write(self, event: ev.Event) -> None:
        """Appends, with the letters that tell of it. Raises LedgerError."""
        await asyncio.to_thread(self._store.append, self._entry(event))
        self.course.take(event)

    def held(self) -> "Held":
        """The block in which this secret holds the environment."""
        return Held(self, self._store, self._opened.environment.environment, self._chain)

    async def leave(self, last: Left) -> None:
        """Writes how a visit ended, and frees the environment: all or nothing. Raises LedgerError."""
        await asyncio.to_thread(self._store.append_and_unlock, self._opened.environment.environment, self._entry(last))
        self.course.take(last)

    def fence(self) -> None:
        """Raises FencedOff where the lease is another's by now. Blocks: call it from a thread."""
        seconds = self._opened.environment.lease.total_seconds()
        if not self._store.renew_lease(self._chain, self._token, seconds):
            raise FencedOff(f"{self._chain}: another process goes on with it by now; this one moved nothing")

    def _entry(self, event: ev.Event) -> Entry:
        told = letters(self._opened, self._name, self.course, event)
        return Entry(self._chain, ev.write(event), self._token, letters=told)


class Held:
    """The environment, held for one visit, which frees it when it writes how it ended.

    Raises Refused where somebody else holds it, naming them. A mistake of tminus frees it too, and is told: nobody else
    is kept from the environment by it.
    """

    def __init__(self, diary: Diary, store: Store, environment: str, chain: str) -> None:
        self._diary, self._store, self._environment, self._chain = diary, store, environment, chain

    async def __aenter__(self) -> None:
        await asyncio.to_thread(self._store.lock, self._environment, self._chain)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        rotation = self._diary.course.open
        if kind is None or not isinstance(error, Exception) or isinstance(error, LedgerError) or rotation is None:
            return
        why = f"tminus itself failed with {kind.__name__}, which its log shows whole"
        await self._diary.leave(broke_off(rotation, why))
