"""The front's paths as TradeSense has them: logging in, registering, a second factor, orders and a portfolio.

It is a stand-in: nobody is registered and no order is kept. What a well-kept one does right is a switch, here or of
the whole front.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deployments.rehearsal.vendors.front_limits import Limit
from deployments.rehearsal.vendors.front_trading import SQL_ERROR, document_of

if TYPE_CHECKING:
    from deployments.rehearsal.vendors.front import Front

TESTER, GUESSED_AT = "tminus@tradesense.example", "lockout@tradesense.example"
_SYMBOL, _ADDRESS = re.compile(r"[A-Z]{3,12}"), re.compile(r"[^@\s]+@[^@\s]+\.[a-z]+")
_QUANTITY = re.compile(r"[0-9]{1,9}(\.[0-9]{1,8})?")
_RULES: Mapping[str, re.Pattern[str]] = {
    "length": re.compile(r".{12}"),
    "capital": re.compile(r"[A-Z]"),
    "small": re.compile(r"[a-z]"),
    "digit": re.compile(r"[0-9]"),
    "sign": re.compile(r"[^A-Za-z0-9]"),
}


@dataclass
class Accounts:
    """What is so of TradeSense's accounts alone.

    Attributes:
        logins: how often one may try to log in to an account.
        registrations: how often one may register.
        attempts: wrong passwords before an account is locked; None for never.
        rules: what a password must have: `length`, `capital`, `small`, `digit`, `sign`.
        takes_no_password: no password is good enough.
        largest: bytes of an order.
        takes_any: the parts of an order at whose value nobody looks: `symbol`, `side`, `quantity`.
    """

    logins: Limit = field(default_factory=lambda: Limit(5))
    registrations: Limit = field(default_factory=lambda: Limit(3))
    attempts: int | None = 5
    rules: set[str] = field(default_factory=lambda: set(_RULES))
    takes_no_password: bool = False
    largest: int = 1024 * 1024
    takes_any: set[str] = field(default_factory=set)
    wrong: Counter[str] = field(default_factory=Counter)

    def forget(self) -> None:
        """As if nobody had tried anything yet."""
        self.logins.forget()
        self.registrations.forget()
        self.wrong.clear()

    def weak(self, password: str) -> bool:
        """Whether a password is refused."""
        return self.takes_no_password or any(not _RULES[rule].search(password) for rule in self.rules)

    def sound(self, order: Mapping[str, object]) -> bool:
        """Whether an order makes sense, where that is looked at."""
        quantity = order.get("quantity")
        said = {
            "symbol": _SYMBOL.fullmatch(str(order.get("symbol"))) is not None,
            "side": order.get("side") in {"buy", "sell"},
            "quantity": isinstance(quantity, str) and bool(_QUANTITY.fullmatch(quantity)) and float(quantity) > 0,
        }
        return all(right for part, right in said.items() if part not in self.takes_any)


@dataclass(frozen=True)
class TradeSensePaths:
    """Its paths, of the API or of the site."""

    front: "Front"

    def routes(self) -> list[Route]:
        """Each with what answers it."""
        return [
            Route("/api/login", self._login, methods=["POST"]),
            Route("/api/refresh", self._refresh, methods=["POST"]),
            Route("/api/accounts", self._register, methods=["POST"]),
            Route("/api/passwords/check", self._password, methods=["POST"]),
            Route("/api/mfa", self._second_factor),
            Route("/api/portfolio", self._portfolio),
            Route("/api/orders/preview", self._preview, methods=["POST"]),
            Route("/api/orders/{order}", self._order),
        ]

    async def _login(self, request: Request) -> Response:
        accounts, body = self.front.accounts, document_of(await request.body())
        who = str(body.get("email", ""))
        if accounts.attempts is not None and accounts.wrong[who] >= accounts.attempts:
            return JSONResponse({"error": "locked"}, 423)
        if refused := accounts.logins.refusal(self.front, who):
            return refused
        if self.front.lets_in(who, str(body.get("password"))):
            return JSONResponse(self._issued(who))
        if who in {*self.front.customers, GUESSED_AT}:
            accounts.wrong[who] += 1
        return JSONResponse({"error": "wrong e-mail or password"}, 401)

    async def _refresh(self, request: Request) -> Response:
        who = self.front.tokens.redeem(str(document_of(await request.body()).get("refresh_token", "")))
        return JSONResponse({"error": "not a refresh token"}, 401) if who is None else JSONResponse(self._issued(who))

    def _issued(self, who: str) -> dict[str, object]:
        tokens = self.front.tokens
        return {
            "token": tokens.issue(who),
            "refresh_token": tokens.refresh_token(who),
            "expires_in": tokens.lifetime,
        }

    async def _register(self, request: Request) -> Response:
        if refused := self.front.accounts.registrations.refusal(self.front, "anybody"):
            return refused
        body = document_of(await request.body())
        good = _ADDRESS.fullmatch(str(body.get("email"))) and not self.front.accounts.weak(str(body.get("password")))
        return JSONResponse({}, 201) if good else JSONResponse({"error": "no address, or a weak password"}, 422)

    async def _password(self, request: Request) -> Response:
        weak = self.front.accounts.weak(str(document_of(await request.body()).get("password", "")))
        return JSONResponse({"error": "a weak password"}, 422) if weak else JSONResponse({})

    async def _second_factor(self, request: Request) -> Response:
        return self.front.stranger(request) or JSONResponse({"enrolled": True})

    async def _portfolio(self, request: Request) -> Response:
        return self.front.stranger(request) or JSONResponse({"positions": []})

    async def _preview(self, request: Request) -> Response:
        if refused := self.front.stranger(request):
            return refused
        body = await request.body()
        if len(body) > self.front.accounts.largest:
            return JSONResponse({"error": "too large"}, 413)
        order = document_of(body)
        if not self.front.guards_sql and "'" in f"{order.get('symbol')}{order.get('side')}":
            return PlainTextResponse(SQL_ERROR, 500)
        return JSONResponse({}) if self.front.accounts.sound(order) else JSONResponse({"error": "invalid order"}, 422)

    async def _order(self, request: Request) -> Response:
        breaks = not self.front.guards_sql and "'" in request.path_params["order"]
        missing = PlainTextResponse(SQL_ERROR, 500) if breaks else JSONResponse({"error": "no such order"}, 404)
        return self.front.stranger(request) or missing
