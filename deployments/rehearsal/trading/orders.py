"""Orders and the portfolio that follows from them."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import TYPE_CHECKING

from psycopg.errors import ForeignKeyViolation
from starlette.responses import JSONResponse
from starlette.routing import Route

from deployments.rehearsal.trading.market import SYMBOLS, price
from deployments.rehearsal.trading.refusal import Refused
from deployments.rehearsal.trading.request_fields import RequestFields

if TYPE_CHECKING:
    from uuid import UUID

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from deployments.rehearsal.trading.cache import Cache
    from deployments.rehearsal.trading.credentials import AccessTokens
    from deployments.rehearsal.trading.database import Database
    from deployments.rehearsal.trading.meters import Meters
    from deployments.rehearsal.trading.settings import Settings

LISTED = 50
POSITIONS_FOR_MS = 2000
EXPOSURE_SINCE_MAJOR = 2

PLACE = """WITH placed AS (INSERT INTO orders (account_id, symbol, side, quantity, price, service_version)
                           VALUES (%s, %s, %s, %s, %s, %s) RETURNING id, account_id),
                noted AS (INSERT INTO journal (account_id, order_id, entry, instance)
                          SELECT account_id, id, 'placed', %s FROM placed)
           SELECT id FROM placed"""
CANCEL = """WITH cancelled AS (UPDATE orders SET status = 'cancelled', cancelled_at = now()
                               WHERE id = %s AND account_id = %s AND status = 'open' RETURNING id, account_id),
                 noted AS (INSERT INTO journal (account_id, order_id, entry, instance)
                           SELECT account_id, id, 'cancelled', %s FROM cancelled)
            SELECT id FROM cancelled"""
POSITIONS = """SELECT symbol, sum(CASE side WHEN 'buy' THEN quantity ELSE -quantity END) FROM orders
               WHERE account_id = %s AND status = 'open' GROUP BY symbol ORDER BY symbol"""


class Orders:
    """The order endpoints. An order and its journal entry are stored in one statement: neither is without the other."""

    def __init__(
        self, settings: Settings, database: Database, cache: Cache, tokens: AccessTokens, meters: Meters
    ) -> None:
        self._settings = settings
        self._database = database
        self._cache = cache
        self._tokens = tokens
        self._meters = meters

    def routes(self) -> list[BaseRoute]:
        """POST and GET /api/orders, DELETE /api/orders/{order_id}, GET /api/portfolio."""
        return [
            Route("/api/orders", self._place, methods=["POST"]),
            Route("/api/orders", self._list, methods=["GET"]),
            Route("/api/orders/{order_id:int}", self._cancel, methods=["DELETE"]),
            Route("/api/portfolio", self._portfolio, methods=["GET"]),
        ]

    async def _place(self, request: Request) -> Response:
        account = self._tokens.account_of(request)
        fields = await RequestFields.of(request)
        symbol, side = fields.choice("symbol", SYMBOLS), fields.choice("side", ("buy", "sell"))
        quantity, at = fields.quantity("quantity"), price(symbol, time.time())
        build = self._settings
        try:
            rows = await self._database.write(
                PLACE, (account, symbol, side, quantity, at, build.version, build.instance)
            )
        except ForeignKeyViolation as error:
            raise Refused(401, "not_logged_in", "the account of this token no longer exists") from error
        self._meters.orders_placed.inc()
        await self._cache.drop(_positions_key(account))
        placed = {"id": rows[0][0], "symbol": symbol, "side": side, "quantity": str(quantity), "price": str(at)}
        return JSONResponse({**placed, "status": "open"}, 201)

    async def _list(self, request: Request) -> Response:
        account = self._tokens.account_of(request)
        rows = await self._database.read(
            """SELECT id, symbol, side, quantity::text, price::text, status FROM orders
               WHERE account_id = %s ORDER BY id DESC LIMIT %s""",
            (account, LISTED),
        )
        names = ("id", "symbol", "side", "quantity", "price", "status")
        return JSONResponse({"orders": [dict(zip(names, row, strict=True)) for row in rows]})

    async def _cancel(self, request: Request) -> Response:
        account = self._tokens.account_of(request)
        order: int = request.path_params["order_id"]
        if await self._database.write(CANCEL, (order, account, self._settings.instance)):
            await self._cache.drop(_positions_key(account))
            return JSONResponse({"id": order, "status": "cancelled"})
        known = await self._database.read("SELECT 1 FROM orders WHERE id = %s AND account_id = %s", (order, account))
        if known:
            raise Refused(409, "not_open", f"order {order} is not open any more")
        raise Refused(404, "no_such_order", f"this account has no order {order}")

    async def _portfolio(self, request: Request) -> Response:
        account = self._tokens.account_of(request)
        now = time.time()
        rows, value, exposure = [], Decimal(0), Decimal(0)
        for symbol, quantity in (await self._positions(account)).items():
            worth = (Decimal(quantity) * price(symbol, now)).quantize(Decimal("0.01"))
            value, exposure = value + worth, exposure + abs(worth)
            rows.append({"symbol": symbol, "quantity": quantity, "value": str(worth)})
        answer: dict[str, object] = {"account": str(account), "positions": rows, "value": str(value)}
        if self._settings.major >= EXPOSURE_SINCE_MAJOR:
            answer["exposure"] = str(exposure)
        return JSONResponse(answer)

    async def _positions(self, account: UUID) -> dict[str, str]:
        """Open quantity per symbol, as decimal strings; the same for every version, so versions can share the cache."""
        key = _positions_key(account)
        cached = await self._cache.get(key)
        if cached is not None:
            return {str(symbol): str(quantity) for symbol, quantity in json.loads(cached).items()}
        rows = await self._database.read(POSITIONS, (account,))
        positions = {str(symbol): str(quantity) for symbol, quantity in rows}
        await self._cache.put(key, json.dumps(positions), for_ms=POSITIONS_FOR_MS)
        return positions


def _positions_key(account: UUID) -> str:
    return f"positions:{account}"
