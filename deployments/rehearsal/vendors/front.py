"""A small trading platform's front end, served on loopback for checks to look at.

It is no product: it behaves as a well-kept front does, and each thing that it does right is a switch, so that it can
be made to do it wrong. It knows nothing of what a check expects.
"""

import asyncio
import html
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from deployments.rehearsal.vendors.front_delivery import Delivery
from deployments.rehearsal.vendors.front_headers import BrowserRules, with_browser_rules
from deployments.rehearsal.vendors.front_stream import Stream
from deployments.rehearsal.vendors.front_tokens import Tokens
from deployments.rehearsal.vendors.front_tradesense import TESTER, Accounts, TradeSensePaths
from deployments.rehearsal.vendors.front_trading import SQL_ERROR, Trading, TradingPaths

CUSTOMER = "probe@example.com"
PASSWORD = "correct horse battery staple"  # noqa: S105 - of an account that lives for one test
_BURST = 3  # requests to /api/quotes
_TRACE = 'Traceback (most recent call last):\n  File "/srv/app/orders.py", line 41, in find\nKeyError: 0\n'
_ACCOUNTS = "root:x:0:0:root:/root:/bin/bash\n"


@dataclass
class Front:
    """The front. Its fields may be changed while it is served; the defaults are well-kept.

    Attributes:
        customers: who may log in, each with the same password.
        components: part → the word for how it is.
        unwell: the health page says that it is not well.
        described: the paths that its own description has.
        broken: path → status answered instead.
        broken_of_site: the same, of the site alone.
        texts: path → plain text answered instead.
        slow: seconds before each answer.
        open_paths: protected paths that ask for no token.
        lax_paths: protected paths that ask for a token, and believe any.
        checks_csrf: a changed profile wants the form's token.
        escapes: what a customer typed is escaped in pages.
        guards_sql: what a customer typed is a parameter of the query; otherwise it breaks it.
        guards_files: names of files that lead out of their folder are refused.
        hides_errors: an error's page says nothing of where it happened.
        shortest_password: characters.
        largest: bytes of a body.
        rate: requests to /api/prices in a window; None for no limit.
        window: seconds of a window.
        rests: seconds for which /api/quotes refuses everything after its third request.
        tells_when: a refusal for the rate says when to come back.
        attempts: wrong passwords before an account is locked; None for never.
        logins_fail: nobody is let in.
        server_age: seconds since the answer of /api/status was made.
    """

    tokens: Tokens = field(default_factory=Tokens)
    browser: BrowserRules = field(default_factory=BrowserRules)
    delivery: Delivery = field(default_factory=Delivery)
    stream: Stream = field(default_factory=Stream)
    trading: Trading = field(default_factory=Trading)
    accounts: Accounts = field(default_factory=Accounts)
    customers: tuple[str, ...] = (CUSTOMER, "tminus@vatic.example", TESTER)
    components: dict[str, str] = field(
        default_factory=lambda: dict.fromkeys(("database", "redis", "kafka", "stripe", "worker"), "up")
    )
    unwell: bool = False
    described: tuple[str, ...] = ("/api/orders", "/api/account")
    broken: dict[str, int] = field(default_factory=dict)
    broken_of_site: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    slow: float = 0.0
    open_paths: set[str] = field(default_factory=set)
    lax_paths: set[str] = field(default_factory=set)
    checks_csrf: bool = True
    escapes: bool = True
    guards_sql: bool = True
    guards_files: bool = True
    hides_errors: bool = True
    shortest_password: int = 12
    largest: int = 64 * 1024
    rate: int | None = 20
    window: float = 60.0
    rests: float = 0.2
    tells_when: bool = True
    attempts: int | None = 5
    logins_fail: bool = False
    server_age: float = 60.0
    figures: dict[str, object] = field(default_factory=lambda: {"fill_rate": 0.998, "latency_ms": 12, "mode": "live"})
    _asked: Counter[str] = field(default_factory=Counter)
    _since: float = field(default_factory=time.monotonic)
    _wrong: Counter[str] = field(default_factory=Counter)
    _tired_since: float | None = None

    def forget(self) -> None:
        """As if nobody had been here yet: nothing counted, nobody locked out."""
        self._asked.clear()
        self._wrong.clear()
        self._tired_since = None
        self._since = time.monotonic()
        self.delivery.forget()
        self.trading.limit.forget()
        self.accounts.forget()

    def app(self, *, site: bool = False) -> ASGIApp:
        """The web application: the API, or the site that is for pages."""
        routes = [
            *TradingPaths(self, site).routes(),
            *TradeSensePaths(self).routes(),
            Route("/health", self._health),
            Route("/ready", self._health),
            Route("/openapi.json", self._described),
            Route("/api/status", self._status),
            Route("/api/prices", self._prices),
            Route("/api/quotes", self._quotes),
            Route("/api/orders", self._orders, methods=["GET", "POST"]),
            Route("/api/account", self._account),
            Route("/api/positions", self._account),
            Route("/api/profile", self._profile, methods=["POST"]),
            Route("/api/register", self._register, methods=["POST"]),
            Route("/api/uploads", self._upload, methods=["POST"]),
            Route("/auth/login", self._login, methods=["POST"]),
            Route("/auth/refresh", self._refresh, methods=["POST"]),
            Route("/.well-known/jwks.json", self._keys),
            Route("/search", self._search),
            Route("/files/{name:path}", self._file),
            Route("/assets/{name}", self.delivery.answer),
            Route("/", self._page),
            WebSocketRoute("/stream", self.stream.socket(self.tokens)),
        ]
        instead = partial(self._instead, self.broken_of_site if site else {})
        return with_browser_rules(Starlette(routes=routes), self.browser, instead, "site" if site else "api")

    async def _instead(self, alone: Mapping[str, int], path: str) -> Response | None:
        """What is answered instead of what the path has, here `alone` or everywhere."""
        await asyncio.sleep(self.slow)
        if broken := {**self.broken, **alone}.get(path):
            return PlainTextResponse("broken", broken)
        return PlainTextResponse(self.texts[path]) if path in self.texts else None

    async def _health(self, _request: Request) -> Response:
        words = set(self.components.values())
        word = "unhealthy" if self.unwell or words != {"up"} else "healthy"
        parts = {name: {"status": word} for name, word in self.components.items()}
        return JSONResponse({"status": word, "components": parts}, 200 if word == "healthy" else 503)

    async def _described(self, _request: Request) -> Response:
        paths: dict[str, object] = {path: {"get": {"responses": {}}} for path in self.described}
        return JSONResponse({"openapi": "3.1.0", "info": {"title": "Vatic", "version": "1"}, "paths": paths})

    async def _status(self, _request: Request) -> Response:
        made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - self.server_age))
        return JSONResponse({"made_at": made, "figures": self.figures, "regions": ["eu-west-1", "us-east-1"]})

    async def _prices(self, _request: Request) -> Response:
        passed = time.monotonic() - self._since
        if passed > self.window:
            self._asked.clear()
            self._since, passed = time.monotonic(), 0.0
        self._asked["prices"] += 1
        if self.rate is not None and self._asked["prices"] > self.rate:
            left = {"Retry-After": str(round(self.window - passed + 0.5))} if self.tells_when else {}
            return JSONResponse({"error": "too many requests"}, 429, headers=left)
        return JSONResponse({"BTC-USD": "61234.50"})

    async def _quotes(self, _request: Request) -> Response:
        if self._tired_since is not None and time.monotonic() - self._tired_since >= self.rests:
            self._tired_since, self._asked["quotes"] = None, 0
        self._asked["quotes"] += 1
        if self._asked["quotes"] <= _BURST:
            return JSONResponse({"BTC-USD": "61234.50"})
        self._tired_since = time.monotonic() if self._tired_since is None else self._tired_since
        return JSONResponse({"error": "too many requests"}, 429)

    async def _orders(self, request: Request) -> Response:
        if refused := self.stranger(request):
            return refused
        if request.method == "GET":
            return JSONResponse({"orders": []})
        order = await _document(request)
        quantity = order.get("quantity")
        valid = isinstance(quantity, int) and quantity > 0 and order.get("side") in {"buy", "sell"}
        return JSONResponse({"order": 1}, 201) if valid else JSONResponse({"error": "invalid order"}, 422)

    async def _account(self, request: Request) -> Response:
        return self.stranger(request) or JSONResponse({"balance": "1000.00"})

    async def _profile(self, request: Request) -> Response:
        if refused := self.stranger(request):
            return refused
        if self.checks_csrf and request.headers.get("X-CSRF-Token") != "of-this-form":
            return JSONResponse({"error": "the form's token is missing"}, 403)
        return JSONResponse({"saved": True})

    async def _register(self, request: Request) -> Response:
        password = str((await _document(request)).get("password", ""))
        if len(password) < self.shortest_password:
            return JSONResponse({"error": "the password is too short"}, 422)
        return JSONResponse({"registered": True}, 201)

    async def _upload(self, request: Request) -> Response:
        if refused := self.stranger(request):
            return refused
        size = sum([len(chunk) async for chunk in request.stream()])
        return JSONResponse({"error": "too large"}, 413) if size > self.largest else JSONResponse({"bytes": size}, 201)

    async def _login(self, request: Request) -> Response:
        body = await _document(request)
        who = str(body.get("email", ""))
        if self.attempts is not None and self._wrong[who] >= self.attempts:
            return JSONResponse({"error": "locked"}, 423)
        if not self.guards_sql and "'" in who:
            return PlainTextResponse(SQL_ERROR, 500)
        if not self.lets_in(who, str(body.get("password"))):
            self._wrong[who] += 1
            return JSONResponse({"error": "wrong e-mail or password"}, 401)
        return JSONResponse(self._issued(who))

    async def _refresh(self, request: Request) -> Response:
        who = self.tokens.redeem(str((await _document(request)).get("refresh_token", "")))
        return JSONResponse({"error": "not a refresh token"}, 401) if who is None else JSONResponse(self._issued(who))

    def _issued(self, who: str) -> dict[str, object]:
        return {
            "access_token": self.tokens.issue(who),
            "refresh_token": self.tokens.refresh_token(who),
            "token_type": "Bearer",
            "expires_in": self.tokens.lifetime,
        }

    async def _keys(self, _request: Request) -> Response:
        kept = {"Cache-Control": f"public, max-age={self.tokens.keys_kept}"} if self.tokens.keys_kept else {}
        return JSONResponse(self.tokens.key_set(), headers=kept)

    async def _search(self, request: Request) -> Response:
        asked = request.query_params.get("q", "")
        if not asked:
            return JSONResponse({"error": "q is missing"}, 400)
        if "'" in asked:
            if not self.guards_sql:
                return PlainTextResponse(SQL_ERROR, 500)
            return JSONResponse({"error": "no such symbol"}, 400)
        if asked == "0" and not self.hides_errors:
            return PlainTextResponse(_TRACE, 500)
        shown = html.escape(asked) if self.escapes else asked
        status = 200 if asked.isalnum() else 400
        return HTMLResponse(f"<p>Nothing was found for {shown}</p>", status)

    async def _file(self, request: Request) -> Response:
        if ".." in unquote(request.path_params["name"]):
            return JSONResponse({"error": "no such file"}, 404) if self.guards_files else PlainTextResponse(_ACCOUNTS)
        return PlainTextResponse("terms of service\n")

    async def _page(self, _request: Request) -> Response:
        page = HTMLResponse('<!doctype html><title>Vatic</title><dialog id="cookie-consent" open></dialog>')
        self.browser.add_cookie(page)
        return page

    def lets_in(self, who: str, password: str) -> bool:
        """Whether a customer has given the right password."""
        return not self.logins_fail and who in self.customers and password == PASSWORD

    def subject(self, request: Request) -> str | None:
        """Who asks; None where nobody is known to."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return self.tokens.subject(token) if kind == "Bearer" else None

    def stranger(self, request: Request) -> Response | None:
        """The refusal, where nobody is known to ask."""
        path = request.url.path
        if self.subject(request) is not None or path in self.open_paths:
            return None
        if path in self.lax_paths and "Authorization" in request.headers:
            return None
        return JSONResponse({"error": "log in first"}, 401, headers={"WWW-Authenticate": "Bearer"})


async def _document(request: Request) -> dict[str, object]:
    try:
        document = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return {}
    return document if isinstance(document, dict) else {}
