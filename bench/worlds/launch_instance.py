"""An instance of the trading service whose answers can be altered from outside, as a process of its own.

    python -m bench.worlds.launch_instance

Its code, its settings and its faults file are those of deployments.rehearsal.trading. What a release can get wrong
besides (a component that it no longer names, a histogram by another name, a page where JSON is wanted) stands in a
second file, which is read anew for each request. At /live it says OK in plain text.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from pydantic import BaseModel, TypeAdapter
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.rehearsal.trading.application import build
from deployments.rehearsal.trading.settings import Settings

CHANGES = "LAUNCH_CHANGES"
LIVE = "GET /live"
_KEEP_ALIVE = 75  # seconds, longer than the load balancer keeps an idle connection
_POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1


class Change(BaseModel, frozen=True):
    """What is answered otherwise to some requests.

    Attributes:
        at: the method, and what the path begins with: `GET /health`.
        status: answered instead, with `text`; a WebSocket is refused.
        text: answered instead, with status 200 unless given.
        old: a text of the answer, of its headers or of a message.
        new: what stands there instead.
        delay: seconds before the answer.
    """

    at: str
    status: int | None = None
    text: str | None = None
    old: str = ""
    new: str = ""
    delay: float = 0.0

    def apply(self, text: str) -> str:
        """The text, with `new` for `old`."""
        return text.replace(self.old, self.new) if self.old else text


_CHANGES: TypeAdapter[tuple[Change, ...]] = TypeAdapter(tuple[Change, ...])


def write_changes(path: Path, changes: Sequence[Change]) -> None:
    """Replaces the file in one step, so that no reader sees half of it."""
    scratch = path.with_suffix(".new")
    scratch.write_bytes(_CHANGES.dump_json(tuple(changes)))
    scratch.replace(path)


class Edge:
    """ASGI middleware around the whole service, which makes its answers others."""

    def __init__(self, app: ASGIApp, changes: Path) -> None:
        self._app = app
        self._changes = changes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        asked = f"{scope.get('method', 'GET')} {scope['path']}"
        change = self._change(asked)
        await asyncio.sleep(change.delay)
        if change.status is not None or change.text is not None:
            await self._instead(change, scope, receive, send)
        elif asked == LIVE:
            await PlainTextResponse("OK\n")(scope, receive, send)
        else:
            await self._app(scope, receive, _Altered(change, send))

    def _change(self, asked: str) -> Change:
        changes = _CHANGES.validate_json(self._changes.read_bytes()) if self._changes.exists() else ()
        return next((one for one in changes if asked.startswith(one.at)), Change(at=asked))

    @staticmethod
    async def _instead(change: Change, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await PlainTextResponse(change.text or "", change.status or 200)(scope, receive, send)


class _Altered:
    """Sends on what the service sends, with one text of it replaced; an answer's body is gathered first."""

    def __init__(self, change: Change, send: Send) -> None:
        self._change = change
        self._send = send
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        """Takes one message of the service."""
        if not self._change.old:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish()
        elif message["type"] == "websocket.send" and message.get("text"):
            await self._send({**message, "text": self._change.apply(message["text"])})
        else:
            await self._send(message)

    async def _finish(self) -> None:
        body = self._change.apply(self._body.decode()).encode()
        headers = MutableHeaders(raw=list(self._start["headers"]))
        headers.update({name: self._change.apply(value) for name, value in headers.items()})
        headers["content-length"] = str(len(body))
        await self._send({**self._start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})


def main() -> int:
    """Serves on 127.0.0.1 until SIGTERM; raises SettingsError where the environment is incomplete."""
    settings = Settings.from_environment(os.environ)
    config = uvicorn.Config(
        Edge(build(settings), Path(os.environ[CHANGES])),
        host="127.0.0.1",
        port=settings.port,
        loop="asyncio",
        http="h11",
        ws="websockets-sansio",
        lifespan="on",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
