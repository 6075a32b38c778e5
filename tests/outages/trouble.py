"""What an outside system does on a bad day, in front of a stand-in that would be well."""

import asyncio
import threading
from collections import Counter
from typing import Literal, get_args

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Mode = Literal[
    "none",
    "down",
    "limited",
    "error",
    "garbage",
    "wrong",
    "empty",
    "null",
    "unsaid",
    "forbidden",
    "deep",
    "hang",
    "cut",
]
TROUBLES: tuple[Mode, ...] = tuple(mode for mode in get_args(Mode) if mode != "none")
_GARBAGE = b"<html><body>Sorry, we are having trouble.</body></html>"
_ANSWERS: dict[str, tuple[int, bytes, bytes]] = {
    "down": (503, b"text/plain", b"Service Unavailable"),
    "limited": (429, b"application/json", b'{"ok": false, "error": "ratelimited"}'),
    "error": (500, b"text/html", _GARBAGE),
    "garbage": (200, b"text/html", _GARBAGE),
    "wrong": (200, b"application/json", b"[1, 2]"),
    "empty": (200, b"application/json", b"{}"),
    "null": (200, b"application/json", b"null"),
    "unsaid": (200, b"application/json", b'{"ok": false}'),
    "forbidden": (403, b"application/json", b'{"message": "Forbidden"}'),
    "deep": (200, b"application/json", b"[" * 100_000),
}


class Trouble:
    """Passes requests on, or misbehaves as told.

    `cut` breaks the connection off; `hang` answers nothing until it is over. With `after` set the request takes its
    effect first, so whoever asked cannot know.

    Attributes:
        mode: how it misbehaves now.
        after: whether the request takes its effect all the same.
        retry_after: what a 429 asks for, in seconds.
        met: how many requests met which mode.
    """

    def __init__(self, behind: ASGIApp) -> None:
        self.behind = behind
        self.mode: Mode = "none"
        self.after = False
        self.retry_after = 1
        self.met: Counter[str] = Counter()
        self._over = threading.Event()

    def set(self, mode: Mode, *, after: bool = False) -> None:
        """From now on; what hung before is let go."""
        self._over.set()
        self._over = threading.Event()
        self.mode, self.after = mode, after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.behind(scope, receive, send)
            return
        mode, over = self.mode, self._over
        self.met[mode] += 1
        if mode == "none":
            await self.behind(scope, receive, send)
            return
        if self.after:
            await self.behind(scope, receive, _nowhere)
        if mode == "hang":
            while not over.is_set():
                await asyncio.sleep(0.02)
        if mode in {"hang", "cut"}:
            await _cut(send)
            return
        status, media, body = _ANSWERS[mode]
        headers = [(b"content-type", media), (b"content-length", str(len(body)).encode())]
        if mode == "limited":
            headers.append((b"retry-after", str(self.retry_after).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _cut(send: Send) -> None:
    """Promises more than it sends, so the server breaks the connection off."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
    await send({"type": "http.response.body", "body": b'{"ok": tr'})


async def _nowhere(_message: Message) -> None:
    """An answer that is lost."""
