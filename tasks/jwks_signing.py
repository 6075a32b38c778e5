"""A key that signs tokens (RFC 7515, 7519), its public half as a JSON Web Key (RFC 7517), and their proof.

Algorithms and members by RFC 7518 (3.3, 3.4, 6.2, 6.3) and RFC 8037 (2, 3.1); the key's id is its RFC 7638 thumbprint.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Literal, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from pydantic import JsonValue, SecretStr

from tminus.errors import CouldNotObserve
from tminus.rotations.document import Document

Algorithm = Literal["ES256", "RS256", "EdDSA"]
Jwk = Mapping[str, JsonValue]
_Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_Public = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
_REQUIRED = ("crv", "e", "kty", "n", "x", "y")  # RFC 7638, 3.2, and RFC 8037, 2
_RSA_BITS = 3072  # 128 bits of strength as the two curves have: NIST SP 800-57 part 1, table 2
_COORDINATE = 32  # bytes of one of P-256: RFC 7518, 6.2.1.2, and half of a signature's: 3.4
_PARTS = 3


class SigningKey:
    """A private key with its id. It shows nothing of itself.

    Args:
        private: the key.
        kid: its id; the thumbprint where none is given.
    """

    def __init__(self, private: _Private, kid: str = "") -> None:
        self._private = private
        members = _members(private.public_key())
        self.kid = kid or thumbprint(members)
        self.public: Jwk = {**members, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def __repr__(self) -> str:
        return f"SigningKey({self.kid!r})"

    @classmethod
    def made(cls, algorithm: Algorithm) -> Self:
        """A new one. RSA takes a while: call it from a thread."""
        if algorithm == "ES256":
            return cls(ec.generate_private_key(ec.SECP256R1()))
        if algorithm == "RS256":
            return cls(rsa.generate_private_key(65537, _RSA_BITS))
        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def of(cls, document: Document) -> Self:
        """The key of a secret's value; raises CouldNotObserve where it is none that signs tokens by what it says."""
        try:
            private = load_pem_private_key(document.secret("private_key").get_secret_value().encode(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):  # its text may hold something of the key
            raise CouldNotObserve(f"{document.of}: private_key is no PEM of a private key without a password") from None
        if not isinstance(private, _Private):
            raise CouldNotObserve(f"{document.of}: private_key is none of EC P-256, RSA and Ed25519")
        if isinstance(private, ec.EllipticCurvePrivateKey) and not isinstance(private.curve, ec.SECP256R1):
            raise CouldNotObserve(f"{document.of}: private_key is on {private.curve.name}; ES256 wants P-256")
        key = cls(private, document.name("kid"))
        if (says := document.name("algorithm")) != key.algorithm:
            raise CouldNotObserve(f"{document.of}: private_key is one for {key.algorithm}, and algorithm says {says}")
        return key

    @property
    def algorithm(self) -> Algorithm:
        """What it signs with."""
        if isinstance(self._private, ec.EllipticCurvePrivateKey):
            return "ES256"
        return "RS256" if isinstance(self._private, rsa.RSAPrivateKey) else "EdDSA"

    @property
    def pem(self) -> SecretStr:
        """The private key, PKCS #8."""
        return SecretStr(self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())

    def token(self, claims: Mapping[str, JsonValue], *, kid: str = "") -> SecretStr:
        """A signed token (RFC 7515, 7.1), under another id where one is given."""
        header = {"alg": self.algorithm, "kid": kid or self.kid, "typ": "JWT"}
        signed = f"{_text(_json(header))}.{_text(_json(claims))}"
        return SecretStr(f"{signed}.{_text(self._signature(signed.encode()))}")

    def _signature(self, signed: bytes) -> bytes:
        match self._private:
            case ec.EllipticCurvePrivateKey():
                both = decode_dss_signature(self._private.sign(signed, ec.ECDSA(SHA256())))
                return b"".join(one.to_bytes(_COORDINATE) for one in both)
            case rsa.RSAPrivateKey():
                return self._private.sign(signed, padding.PKCS1v15(), SHA256())
            case _:
                return self._private.sign(signed)


def verified(token: SecretStr, keys: Sequence[Jwk]) -> bool:
    """Whether one of the keys, found by the token's `kid` and bound to its own `alg`, verifies the signature.

    Only the signature is looked at: not when the token ends, nor whom it is for.
    """
    parts = token.get_secret_value().split(".")
    if len(parts) != _PARTS:
        return False
    try:
        header = json.loads(_bytes(parts[0]))
        found = [one for one in keys if one.get("kid") == header.get("kid") and one.get("alg") == header.get("alg")]
        return any(_verifies(_public(one), f"{parts[0]}.{parts[1]}".encode(), _bytes(parts[2])) for one in found)
    except (ValueError, binascii.Error, UnsupportedAlgorithm):  # a key in the set, or a part, that is none
        return False


def thumbprint(key: Jwk) -> str:
    """A key's id by what it is: RFC 7638, 3, with SHA-256."""
    return _text(hashlib.sha256(_json({name: key[name] for name in _REQUIRED if name in key})).digest())


def same(one: Jwk, other: Jwk) -> bool:
    """Whether both are the same key, whatever else they say of it."""
    return thumbprint(one) == thumbprint(other)


def _members(public: _Public) -> dict[str, JsonValue]:
    match public:
        case ec.EllipticCurvePublicKey():
            at = public.public_numbers()
            x, y = (_text(one.to_bytes(_COORDINATE)) for one in (at.x, at.y))
            return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        case rsa.RSAPublicKey():
            of = public.public_numbers()
            n, e = (_text(one.to_bytes((one.bit_length() + 7) // 8)) for one in (of.n, of.e))
            return {"kty": "RSA", "n": n, "e": e}
        case _:
            raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
            return {"kty": "OKP", "crv": "Ed25519", "x": _text(raw)}


def _public(key: Jwk) -> _Public:
    """Raises ValueError where it is none of the three kinds."""
    read = {name: _bytes(str(key.get(name, ""))) for name in ("n", "e", "x", "y")}
    numbers = {name: int.from_bytes(value) for name, value in read.items()}
    match (key.get("kty"), key.get("crv")):
        case ("EC", "P-256"):
            return ec.EllipticCurvePublicNumbers(numbers["x"], numbers["y"], ec.SECP256R1()).public_key()
        case ("RSA", _):
            return rsa.RSAPublicNumbers(numbers["e"], numbers["n"]).public_key()
        case ("OKP", "Ed25519"):
            return ed25519.Ed25519PublicKey.from_public_bytes(read["x"])
    raise ValueError("a key of another kind")


def _verifies(public: _Public, signed: bytes, signature: bytes) -> bool:
    try:
        match public:
            case ec.EllipticCurvePublicKey():
                if len(signature) != 2 * _COORDINATE:
                    return False
                r, s = (int.from_bytes(one) for one in (signature[:_COORDINATE], signature[_COORDINATE:]))
                public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
            case rsa.RSAPublicKey():
                public.verify(signature, signed, padding.PKCS1v15(), SHA256())
            case _:
                public.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _json(document: Mapping[str, JsonValue]) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
