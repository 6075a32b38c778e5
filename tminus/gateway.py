"""The gateway's process, seen from outside: the doors it opens, whether all that runs in it is well, and its counts."""

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Protocol

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tminus.errors import LedgerUnreachable
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
        self.refusals = Refusals([door.path for door in doors])
        self._store = store
        self._parts = (*parts, self.refusals)
        self._doors = doors

    def app(self) -> ASGIApp:
        """The ASGI application."""
        own = {
            "/health": self.health,
            "/ready": self.ready,
            "/metrics": self.metrics,
            "/openapi.json": self.openapi,
        }
        routes = [*self._doors, *(Route(path, answer) for path, answer in own.items())]
        self._document = document([route.path for route in routes], version("tminus"))
        return self.refusals.watching(Starlette(routes=routes))

    async def health(self, _request: Request) -> Response:
        """Alive."""
        return JSONResponse({"status": "ok"})

    async def openapi(self, _request: Request) -> Response:
        """What knocks at which door, and with what it may be answered."""
        return JSONResponse(self._document)

    async def ready(self, _request: Request) -> Response:
        """Alive, the ledger answers, and everything that should run here does."""
        try:
            with anyio.fail_after(_READY):
                await anyio.to_thread.run_sync(self._store.chains, abandon_on_cancel=True)
        except (LedgerUnreachable, TimeoutError):
            return JSONResponse({"status": "the ledger does not answer"}, status_code=503)
        if troubles := [said for part in self._parts if (said := part.trouble())]:
            return JSONResponse({"status": "; ".join(troubles)}, status_code=503)
        return JSONResponse({"status": "ok"})

    async def metrics(self, _request: Request) -> Response:
        """Counts, in Prometheus' text format."""
        lines = [line for part in self._parts for line in part.metrics()]
        return Response("".join(f"{line}\n" for line in lines), media_type="text/plain; version=0.0.4")
