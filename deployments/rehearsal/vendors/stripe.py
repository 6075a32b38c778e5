"""A FAKE of Stripe's API, as much of it as is read: the account, the balance's mode, webhook endpoints."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

JsonObject = dict[str, JsonValue]
PAGE = 2


@dataclass
class Webhook:
    """An endpoint that Stripe sends events to; those of connected accounts where it has an application."""

    id: str
    url: str
    events: list[str] = field(default_factory=lambda: ["*"])
    status: str = "enabled"
    application: str | None = None


class StripeFake:
    """One account.

    Attributes:
        keys: those it takes; by its name a key is of live or of test mode, as Stripe's are.
        shut: of restricted keys, the paths that each may not ask.
        charges, payouts: whether it can take money and pay it out.
        due: what is still to be said about the business; None where Stripe says nothing of it.
        webhooks: change them at will.
    """

    def __init__(self, *keys: str) -> None:
        self.keys = set(keys)
        self.shut: dict[str, set[str]] = {}
        self.charges = True
        self.payouts = True
        self.due: list[str] | None = []
        self.webhooks: list[Webhook] = []

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(
            routes=[
                self._route("/v1/account", self._account),
                self._route("/v1/balance", self._balance),
                self._route("/v1/webhook_endpoints", self._webhooks),
            ]
        )

    def _route(self, path: str, answer: Callable[[Request], Response]) -> Route:
        def endpoint(request: Request) -> Response:
            if _key(request) not in self.keys:
                return _error(401, "Invalid API Key provided")
            if not request.headers.get("stripe-version"):
                return _error(400, "This account has no default version")
            if path in self.shut.get(_key(request), ()):
                return _error(403, "The provided key does not have the required permissions for this endpoint")
            return answer(request)

        return Route(path, endpoint)

    def _account(self, _request: Request) -> Response:
        document: JsonObject = {
            "id": "acct_1",
            "object": "account",
            "charges_enabled": self.charges,
            "payouts_enabled": self.payouts,
        }
        if self.due is not None:
            document["requirements"] = {"currently_due": list[JsonValue](self.due), "past_due": []}
        return JSONResponse(document)

    def _balance(self, request: Request) -> Response:
        live = "_live_" in _key(request)
        return JSONResponse({"object": "balance", "livemode": live, "available": [], "pending": []})

    def _webhooks(self, request: Request) -> Response:
        after = request.query_params.get("starting_after")
        ids = [one.id for one in self.webhooks]
        begin = ids.index(after) + 1 if after in ids else 0
        end = begin + min(PAGE, int(request.query_params.get("limit", "10")))
        data: list[JsonValue] = [
            {
                "id": one.id,
                "object": "webhook_endpoint",
                "url": one.url,
                "status": one.status,
                "enabled_events": list[JsonValue](one.events),
                "application": one.application,
            }
            for one in self.webhooks[begin:end]
        ]
        return JSONResponse({"object": "list", "data": data, "has_more": end < len(ids), "url": request.url.path})


def _key(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def _error(status: int, message: str) -> Response:
    body: JsonObject = {"error": {"type": "invalid_request_error", "message": message}}
    return JSONResponse(body, status_code=status)
