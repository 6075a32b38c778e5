"""What an instance says about itself: /health, /ready, /version and /metrics."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deployments.rehearsal.trading.refusal import Refused
from deployments.rehearsal.trading.settings import SERVICE

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from deployments.rehearsal.fault_file import FaultFile
    from deployments.rehearsal.trading.cache import Cache
    from deployments.rehearsal.trading.database import Database
    from deployments.rehearsal.trading.meters import Meters
    from deployments.rehearsal.trading.settings import Settings

PATHS = frozenset({"/health", "/ready", "/version", "/metrics"})
ANSWER_WITHIN_S = 1.5
UP, DOWN = "up", "down"
Component = dict[str, str | float]


class Introspection:
    """The endpoints that probes and scrapers ask. They count in no metric and know no base service time."""

    def __init__(self, settings: Settings, database: Database, cache: Cache, meters: Meters, faults: FaultFile) -> None:
        self._settings = settings
        self._database = database
        self._cache = cache
        self._meters = meters
        self._faults = faults

    def routes(self) -> list[BaseRoute]:
        """GET /health, /ready, /version and /metrics."""
        return [
            Route("/health", self._health, methods=["GET"]),
            Route("/ready", self._ready, methods=["GET"]),
            Route("/version", self._version, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
        ]

    async def _health(self, _: Request) -> Response:
        components = await self._components()
        broken = self._faults.for_service(self._settings.version).unhealthy
        healthy = not broken and all(component["status"] == UP for component in components.values())
        status = "healthy" if healthy else "unhealthy"
        return JSONResponse({"status": status, "components": components}, 200 if healthy else 503)

    async def _ready(self, _: Request) -> Response:
        components = await self._components()
        ready = all(component["status"] == UP for component in components.values())
        return JSONResponse({"ready": ready, "components": components}, 200 if ready else 503)

    async def _version(self, _: Request) -> Response:
        build = self._settings
        digests = {"artifact_digest": build.artifact_digest, "config_digest": build.config_digest}
        return JSONResponse({"service": SERVICE, "version": build.version, **digests, "instance": build.instance})

    async def _metrics(self, _: Request) -> Response:
        if self._faults.for_service(self._settings.version).no_metrics:
            return PlainTextResponse("metrics are not available\n", 503)
        return Response(self._meters.text(), media_type="text/plain; version=0.0.4")

    async def _components(self) -> dict[str, Component]:
        database, redis = await asyncio.gather(
            _component(self._database.write("SELECT 1")), _component(self._cache.ping())
        )
        return {"database": database, "redis": redis}


async def _component(answer: Awaitable[object]) -> Component:
    started = time.perf_counter()
    status = UP
    try:
        await asyncio.wait_for(answer, ANSWER_WITHIN_S)
    except (Refused, RedisError, OSError):  # TimeoutError is an OSError
        status = DOWN
    return {"status": status, "latency_ms": round((time.perf_counter() - started) * 1000, 3)}
