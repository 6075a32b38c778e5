"""A token bucket per client."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

MOST_CLIENTS = 10_000


class RateLimit:
    """Allows ``burst`` attempts at once and ``per_second`` after that, to each client on its own.

    The token bucket: https://en.wikipedia.org/wiki/Token_bucket. Clients whose bucket is full again are forgotten.
    """

    def __init__(self, *, burst: int, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        """Start with full buckets; ``now`` gives seconds."""
        self._burst = burst
        self._per_second = per_second
        self._now = now
        self._buckets: dict[Hashable, tuple[float, float]] = {}

    def allows(self, client: Hashable) -> bool:
        """Take one attempt from ``client``'s bucket; False where it is empty."""
        now = self._now()
        level, at = self._buckets.get(client, (float(self._burst), now))
        level = min(self._burst, level + (now - at) * self._per_second)
        allowed = level >= 1
        self._buckets[client] = (level - 1 if allowed else level, now)
        if len(self._buckets) > MOST_CLIENTS:
            self._forget(now)
        return allowed

    def _forget(self, now: float) -> None:
        refill_s = self._burst / self._per_second
        self._buckets = {client: kept for client, kept in self._buckets.items() if now - kept[1] < refill_s}
