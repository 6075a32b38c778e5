"""What the front tells browsers, on every answer: its security headers, and which other pages may read it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OURS = "https://app.vatic.example"
_POLICY = "default-src 'self'; script-src 'self'; object-src 'none'; frame-ancestors 'none'"
Instead = Callable[[str], Awaitable[Response | None]]


def _well_kept() -> dict[str, str]:
    return {
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
        "Content-Security-Policy": _POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-XSS-Protection": "0",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }


@dataclass
class BrowserRules:
    """What browsers are told.

    Attributes:
        headers: name → value, on every answer.
        differing: side (`api`, `site`) → what is otherwise there; an empty value is not sent.
        origins: the pages that may read answers; `*` for all, `reflected` for whoever asks.
        credentials: whether those may do so in their customer's name.
        cookie: the attributes of the session's cookie.
    """

    headers: dict[str, str] = field(default_factory=_well_kept)
    differing: dict[str, dict[str, str]] = field(default_factory=dict)
    origins: str = OURS
    credentials: bool = True
    cookie: str = "Path=/; HttpOnly; Secure; SameSite=Lax"

    def add_cookie(self, response: Response) -> None:
        """Opens a session."""
        response.headers.append("Set-Cookie", f"session=0123456789abcdef; {self.cookie}")

    def sent(self, side: str) -> dict[str, str]:
        """The headers of one side."""
        told = {**self.headers, **self.differing.get(side, {})}
        return {name: value for name, value in told.items() if value}

    def for_origin(self, origin: str) -> dict[str, str]:
        """What a page of that origin is told; nothing where it may not read the answer."""
        if not origin or (self.origins not in {"*", "reflected", origin}):
            return {}
        found = {"Access-Control-Allow-Origin": "*" if self.origins == "*" else origin, "Vary": "Origin"}
        return {**found, "Access-Control-Allow-Credentials": "true"} if self.credentials else found


def with_browser_rules(app: ASGIApp, rules: BrowserRules, instead: Instead, side: str) -> ASGIApp:
    """The application, its answers with these headers; preflights are answered here."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        request = Request(scope)
        told = {**rules.sent(side), **rules.for_origin(request.headers.get("Origin", ""))}

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.lower().encode(), value.encode()) for name, value in told.items()]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        behind: ASGIApp = await instead(request.url.path) or app
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            behind = Response(status_code=204)
        await behind(scope, receive, tell)

    return answer
