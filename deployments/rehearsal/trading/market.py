"""Prices: a read-only endpoint that answers from the cache, and a WebSocket stream of ticks."""

from __future__ import annotations

import asyncio
import json
import math
import time
from decimal import Decimal
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from deployments.rehearsal.trading.cache import Cache
    from deployments.rehearsal.trading.meters import Meters

BASE_PRICES = {"BTCUSD": 64_000.0, "EURUSD": 1.08, "GBPUSD": 1.27, "XAUUSD": 2_350.0}
SYMBOLS = tuple(BASE_PRICES)
SWING = 0.002
PERIOD_S = 30.0
SPREAD = 0.0002
TICK_S = 0.2
PRICES_FOR_MS = 1000
_TICK = Decimal("0.000001")


def price(symbol: str, at: float) -> Decimal:
    """Mid price of ``symbol`` at Unix time ``at``: its base price, swinging by 0.2 % over 30 s.

    A function of time alone, so every instance quotes the same.
    """
    phase = SYMBOLS.index(symbol)
    swing = SWING * math.sin(2 * math.pi * at / PERIOD_S + phase)
    return Decimal(BASE_PRICES[symbol] * (1 + swing)).quantize(_TICK)


class Market:
    """The market's endpoints."""

    def __init__(self, cache: Cache, meters: Meters) -> None:
        """Quote through ``cache``; count streams in ``meters``."""
        self._cache = cache
        self._meters = meters

    def routes(self) -> list[BaseRoute]:
        """GET /api/prices, and the WebSocket /prices."""
        return [Route("/api/prices", self._prices, methods=["GET"]), WebSocketRoute("/prices", self._stream)]

    async def _prices(self, _: Request) -> Response:
        text = await self._cache.get("prices")
        if text is None:
            text = quotes(time.time())
            await self._cache.put("prices", text, for_ms=PRICES_FOR_MS)
        return Response(text, media_type="application/json")

    async def _stream(self, websocket: WebSocket) -> None:
        await websocket.accept()
        gone = asyncio.create_task(_until_gone(websocket))
        with self._meters.websockets.track_inprogress():
            while not gone.done():
                at = time.time()
                try:
                    for symbol in SYMBOLS:
                        await websocket.send_json({"symbol": symbol, "price": str(price(symbol, at)), "time": at})
                except (WebSocketDisconnect, RuntimeError):
                    break
                await asyncio.wait({gone}, timeout=TICK_S)
        gone.cancel()


def quotes(at: float) -> str:
    """JSON text of bid and ask of every symbol at Unix time ``at``."""
    half = Decimal(str(SPREAD / 2))
    rows = []
    for symbol in SYMBOLS:
        mid = price(symbol, at)
        bid, ask = (mid * (1 - half)).quantize(_TICK), (mid * (1 + half)).quantize(_TICK)
        rows.append({"symbol": symbol, "bid": str(bid), "ask": str(ask)})
    return json.dumps({"prices": rows, "as_of": at})


async def _until_gone(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
