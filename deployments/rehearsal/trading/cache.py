"""The cache in Redis. A cache that does not answer counts as a miss: it slows requests and fails none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from deployments.rehearsal.trading.meters import Meters

TIMEOUT_S = 1.0


class Cache:
    """Short-lived texts by key, counted as hits and misses."""

    def __init__(self, url: str, meters: Meters) -> None:
        """Remember where Redis is; nothing is opened yet."""
        self._meters = meters
        self._redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
        )

    async def get(self, key: str) -> str | None:
        """Return the text under ``key``, or None where there is none or Redis does not answer."""
        try:
            value = await self._redis.get(key)
        except (RedisError, OSError):
            value = None
        (self._meters.cache_misses if value is None else self._meters.cache_hits).inc()
        return value if isinstance(value, str) else None

    async def put(self, key: str, value: str, *, for_ms: int) -> None:
        """Keep ``value`` for ``for_ms`` milliseconds, where Redis answers."""
        try:
            await self._redis.set(key, value, px=for_ms)
        except (RedisError, OSError):
            return

    async def drop(self, key: str) -> None:
        """Forget ``key``, where Redis answers."""
        try:
            await self._redis.delete(key)
        except (RedisError, OSError):
            return

    async def ping(self) -> None:
        """Ask Redis for an answer; raises ``redis.RedisError`` or ``OSError``."""
        await self._redis.echo("ping")

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
