"""The gateway's process, seen from outside: the doors it opens, whether all that runs in it is well, and its counts."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Protocol

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tminus.acknowledged import Finishing
from tminus.door_limit import DoorLimit
from tminus.errors import LedgerError
from tminus.ledger.store import Store
from tminus.openapi import document
from tminus.refusals import Refusals

_READY = 2.0  # seconds in which the ledger must answer to count as ready


class Part(Protocol):
    """Something that runs in the gateway's process: a door, the courier, the watchdog."""

    def trouble(self) -> str:
        """Why it does nothing any more, in a sentence; "" where it works."""

    def metrics(self) -> Iterable[str]:
        """Lines in Prometheus' text format."""


class Gateway:
    """Answers for the process. Several may run on one ledger.

    Args:
        store: the ledger.
        parts: what runs here.
        doors: the routes that lead to some of them.

    Attributes:
        refusals: what was refused, and why.
    """

    def __init__(self, store: Store, parts: Sequence[Part], doors: Sequence[Route] = ()) -> None:
        paths = [door.path for door in doors]
        self.refusals = Refusals(paths)
        self._limit = DoorLimit(paths)
        self._store = store
        self._parts = (*parts, self.refusals, self._limit)
        self._doors = doors
        self._asked: asyncio.Task[None] | None = None

    def app(self) -> ASGIApp:
        """The ASGI application. Told to end, it does what its parts acknowledged."""
        own = {
            "/health": self.health,
            "/ready": self.ready,
            "/metrics": self.metrics,
            "/openapi.json": self.openapi,
        }
        routes = [*self._doors, *(Route(path, answer) for path, answer in own.items())]
        self._document = document([route.path for route in routes], version("tminus"))
        return self.refusals.watching(self._limit.before(Starlette(routes=routes, lifespan=self._lifespan)))

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.gather(*(part.finish() for part in self._parts if isinstance(part, Finishing)))

    async def health(self, _request: Request) -> Response:
        """Alive."""
        return JSONResponse({"status": "ok"})

    async def openapi(self, _request: Request) -> Response:
        """What knocks at which door, and with what it may be answered."""
        return JSONResponse(self._document)

    async def ready(self, _request: Request) -> Response:
        """Alive, the ledger answers, and everything that should run here does."""
        try:
            async with asyncio.timeout(_READY):
                await asyncio.shield(self._asking())
        except (LedgerError, TimeoutError):
            return JSONResponse({"status": "the ledger does not answer"}, status_code=503)
        if troubles := [said for part in self._parts if (said := part.trouble())]:
            return JSONResponse({"status": "; ".join(troubles)}, status_code=503)
        return JSONResponse({"status": "ok"})

    def _asking(self) -> "asyncio.Task[None]":
        """One question to the ledger at a time, whoever wants to know: one that hangs takes no second thread."""
        if self._asked is None or self._asked.done():
            self._asked = asyncio.create_task(self._ask())
        return self._asked

    async def _ask(self) -> None:
        await anyio.to_thread.run_sync(self._store.chains, abandon_on_cancel=True)

    async def metrics(self, _request: Request) -> Response:
        """Counts, in Prometheus' text format."""
        lines = [line for part in self._parts for line in part.metrics()]
        return Response("".join(f"{line}\n" for line in lines), media_type="text/plain; version=0.0.4")
