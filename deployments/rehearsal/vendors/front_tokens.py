"""What the front's tokens are signed with, and how they are made and read.

Elliptic-curve keys, since they are made in a millisecond. The switches say what may be wrong with a token.
"""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://api.vatic.example"
_KEY_ID = "2026-11"


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _short_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505 - too short is what it is for


@dataclass
class Tokens:
    """Signs access tokens, and remembers which refresh tokens are still good.

    Attributes:
        lifetime: seconds from a token's issue to its end.
        unsigned: the front hands out tokens that nobody signed.
        endless: its tokens say nothing of their end.
        takes_unsigned: it believes a token that says that it needs no signature.
        takes_any_signature: it does not look at the signature.
        takes_expired: it does not look at the end.
        refuses_all: it believes no token at all.
        reuses: a refresh token can be used again.
        weak_key: a short RSA key stands in the key set too.
        private_key: the key set has the private part.
        no_keys: the key set is empty.
        keys_kept: seconds for which the key set may be kept.
    """

    lifetime: int = 900
    unsigned: bool = False
    endless: bool = False
    takes_unsigned: bool = False
    takes_any_signature: bool = False
    takes_expired: bool = False
    refuses_all: bool = False
    reuses: bool = False
    weak_key: bool = False
    private_key: bool = False
    no_keys: bool = False
    keys_kept: int = 3600
    refreshing: dict[str, str] = field(default_factory=dict)
    key: ec.EllipticCurvePrivateKey = field(default_factory=_key)
    short: rsa.RSAPrivateKey = field(default_factory=_short_key)

    def issue(self, subject: str, lifetime: int | None = None) -> str:
        """An access token for one customer."""
        issued = int(time.time())
        claims: dict[str, Any] = {"iss": ISSUER, "sub": subject, "iat": issued, "jti": secrets.token_hex(8)}
        if not self.endless:
            claims["exp"] = issued + (self.lifetime if lifetime is None else lifetime)
        if self.unsigned:
            return jwt.encode(claims, "", algorithm="none")
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": _KEY_ID})

    def refresh_token(self, subject: str) -> str:
        """A new refresh token for one customer."""
        token = secrets.token_urlsafe(24)
        self.refreshing[token] = subject
        return token

    def redeem(self, token: str) -> str | None:
        """Whose refresh token it is; None where it is nobody's, or was used before."""
        return self.refreshing.get(token) if self.reuses else self.refreshing.pop(token, None)

    def subject(self, token: str) -> str | None:
        """Whose access token it is; None where it is not believed."""
        if self.refuses_all:
            return None
        try:
            header = jwt.get_unverified_header(token)
            unsigned = header["alg"].lower() == "none" and self.takes_unsigned
            claims = jwt.decode(
                token,
                key=self.key.public_key(),
                algorithms=["ES256"],
                options={
                    "verify_signature": not (unsigned or self.takes_any_signature),
                    "verify_exp": not self.takes_expired,
                },
            )
        except jwt.InvalidTokenError:
            return None
        ended = not self.takes_expired and claims.get("exp", time.time() + 1) <= time.time()
        return None if ended else str(claims["sub"])

    def key_set(self) -> dict[str, object]:
        """The keys as they are published."""
        own = ECAlgorithm.to_jwk(self.key if self.private_key else self.key.public_key(), as_dict=True)
        keys = [{**own, "kid": _KEY_ID, "use": "sig", "alg": "ES256"}]
        if self.weak_key:
            keys.append({**RSAAlgorithm.to_jwk(self.short.public_key(), as_dict=True), "kid": "2019-01", "use": "sig"})
        return {"keys": [] if self.no_keys else keys}
