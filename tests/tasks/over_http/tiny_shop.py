"""A shop to walk through: accounts, orders, prices; each of its ways to go wrong is one field."""

import asyncio
import secrets
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket


@dataclass
class Shop:
    """Its fields say how it misbehaves; `accounts` and `orders` are what is left behind.

    Attributes:
        flag: what an account's answer says under `synthetic`; None where it does not say.
        fail: "METHOD /path" → status answered instead of doing it.
        lose: "METHOD /path" of requests that take effect and are answered 504, without a body.
        slow: "METHOD /path" → seconds before the answer, after the effect.
        parrot: an order's answer shows the caller's token in its status.
        prices: the messages of the price stream; it closes after them.
        hold: the price stream stays open and silent after its messages.
        requests: "METHOD /path" of all requests, in order.
    """

    flag: object = True
    fail: dict[str, int] = field(default_factory=dict)
    lose: set[str] = field(default_factory=set)
    slow: dict[str, float] = field(default_factory=dict)
    parrot: bool = False
    prices: list[object] = field(default_factory=lambda: [{"symbol": "EURUSD", "price": "1.08"}] * 4)
    hold: bool = False
    accounts: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    passwords: list[str] = field(default_factory=list)
    orders: dict[int, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def app(self) -> ASGIApp:
        """The web application."""
        methods = ["GET", "POST", "DELETE"]
        return Starlette(
            routes=[WebSocketRoute("/prices", self._stream), Route("/{path:path}", self._answer, methods=methods)]
        )

    async def _answer(self, request: Request) -> Response:
        what = f"{request.method} {request.scope['raw_path'].decode()}"
        self.requests.append(what)
        if what in self.fail:
            return JSONResponse({"error": "no"}, self.fail[what])
        response = await self._do(what, request)
        await asyncio.sleep(self.slow.get(what, 0))
        return Response(status_code=504) if what in self.lose else response

    async def _do(self, what: str, request: Request) -> Response:
        if what == "POST /accounts":
            sent = await request.json()
            account = secrets.token_hex(4)
            self.accounts[account] = sent["email"]
            self.passwords.append(sent["password"])
            answer = {"id": account, **({} if self.flag is None else {"synthetic": self.flag})}
            return JSONResponse(answer, 201)
        if what == "POST /login":
            sent = await request.json()
            token = secrets.token_urlsafe(20)
            self.tokens[token] = sent["email"]
            return JSONResponse({"token": token})
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token) not in self.accounts.values():
            return JSONResponse({"error": "log in"}, 401)
        return self._trade(what, token)

    def _trade(self, what: str, token: str) -> Response:
        if what == "POST /orders":
            number = len(self.orders) + 1
            self.orders[number] = "open"
            return JSONResponse({"id": number, "status": token if self.parrot else "open", "items": [{"n": 1}]}, 201)
        kind, _, name = what.rpartition("/")
        if kind == "DELETE /orders":
            self.orders[int(name)] = "cancelled"
            return JSONResponse({"status": "cancelled"}, headers={"X-Version": "2.0.0"})
        if kind == "DELETE /accounts" and self.accounts.pop(name, None):
            return Response(status_code=204)
        return JSONResponse({"error": "no such thing"}, 404)

    async def _stream(self, websocket: WebSocket) -> None:
        self.requests.append("WebSocket /prices")
        await websocket.accept()
        for price in self.prices:
            await websocket.send_json(price)
        if self.hold:
            await websocket.receive()
        await websocket.close()
