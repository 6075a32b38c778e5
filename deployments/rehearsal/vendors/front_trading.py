"""The front's trading API: what customers and operators do with a token, as a well-kept one lets them.

It is a stand-in: no order is kept, and nothing is paid out. Each thing that it does right is a switch, here or of the
whole front, so that it can be made to do it wrong.
"""

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deployments.rehearsal.vendors.front_limits import Limit

if TYPE_CHECKING:
    from deployments.rehearsal.vendors.front import Front

OPERATOR = "operator@example.com"
SQL_ERROR = 'ERROR: syntax error at or near "OR" (SQLSTATE 42601)\n'
_SYMBOL = re.compile(r"[A-Z]{3,12}")
_TOKEN = "csrf_token"  # noqa: S105 - the name of a cookie


@dataclass
class Trading:
    """What is so of the trading API alone.

    Attributes:
        checks_orders: an order that makes no sense is refused.
        asks_for_roles: what is for operators is refused to customers.
        limit: how often a user may ask for orders.
    """

    checks_orders: bool = True
    asks_for_roles: bool = True
    limit: Limit = field(default_factory=lambda: Limit(100))

    def wrong(self, order: dict[str, object]) -> bool:
        """Whether an order makes no sense, where that is looked at."""
        quantity = order.get("quantity")
        sound = isinstance(quantity, int | float) and quantity > 0 and order.get("side") in {"buy", "sell"}
        return self.checks_orders and not (sound and _SYMBOL.fullmatch(str(order.get("symbol"))))


@dataclass(frozen=True)
class TradingPaths:
    """The trading API's paths, of the API itself or of the site, whose changes need the token of a page."""

    front: "Front"
    site: bool

    def routes(self) -> list[Route]:
        """Each with what answers it."""
        return [
            Route("/orders", self._orders, methods=["GET", "POST"]),
            Route("/orders/preview", self._preview, methods=["POST"]),
            Route("/orders/{order}", self._one_order),
            Route("/withdrawals", self._withdrawals, methods=["POST"]),
            Route("/preferences", self._preferences, methods=["PUT"]),
            Route("/admin/withdrawals", self._administration),
            Route("/admin/accounts", self._administration),
        ]

    async def _orders(self, request: Request) -> Response:
        refused = self.front.stranger(request) or self.front.trading.limit.refusal(
            self.front, self.front.subject(request) or ""
        )
        if refused:
            return refused
        return JSONResponse({"orders": []}) if request.method == "GET" else await self._placed(request, 201)

    async def _preview(self, request: Request) -> Response:
        return self.front.stranger(request) or await self._placed(request, 200)

    async def _placed(self, request: Request, accepted: int) -> Response:
        body = await request.body()
        if len(body) > self.front.largest:
            return JSONResponse({"error": "too large"}, 413)
        order = document_of(body)
        if not self.front.guards_sql and "'" in str(order.get("symbol")):
            return PlainTextResponse(SQL_ERROR, 500)
        wrong = self.front.trading.wrong(order)
        return JSONResponse({"error": "invalid order"}, 422) if wrong else JSONResponse({}, accepted)

    async def _one_order(self, request: Request) -> Response:
        breaks = not self.front.guards_sql and "'" in request.path_params["order"]
        missing = PlainTextResponse(SQL_ERROR, 500) if breaks else JSONResponse({"error": "no such order"}, 404)
        return self.front.stranger(request) or missing

    async def _withdrawals(self, request: Request) -> Response:
        return self.front.stranger(request) or JSONResponse({"error": "invalid withdrawal"}, 422)

    async def _preferences(self, request: Request) -> Response:
        token = request.headers.get("X-CSRF-Token")
        forged = not token or token != request.cookies.get(_TOKEN)
        if refused := self.front.stranger(request):
            return refused
        if self.site and self.front.checks_csrf and forged:
            return JSONResponse({"error": "the page's token is missing"}, 403)
        return JSONResponse({"saved": True})

    async def _administration(self, request: Request) -> Response:
        if refused := self.front.stranger(request):
            return refused
        if self.front.trading.asks_for_roles and self.front.subject(request) != OPERATOR:
            return JSONResponse({"error": "operators only"}, 403)
        return JSONResponse([])


def document_of(body: bytes) -> dict[str, object]:
    """The JSON object that a body is; an empty one where it is none."""
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
