"""The front's stream of prices: several instances of it, to each of which a published price must get."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.websockets import WebSocket, WebSocketDisconnect

from deployments.rehearsal.vendors.front_tokens import Tokens

_INSTANCE = "instance"


@dataclass
class Stream:
    """The instances, and how connections come to them.

    Attributes:
        instances: their names.
        deaf: instances that prices do not get to.
        every: seconds between two prices.
        late: seconds before a connection is opened.
        open_to_all: strangers are let in.
        sticky: a customer who comes back gets to the same instance.
        closed: nobody gets in.
        ends_after: messages after which a connection is closed; None for never.
    """

    instances: tuple[str, ...] = ("stream-1", "stream-2")
    deaf: set[str] = field(default_factory=set)
    every: float = 0.01
    late: float = 0.0
    open_to_all: bool = False
    sticky: bool = True
    closed: bool = False
    ends_after: int | None = None
    _next: "itertools.count[int]" = field(default_factory=itertools.count)

    def socket(self, tokens: Tokens) -> Callable[[WebSocket], Awaitable[None]]:
        """What answers a connection."""

        async def answer(websocket: WebSocket) -> None:
            await asyncio.sleep(self.late)
            kind, _, token = websocket.headers.get("Authorization", "").partition(" ")
            known = kind == "Bearer" and tokens.subject(token) is not None
            if self.closed or not (known or self.open_to_all):
                await websocket.close()
                return
            instance = self._instance(websocket)
            await websocket.accept(headers=[(b"set-cookie", f"{_INSTANCE}={instance}; Path=/; HttpOnly".encode())])
            await self._prices(websocket, instance)

        return answer

    def _instance(self, websocket: WebSocket) -> str:
        known = websocket.cookies.get(_INSTANCE)
        if self.sticky and known in self.instances:
            return known
        return self.instances[next(self._next) % len(self.instances)]

    async def _prices(self, websocket: WebSocket, instance: str) -> None:
        """Until the connection is closed, by whomever."""
        listening = asyncio.create_task(_until_closed(websocket))
        sent = 0
        try:
            while not listening.done():
                if sent == self.ends_after:
                    await websocket.close()
                    return
                if instance not in self.deaf:
                    await websocket.send_json({"type": "price", "symbol": "BTC-USD", "instance": instance})
                    sent += 1
                await asyncio.wait([listening], timeout=self.every)
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            listening.cancel()


async def _until_closed(websocket: WebSocket) -> None:
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        return
