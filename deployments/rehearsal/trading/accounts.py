"""Accounts and log-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.errors import UniqueViolation
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.rehearsal.trading.credentials import LIFETIME_S, AccessTokens, hash_password, password_matches
from deployments.rehearsal.trading.rate_limit import RateLimit
from deployments.rehearsal.trading.refusal import Refused
from deployments.rehearsal.trading.request_fields import RequestFields

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from deployments.rehearsal.trading.database import Database

LOGIN_BURST = 10
LOGINS_PER_SECOND = 2.0


class Accounts:
    """The account endpoints. Only accounts flagged synthetic can be deleted, each by itself."""

    def __init__(self, database: Database, tokens: AccessTokens) -> None:
        self._database = database
        self._tokens = tokens
        self._limit = RateLimit(burst=LOGIN_BURST, per_second=LOGINS_PER_SECOND)

    def routes(self) -> list[BaseRoute]:
        """POST /api/accounts, POST /api/login, DELETE /api/accounts/{account_id}."""
        return [
            Route("/api/accounts", self._create, methods=["POST"]),
            Route("/api/accounts/{account_id:uuid}", self._delete, methods=["DELETE"]),
            Route("/api/login", self._log_in, methods=["POST"]),
        ]

    async def _create(self, request: Request) -> Response:
        fields = await RequestFields.of(request)
        email, password, synthetic = fields.text("email"), fields.text("password"), fields.flag("synthetic")
        try:
            rows = await self._database.write(
                "INSERT INTO accounts (email, password_hash, synthetic) VALUES (%s, %s, %s) RETURNING id",
                (email, hash_password(password), synthetic),
            )
        except UniqueViolation as error:
            raise Refused(409, "email_taken", "an account with this e-mail address exists") from error
        return JSONResponse({"id": str(rows[0][0]), "email": email, "synthetic": synthetic}, 201)

    async def _log_in(self, request: Request) -> Response:
        fields = await RequestFields.of(request)
        email, password = fields.text("email"), fields.text("password")
        client = request.client.host if request.client else ""
        if not self._limit.allows((client, email)):
            raise Refused(429, "too_many_logins", "too many log-ins for this account; wait a second", retry_after=1)
        rows = await self._database.read("SELECT id, password_hash FROM accounts WHERE email = %s", (email,))
        if not rows or not password_matches(password, rows[0][1]):
            raise Refused(401, "wrong_credentials", "e-mail address or password is wrong")
        token = self._tokens.issue(rows[0][0])
        answer = {"account": str(rows[0][0]), "token": token, "token_type": "Bearer", "expires_in": LIFETIME_S}
        return JSONResponse(answer)

    async def _delete(self, request: Request) -> Response:
        account = self._tokens.account_of(request)
        if request.path_params["account_id"] != account:
            raise Refused(403, "not_your_account", "an account can be deleted by itself only")
        rows = await self._database.write(
            """WITH wanted AS (SELECT id FROM accounts WHERE id = %s AND synthetic),
                    unlisted AS (DELETE FROM journal WHERE account_id IN (SELECT id FROM wanted)),
                    emptied AS (DELETE FROM orders WHERE account_id IN (SELECT id FROM wanted))
               DELETE FROM accounts WHERE id IN (SELECT id FROM wanted) RETURNING id""",
            (account,),
        )
        if not rows:
            raise Refused(403, "not_synthetic", "only an account flagged synthetic can be deleted")
        return Response(status_code=204)
