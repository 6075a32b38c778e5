"""An answer that comes byte by byte, without an end: no timeout of a socket ever passes."""

import asyncio
import threading

from starlette.types import ASGIApp, Receive, Scope, Send


def drips_until(over: threading.Event) -> ASGIApp:
    """Answers every request so, until this is set."""

    async def drips(scope: Scope, _receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100000")]})
        while not over.is_set():
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            await asyncio.sleep(0.02)

    return drips
