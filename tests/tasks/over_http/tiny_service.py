"""A service small enough to break in one line: three instances of it stand behind a real nginx in these tests."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from deployments.rehearsal.trading.meters import Meters

NEW = {"version": "2.0.0", "artifact_digest": f"sha256:{'a' * 64}", "config_digest": f"sha256:{'b' * 64}"}
OLD = {"version": "1", "artifact_digest": f"sha256:{'c' * 64}", "config_digest": f"sha256:{'b' * 64}"}
WELL = {"status": "healthy", "components": {"database": {"status": "up"}, "redis": {"status": "up"}}}
UNWELL = {"status": "unhealthy", "components": {"database": {"status": "up"}, "redis": {"status": "down"}}}


def fresh_meters() -> Meters:
    """Counters at zero, as after a start."""
    return Meters(version="2.0.0", artifact_digest="a", config_digest="b", instance="i")


@dataclass
class Tiny:
    """One instance. Its fields say what it answers, and may be changed while it runs.

    Attributes:
        broken: path → status answered instead.
        text: path → plain text answered instead.
        delay: seconds before each answer.
        answered: how often each path was answered.
    """

    health: object = field(default_factory=lambda: WELL)
    health_status: int = 200
    build: object = field(default_factory=lambda: NEW)
    meters: Meters = field(default_factory=fresh_meters)
    broken: dict[str, int] = field(default_factory=dict)
    text: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    answered: dict[str, int] = field(default_factory=dict)
    address: str = ""

    def heal(self) -> None:
        """As new."""
        address = self.address
        self.__init__()  # type: ignore[misc]
        self.address = address

    def app(self) -> ASGIApp:
        """The web application."""
        return Starlette(routes=[Route("/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        await asyncio.sleep(self.delay)
        path = request.url.path
        response = self._response(path)
        self.answered[path] = self.answered.get(path, 0) + 1
        return response

    def _response(self, path: str) -> Response:
        if path in self.broken:
            return PlainTextResponse("broken", self.broken[path])
        if path in self.text:
            return PlainTextResponse(self.text[path])
        if path == "/health":
            return JSONResponse(self.health, self.health_status)
        if path == "/ready":
            return JSONResponse({"ready": True})
        if path == "/version":
            return JSONResponse(self.build)
        return Response(self.meters.text(), media_type="text/plain; version=0.0.4")

    def count(self, requests: int, *, status: int = 200, seconds: float = 0.01) -> None:
        """Counts requests, as if they had been answered."""
        for _ in range(requests):
            self.meters.observe(method="GET", path="/api/orders", status=status, duration_s=seconds)


@contextlib.contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """The address (`host:port`) of `app`, WebSockets included, for as long as the block lasts."""
    config = uvicorn.Config(
        app, log_level="critical", lifespan="off", ws="websockets-sansio", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
