"""Whoever signs with what AWSCURRENT gives, and whoever verifies with the keys that are published: one of each a key.

The one who verifies keeps the published keys for exactly as long as the answer allows (`Cache-Control: max-age`), and
asks for them at no other time: a token whose key it does not know is refused. Each token is verified when it is new
and again as long as it is valid.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass

import httpx
import jwt
from jwt.exceptions import PyJWTError

from deployments.rehearsal.witness_doors import TurnedAway
from deployments.rehearsal.witness_secrets import Held

_MARGIN = 0.2  # seconds before its end from which on a token is not shown any more


@dataclass(frozen=True)
class _Token:
    text: str
    expires: float


class Tokens:
    """One signing key's tokens.

    Args:
        jwks: where the public keys are.
        lives: seconds for which a token is valid.
    """

    def __init__(self, jwks: str, lives: float) -> None:
        self._jwks = jwks
        self._lives = lives
        self._lock = threading.Lock()
        self._client = httpx.Client(trust_env=False, timeout=20)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fresh_until = 0.0
        self._valid: deque[_Token] = deque()

    def sign_and_verify(self, held: Held) -> None:
        """One new token, and the oldest that is still valid; raises TurnedAway."""
        with self._lock:
            token = self._signed(held)
            while self._valid and self._valid[0].expires < time.time() + _MARGIN:
                self._valid.popleft()
            self._valid.append(token)
            for one in (token, self._valid[0]):
                self._verify(one)

    def _signed(self, held: Held) -> _Token:
        expires = int(time.time() + self._lives)  # whole seconds, as verifiers read them (RFC 7519, 4.1.4)
        claims = {"sub": "witness", "exp": expires}
        algorithm = held.text("algorithm")
        key = held.text("private_key")
        return _Token(jwt.encode(claims, key, algorithm, headers={"kid": held.text("kid")}), expires)

    def _verify(self, token: _Token) -> None:
        if time.monotonic() >= self._fresh_until:
            self._fetch()
        kid = str(jwt.get_unverified_header(token.text).get("kid", ""))
        if kid not in self._keys:
            raise TurnedAway("key", f"{kid} is none of the keys that were published: {', '.join(sorted(self._keys))}")
        key = self._keys[kid]
        try:
            jwt.decode(token.text, key, algorithms=[str(key.algorithm_name)])
        except PyJWTError as e:
            raise TurnedAway("signature", f"{kid}: {e}") from None

    def _fetch(self) -> None:
        asked = time.monotonic()
        try:
            answer = self._client.get(self._jwks).raise_for_status()
        except httpx.HTTPError as e:
            raise TurnedAway("unreachable", f"{self._jwks}: {e}") from None
        self._keys = {str(key.key_id): key for key in jwt.PyJWKSet.from_dict(answer.json()).keys}
        self._fresh_until = asked + _max_age(answer.headers.get("Cache-Control", ""))

    def close(self) -> None:
        """Leaves."""
        self._client.close()


def _max_age(header: str) -> float:
    """Seconds; 0 where the answer may not be kept."""
    parts = dict(part.strip().partition("=")[::2] for part in header.lower().split(","))
    return 0.0 if "no-store" in parts else float(parts.get("max-age", "0") or 0)
