"""A FAKE of a vendor whose API makes API keys, as many have one: lists in pages, shows a key once, can disable it."""

import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ADMIN = "canary-admin-2b7e151628aed2a6"
PAGE = 2


def policy(endpoint: str, admin: str) -> dict[str, object]:
    """What a book says of one of its keys, besides names, times and when it was used.

    `endpoint` is where the vendor is, `admin` refers to what opens its pages for the admin.
    """
    return {
        "kind": "http.key",
        "endpoint": endpoint,
        "admin": admin,
        "header": "X-Api-Key: {key}",
        "make": {"path": "/v1/keys", "body": {"key": {"name": "{mark}"}}, "value": "/data/secret", "id": "/data/id"},
        "listing": {"path": "/v1/keys", "keys": "/data", "id": "/id", "mark": "/name", "next": "/links/next"},
        "revoke": {"method": "DELETE", "path": "/v1/keys/{id}"},
        "disable": {"method": "POST", "path": "/v1/keys/{id}/disable"},
        "enable": {"method": "POST", "path": "/v1/keys/{id}/enable"},
        "can": [{"path": "/v1/orders?limit=1"}],
        "cannot": [{"path": "/v1/payouts"}],
        "settles": "0s",
    }


@dataclass
class Key:
    """One key."""

    id: str
    value: str
    name: str
    disabled: bool = False
    revoked: bool = False
    used: datetime | None = None


@dataclass
class KeyVendor:
    """One account.

    Attributes:
        keys: it has, revoked ones too.
        longest_name: what is longer is cut off, as some do.
        heard: every address that was asked, with its query.
        lost: whether the answer to the making of a key breaks off.
        lets_in: keys that are let in although they are revoked: what an edge cache does.
        wide_open: whether keys open the admin's pages too.
        for_everybody: whether the orders are open to everybody.
        one_only: whether making a key revokes the others.
        unlisted: keys that its list does not show yet.
        broken: a part of the paths that it answers with an error.
    """

    keys: list[Key] = field(default_factory=list)
    longest_name: int = 200
    heard: list[str] = field(default_factory=list)
    lost: bool = False
    lets_in: set[str] = field(default_factory=set)
    wide_open: bool = False
    for_everybody: bool = False
    one_only: bool = False
    unlisted: list[Key] = field(default_factory=list)
    broken: str = ""

    def made(self, name: str) -> Key:
        """A new key."""
        key = Key(f"key_{len(self.keys) + 1}", f"canary-key-{secrets.token_hex(16)}", name[: self.longest_name])
        if self.one_only:
            for one in self.keys:
                one.revoked = True
        self.keys.append(key)
        return key

    @property
    def alive(self) -> list[Key]:
        """Those that are not revoked."""
        return [one for one in self.keys if not one.revoked]

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(
            routes=[
                Route("/v1/keys", self._make, methods=["POST"]),
                Route("/v1/keys", self._list),
                Route("/v1/keys/{id}", self._one),
                Route("/v1/keys/{id}", self._revoke, methods=["DELETE"]),
                Route("/v1/keys/{id}/{what}", self._switch, methods=["POST"]),
                Route("/v1/orders", self._orders),
                Route("/v1/payouts", self._payouts),
            ]
        )

    def _admin(self, request: Request) -> Response | None:
        self.heard.append(str(request.url))
        if self.broken and self.broken in request.url.path:
            return Response("out of order", 503)
        right = request.headers.get("authorization") == f"Bearer {ADMIN}"
        return None if right else JSONResponse({"error": "who are you?"}, 401)

    async def _make(self, request: Request) -> Response:
        if no := self._admin(request):
            return no
        key = self.made(str(json.loads(await request.body())["key"]["name"]))
        if self.lost:
            return Response("gateway timeout", 504)
        return JSONResponse({"data": {"id": key.id, "secret": key.value}}, 201)

    async def _list(self, request: Request) -> Response:
        if no := self._admin(request):
            return no
        begin = int(request.query_params.get("from", "0"))
        listed = [one for one in self.alive if one not in self.unlisted]
        shown: list[JsonValue] = [{"id": one.id, "name": one.name} for one in listed[begin : begin + PAGE]]
        more = f"{request.base_url}v1/keys?from={begin + PAGE}" if begin + PAGE < len(listed) else None
        return JSONResponse({"data": shown, "links": {"next": more}})

    async def _one(self, request: Request) -> Response:
        if no := self._admin(request):
            return no
        known = [one for one in self.alive if one.id == request.path_params["id"]]
        if not known:
            return JSONResponse({"error": "no such key"}, 404)
        [key] = known
        return JSONResponse({"id": key.id, "last_used_at": key.used.isoformat() if key.used else None})

    async def _revoke(self, request: Request) -> Response:
        if no := self._admin(request):
            return no
        for one in self.alive:
            if one.id == request.path_params["id"]:
                one.revoked = True
                return Response(status_code=204)
        return JSONResponse({"error": "no such key"}, 404)

    async def _switch(self, request: Request) -> Response:
        if no := self._admin(request):
            return no
        known = [one for one in self.alive if one.id == request.path_params["id"]]
        if not known:
            return JSONResponse({"error": "no such key"}, 404)
        [key] = known
        key.disabled = request.path_params["what"] == "disable"
        return JSONResponse({"id": key.id})

    def _user(self, request: Request) -> Key | None:
        self.heard.append(str(request.url))
        given = request.headers.get("x-api-key", "")
        for one in self.keys:
            if one.value == given and (given in self.lets_in or not (one.disabled or one.revoked)):
                one.used = datetime.now(UTC)
                return one
        return None

    async def _orders(self, request: Request) -> Response:
        known = self._user(request) is not None or self.for_everybody
        return JSONResponse({"data": []}) if known else JSONResponse({"error": "unknown key"}, 401)

    async def _payouts(self, request: Request) -> Response:
        if self._user(request) is None:
            return JSONResponse({"error": "unknown key"}, 401)
        return JSONResponse({"data": []}) if self.wide_open else JSONResponse({"error": "not yours"}, 403)
