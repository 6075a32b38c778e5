"""A JSON Web Key Set (RFC 7517): how many keys, which are too weak, which are given away.

Strength by NIST SP 800-57 part 1, table 2: an RSA key of less than 2048 bits, or a curve of less than 224, gives less
than 112 bits.
"""

import base64
import binascii
from typing import Annotated

from pydantic import BaseModel, Field, JsonValue, ValidationError

from tminus.errors import CouldNotObserve

_SHORTEST_RSA = 2048  # bits
_CURVES = {"EC": {"P-256", "P-384", "P-521", "secp256k1"}, "OKP": {"Ed25519", "Ed448", "X25519", "X448"}}
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_MOST = 1000  # keys
_LONGEST = 20  # characters of a word in evidence


class Key(BaseModel, extra="allow"):
    """One key; what else stands in it counts only by its name."""

    kty: str
    n: str | None = None
    crv: str | None = None

    @property
    def weakness(self) -> str:
        """Why it is too weak, or nothing that a stranger could verify with; "" where it is neither."""
        if self.kty == "RSA":
            bits = _bits(self.n)
            return "" if bits >= _SHORTEST_RSA else f"RSA of {bits} bits"
        if self.kty == "oct":
            return "symmetric"
        curves = _CURVES.get(self.kty)
        if curves is None:
            return f"of an unknown kind ({_shown(self.kty)})"
        return "" if self.crv in curves else f"on an unknown curve ({_shown(self.crv)})"

    @property
    def private(self) -> bool:
        """Whether it has parts that only its owner may know."""
        return any(name in (self.model_extra or {}) for name in _PRIVATE)


class KeySet(BaseModel, extra="ignore"):
    """The set as it is published."""

    keys: Annotated[list[Key], Field(max_length=_MOST)]


def read(document: JsonValue) -> KeySet:
    """The set in an answer; raises CouldNotObserve where it is none."""
    try:
        return KeySet.model_validate(document)
    except ValidationError as e:
        first = e.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise CouldNotObserve(f"the answer is no JSON Web Key Set ({where}: {first['msg']})") from e


def _bits(modulus: str | None) -> int:
    try:
        raw = base64.urlsafe_b64decode((modulus or "") + "=" * (-len(modulus or "") % 4))
    except (binascii.Error, ValueError):
        return 0
    return int.from_bytes(raw, "big").bit_length()


def _shown(text: str | None) -> str:
    return repr((text or "")[:_LONGEST])
