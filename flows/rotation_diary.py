"""A secret's rotations as they are written down, by whoever holds its lease."""

import asyncio

from tminus import events as ev
from tminus.errors import FencedOff
from tminus.ledger.store import Entry, Store
from tminus.rotations.opened import OpenedSecrets
from tminus.rotations.telling import letters

Left = ev.RotationWaits | ev.RotationEnded | ev.RotationBrokeOff
"""How a visit leaves a rotation."""


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

    async def lock(self) -> None:
        """Takes the environment, or finds it taken by this secret; raises Refused, naming who holds it."""
        await asyncio.to_thread(self._store.lock, self._opened.environment.environment, self._chain)

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
