"""Serves a web application from a thread of this process, for tests and benches that look inside it."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.rehearsal.stand_in_server import TlsFiles, configuration, listen

_POLL = 0.005  # seconds
_ENDS_WITHIN = 5.0  # seconds; what is left then ends with the process


@contextlib.contextmanager
def served(app: ASGIApp, tls: TlsFiles | None = None, *, websockets: bool = False) -> Iterator[str]:
    """The address of `app` on a free port of 127.0.0.1, for as long as the block lasts."""
    server = uvicorn.Server(configuration(app, tls, websockets=websockets))
    with listen(0) as listening:
        thread = threading.Thread(target=_run, args=(server, listening), daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(_POLL)
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_ENDS_WITHIN)
            server.force_exit = True  # rather than wait for ever
            thread.join(_ENDS_WITHIN)


def _run(server: uvicorn.Server, listening: socket.socket) -> None:
    server.run(sockets=[listening])


class Door:
    """A web application that passes everything on to another one, which can be exchanged while it is served."""

    def __init__(self) -> None:
        self.behind: ASGIApp = Starlette()
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        await self.behind(scope, receive, send)
