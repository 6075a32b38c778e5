"""A FAKE of an Open Policy Agent: its policies by name, and decisions by rules that are plain Python.

Served, as https://www.openpolicyagent.org/docs/rest-api describes it: GET /v1/policies, and POST /v1/data/{path} with
an input. A document that no rule defines has no `result`. With a token set, requests without it are refused.

Left out: Rego itself, writing, queries, compilation, bundles, health, metrics.
"""

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Rule = Callable[[dict[str, JsonValue]], JsonValue]


def by_role(given: dict[str, JsonValue]) -> JsonValue:
    """Operators may do everything, customers place and read orders of their own, and everybody else nothing."""
    user, what = given.get("user"), given.get("resource")
    if not isinstance(user, dict) or not isinstance(what, dict):
        return False
    if user.get("role") == "operator":
        return True
    own = what.get("type") == "order" and user.get("id") is not None and user.get("id") == what.get("owner")
    return user.get("role") == "customer" and given.get("action") in {"place", "read"} and own


@dataclass
class OpaFake:
    """An agent.

    Attributes:
        token: the bearer's token that it wants; "" where it asks for none.
        policies: name → Rego, which is shown and not run.
        rules: document (`vatic/authz/allow`) → what decides; a rule that gives None is undefined.
    """

    token: str = ""
    policies: dict[str, str] = field(
        default_factory=lambda: {
            "bundles/vatic/authz.rego": "package vatic.authz\n\ndefault allow := false\n",
            "bundles/vatic/limits.rego": "package vatic.limits\n",
        }
    )
    rules: dict[str, Rule] = field(default_factory=lambda: {"vatic/authz/allow": by_role})

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/v1/policies", self._list, methods=["GET"]),
                Route("/v1/data/{path:path}", self._decide, methods=["POST"]),
            ]
        )

    async def _list(self, request: Request) -> Response:
        found = [{"id": name, "raw": raw, "ast": {"package": {"path": []}}} for name, raw in self.policies.items()]
        return self._refuse(request) or JSONResponse({"result": found})

    async def _decide(self, request: Request) -> Response:
        if refused := self._refuse(request):
            return refused
        try:
            body = json.loads(await request.body())
        except ValueError:
            return JSONResponse({"code": "invalid_parameter", "message": "body contains malformed input document"}, 400)
        given = body.get("input") if isinstance(body, dict) else None
        rule = self.rules.get(request.path_params["path"])
        result = rule(given if isinstance(given, dict) else {}) if rule else None
        said = {"decision_id": "5f1c7f9e-0000-4000-8000-000000000001"}
        return JSONResponse(said if result is None else {**said, "result": result})

    def _refuse(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        if not self.token or hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            return None
        return JSONResponse({"code": "unauthorized", "message": "request rejected by administrative policy"}, 401)
