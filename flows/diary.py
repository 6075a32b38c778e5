"""A chain that one process writes, under its lease: what happened, whom it is told to, and the environment it holds."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import Generic, Protocol, TypeVar

from flows.insisting import AT_ONCE, Insisting
from flows.uninterrupted import to_its_end
from tasks.estate import Estate
from tminus import events as ev
from tminus.environment import Environment
from tminus.errors import FencedOff, LedgerError
from tminus.lease import Heartbeat, take
from tminus.ledger.chain import Head
from tminus.ledger.opening import have_chain
from tminus.ledger.store import Entry, Letter, Store
from tminus.opened_book import OpenedBook
from tminus.release import no_release


class Course(Protocol):
    """What a chain's events come to."""

    def take(self, event: ev.Event) -> None:
        """One more event of the chain."""


B = TypeVar("B")
C = TypeVar("C", bound=Course)


@asynccontextmanager
async def alone(store: Store, opened: OpenedBook[B], chain: str, system: str) -> AsyncIterator[tuple[int, Estate]]:
    """The block in which nobody else writes in that chain: the lease's token, and the environment, opened.

    Raises Refused where somebody does; LedgerError, NotConfigured, MissingSecret.
    """
    seconds = opened.environment.lease.total_seconds()
    await asyncio.to_thread(have_chain, store, chain)
    token = await asyncio.to_thread(take, store, chain, seconds)
    with Heartbeat(opened.store(), chain, token, seconds):
        async with Estate(opened.environment, no_release(system), chain, opened.base) as estate:
            yield token, estate


class Diary(Generic[C]):
    """One chain, under a lease.

    Args:
        store: the ledger.
        environment: whose lock it holds while something is changed.
        chain: its name.
        token: the lease's.
        course: what is written there already.
        letters: whom an event is told to, by what was there before it.
        insisting: how long it waits for a ledger that does not answer.

    Attributes:
        course: what is written there.
    """

    def __init__(
        self,
        store: Store,
        environment: Environment,
        chain: str,
        token: int,
        course: C,
        letters: Callable[[C, ev.Event], Sequence[Letter]],
        insisting: Insisting = AT_ONCE,
    ) -> None:
        self._store = store
        self._environment = environment
        self._chain = chain
        self._token = token
        self._letters = letters
        self._insisting = insisting
        self.course = course

    async def write(self, *events: ev.Event) -> None:
        """Appends all or none, with the letters that tell of them, also where it is cancelled. Raises LedgerError."""
        await to_its_end(self._written(*events))

    async def lock(self) -> None:
        """Takes the environment, or finds it taken by this chain; raises Refused, naming who holds it."""
        await to_its_end(asyncio.to_thread(self._store.lock, self._environment.environment, self._chain))

    async def free(self) -> None:
        """Frees the environment where this chain holds it: nothing of it is changed now."""
        await asyncio.to_thread(self._store.unlock, self._environment.environment, self._chain)

    async def leave(self, last: ev.Event) -> None:
        """Writes how it ended, and frees the environment: all or nothing. Raises LedgerError."""
        await to_its_end(self._left(last))

    async def _written(self, *events: ev.Event) -> None:
        entries = list(map(self._entry, events))
        await self._insisting.once(lambda: self._store.append(*entries), self._head)
        for event in events:
            self.course.take(event)

    async def _left(self, last: ev.Event) -> None:
        entry, place = self._entry(last), self._environment.environment
        await self._insisting.once(lambda: self._store.append_and_unlock(place, entry), self._head)
        self.course.take(last)

    def held(self, mistaken: Callable[[str], ev.Event | None]) -> "Held":
        """The block in which this chain holds the environment.

        Args:
            mistaken: what is written where tminus itself fails, from a sentence about it; None writes nothing.
        """
        return Held(self, mistaken)

    async def require_ours(self) -> None:
        """Raises FencedOff where the lease is another's by now."""
        await self._insisting.on(self.fence)

    def fence(self) -> None:
        """The same. Blocks: call it from a thread."""
        if not self._store.renew_lease(self._chain, self._token, self._environment.lease.total_seconds()):
            raise FencedOff(f"{self._chain}: another process goes on with it by now; this one moved nothing")

    def _head(self) -> Head | None:
        return self._store.head(self._chain)

    def _entry(self, event: ev.Event) -> Entry:
        place = self._environment.environment
        letters = [replace(letter, environment=place) for letter in self._letters(self.course, event)]
        return Entry(self._chain, ev.write(event), self._token, letters=letters)


class Held:
    """The environment, held until something is written with which it is left.

    Raises Refused where somebody else holds it, naming them. A mistake of tminus frees it too, and is told: nobody else
    is kept from the environment by it.
    """

    def __init__(self, diary: Diary[C], mistaken: Callable[[str], ev.Event | None]) -> None:
        self._lock, self._free, self._leave, self._mistaken = diary.lock, diary.free, diary.leave, mistaken

    async def __aenter__(self) -> None:
        try:
            await self._lock()
        except asyncio.CancelledError:
            if self._mistaken("") is not None:  # it is held by now for nothing, and nobody would come to free it
                await self._free()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None
    ) -> None:
        if kind is None or not isinstance(error, Exception) or isinstance(error, LedgerError):
            return
        last = self._mistaken(f"tminus itself failed with {kind.__name__}, which its log shows whole")
        if last is not None:
            await self._leave(last)
