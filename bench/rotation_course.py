"""Rotations one after another, as `tminus rotate` begins them and `--due` goes on with them, a visit each.

When one is due is told here: moto says of every version that it was made when it was asked.
"""

import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flows.rotation_round import go_on_if_due, rotate
from flows.rotation_visit import Visited, Wish
from tminus.clock import now
from tminus.errors import TminusError
from tminus.ledger.store import Store
from tminus.rotations.opened import OpenedSecrets

_TELLS_EVERY = 30.0  # seconds
_LONG = timedelta(seconds=30)  # no wait of a book whose days are seconds
_LOOKS_EVERY = 0.05  # seconds between two rounds in which nothing wanted a visit
_BETWEEN = 0.5  # seconds from the end of a secret's rotation, or from one that could not begin, to its next


@dataclass
class Course:
    """Visits all secrets of a book until so many rotations are through.

    Attributes:
        wanted: rotations; no more are begun than these.
        rotated: how many are through, by the secret.
        trouble: visits that broke off or were refused, in words.
    """

    store: Store
    opened: OpenedSecrets
    wanted: int
    rotated: Counter[str] = field(default_factory=Counter)
    trouble: list[str] = field(default_factory=list)
    _under_way: set[str] = field(default_factory=set)
    _not_before: dict[str, datetime | float] = field(default_factory=dict)

    async def run(self, within: float) -> bool:
        """Whether all were through after so many seconds at most."""
        until, tells = time.monotonic() + within, time.monotonic() + _TELLS_EVERY
        names = [name for name, _ in self.opened.named(())]
        while self.rotated.total() < self.wanted and time.monotonic() < until:
            if time.monotonic() > tells:
                tells += _TELLS_EVERY
                print(
                    f"{self.rotated.total()} rotations, {len(self._under_way)} under way", file=sys.stderr, flush=True
                )
            idle = True
            for name in names:
                if self._wants(name):
                    await self._visit(name)
                    idle = False
            if idle:
                await asyncio.sleep(_LOOKS_EVERY)
        return not self._under_way and self.rotated.total() >= self.wanted

    def _wants(self, name: str) -> bool:
        if name not in self._under_way and self.rotated.total() + len(self._under_way) >= self.wanted:
            return False
        wait = self._not_before.get(name, 0.0)
        return now() >= wait if isinstance(wait, datetime) else time.monotonic() >= wait

    async def _visit(self, name: str) -> None:
        self._not_before[name] = time.monotonic() + _BETWEEN
        try:
            if name in self._under_way:
                visited = await go_on_if_due(self.store, self.opened, name, _nobody)
            else:
                visited = await rotate(self.store, self.opened, name, Wish(reason="due"), _nobody)
        except TminusError as e:
            self.trouble.append(f"{name}: {e}")
        else:
            if visited is not None:
                self._take(visited)

    def _take(self, visited: Visited) -> None:
        name = visited.secret
        if visited.how == "rotated":
            self.rotated[name] += 1
            self._under_way.discard(name)
            return
        self._under_way.add(name)
        if visited.until is not None:
            self._not_before[name] = visited.until
        if visited.how != "waits" or (visited.until is not None and visited.until > now() + _LONG):
            self.trouble.append(visited.said)


def _nobody(_line: str) -> None:
    """Nobody sits at the terminal."""
