"""A FAKE of SendGrid's API, as much of it as is read: authenticated domains, and the key's rights."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass
class Domain:
    """A sender's domain; `missing` are those of its records that SendGrid did not find."""

    domain: str
    missing: set[str] = field(default_factory=set)


class SendGridFake:
    """One account behind a key.

    Attributes:
        domains, scopes: what it holds, and what the key may do; change them at will.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self.domains: list[Domain] = []
        self.scopes = ["mail.send", "whitelabel.read", "2fa_required", "sender_verification_eligible"]

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(
            routes=[
                self._route("/v3/whitelabel/domains", self._domains),
                self._route("/v3/scopes", lambda _request: JSONResponse({"scopes": self.scopes})),
            ]
        )

    def _route(self, path: str, answer: Callable[[Request], Response]) -> Route:
        def endpoint(request: Request) -> Response:
            if not hmac.compare_digest(request.headers.get("authorization", ""), f"Bearer {self._key}"):
                return JSONResponse({"errors": [{"message": "authorization required"}]}, status_code=401)
            return answer(request)

        return Route(path, endpoint)

    def _domains(self, request: Request) -> Response:
        if "whitelabel.read" not in self.scopes:
            return JSONResponse({"errors": [{"message": "access forbidden"}]}, status_code=403)
        wanted = request.query_params.get("domain", "")
        begin, limit = int(request.query_params.get("offset", "0")), int(request.query_params.get("limit", "50"))
        found = [one for one in self.domains if wanted in one.domain]
        return JSONResponse(
            [
                {
                    "id": begin + n,
                    "domain": one.domain,
                    "subdomain": "em",
                    "valid": not one.missing,
                    "dns": {
                        name: {"valid": name not in one.missing, "type": "cname", "host": f"{host}.{one.domain}"}
                        for name, host in (("mail_cname", "em"), ("dkim1", "s1._domainkey"), ("dkim2", "s2._domainkey"))
                    },
                }
                for n, one in enumerate(found[begin : begin + limit])
            ]
        )
