"""A JSON Web Token (RFC 7519) taken apart, and forged: nothing here trusts one.

Whether a token is genuine is for the system to say; a check only reads what it claims, and makes those that must be
refused.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue, SecretStr

_LARGEST = 64 * 1024  # characters
_PARTS = 3
_CLOCKS_DIFFER = timedelta(minutes=1)
FOREVER = timedelta(days=36_500)
"""The lifetime of a token that does not say when it ends."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token's parts: its header and claims read, and the three texts as they came."""

    header: dict[str, JsonValue]
    claims: dict[str, JsonValue]
    texts: tuple[str, str, str]

    @property
    def algorithm(self) -> str:
        """What it says it is signed with; `none` where it says nothing."""
        said = self.header.get("alg")
        return said if isinstance(said, str) and said.isascii() and 0 < len(said) <= len("RSA-OAEP-256") else "none"

    @property
    def ends(self) -> datetime | None:
        """When it expires; None where it does not say, or nothing that is a time."""
        return _moment(self.claims.get("exp"))

    def lifetime(self, received: datetime) -> timedelta | None:
        """From when it was issued until it expires; None where it ended before.

        One that says that it is issued over a minute ahead is good from when it was received.
        """
        ends = self.ends
        if ends is None:
            return FOREVER
        issued = _moment(self.claims.get("iat")) or received
        lifetime = ends - (received if issued > received + _CLOCKS_DIFFER else issued)
        return None if lifetime < timedelta(0) else lifetime


def read(token: SecretStr | str) -> Token | None:
    """The parts of a signed token; None where it is none."""
    text = token.get_secret_value() if isinstance(token, SecretStr) else token
    parts = text.split(".")
    if len(text) > _LARGEST or len(parts) != _PARTS:
        return None
    header, claims = _object(parts[0]), _object(parts[1])
    return None if header is None or claims is None else Token(header, claims, (parts[0], parts[1], parts[2]))


def unsigned(token: Token) -> tuple[SecretStr, ...]:
    """The same claims, said to need no signature, in the spellings that servers were fooled by."""
    return tuple(
        SecretStr(f"{_text({**token.header, 'alg': spelled})}.{token.texts[1]}.")
        for spelled in ("none", "None", "NONE")
    )


def tampered(token: Token) -> tuple[SecretStr, ...]:
    """Other claims under the old signature, and the old claims under another signature or none."""
    header, claims, signature = token.texts
    ends = token.claims.get("exp")
    later = {"exp": ends + 3600} if isinstance(ends, int) and not isinstance(ends, bool) else {}
    other = _text({**token.claims, **later, "admin": True})
    return tuple(
        SecretStr(".".join(parts))
        for parts in ((header, other, signature), (header, claims, _changed(signature)), (header, claims, ""))
    )


def altered(token: SecretStr) -> tuple[SecretStr, ...]:
    """A token that is no JSON Web Token, with one character changed."""
    return (SecretStr(_changed(token.get_secret_value())),)


def _changed(text: str) -> str:
    """The first character is changed: bits of the last may be padding, which means nothing."""
    return ("B" if text[:1] == "A" else "A") + text[1:]


def _object(text: str) -> dict[str, JsonValue] | None:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        document = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _text(document: dict[str, JsonValue]) -> str:
    raw = json.dumps(document, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _moment(value: JsonValue) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
