"""Passwords and access tokens of the trading service's customers."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from typing import TYPE_CHECKING
from uuid import UUID

import jwt

from deployments.rehearsal.trading.refusal import Refused

if TYPE_CHECKING:
    from starlette.requests import Request

LIFETIME_S = 3600
ISSUER = "trading"
# About 5 ms of a core: a rehearsal logs in seldom and on few cores. A service with customers takes far more.
ITERATIONS = 10_000


def hash_password(password: str) -> str:
    """Salted PBKDF2-HMAC-SHA256 of ``password``, as ``iterations$salt$hash`` in hexadecimal."""
    salt = secrets.token_bytes(16)
    return f"{ITERATIONS}${salt.hex()}${_derive(password, salt, ITERATIONS).hex()}"


def password_matches(password: str, stored: str) -> bool:
    """Whether ``password`` gave ``stored``; compared in constant time."""
    iterations, salt, expected = stored.split("$")
    found = _derive(password, bytes.fromhex(salt), int(iterations))
    return hmac.compare_digest(found, bytes.fromhex(expected))


class AccessTokens:
    """Signed bearer tokens (JWT, HS256, one hour) that name an account."""

    def __init__(self, key: str) -> None:
        """Sign with ``key``, which all instances share."""
        self._key = key

    def issue(self, account: UUID) -> str:
        """Return a token for ``account``, valid from now for ``LIFETIME_S`` seconds."""
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": str(account), "iat": now, "exp": now + LIFETIME_S}
        return jwt.encode(claims, self._key, algorithm="HS256")

    def account_of(self, request: Request) -> UUID:
        """Account named by the request's bearer token; refuses (401) a token that is missing, forged or expired."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused(401, "not_logged_in", "send Authorization: Bearer with the token from /api/login")
        try:
            claims = jwt.decode(
                token, self._key, algorithms=["HS256"], issuer=ISSUER, options={"require": ["exp", "sub", "iss"]}
            )
            return UUID(claims["sub"])
        except (jwt.InvalidTokenError, ValueError) as error:
            raise Refused(401, "not_logged_in", "the token is not valid or has expired; log in again") from error


def _derive(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
