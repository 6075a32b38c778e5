"""A JSON Web Key Set as whoever verifies fetches it: its keys, and how long they may be cached."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, JsonValue, StringConstraints, TypeAdapter, ValidationError

from tasks import jwt_keys
from tasks.estate import Estate
from tasks.jwks_cache import Kept, kept
from tasks.jwks_signing import Jwk, SigningKey, verified
from tasks.web_request import Wanted, front
from tminus.errors import CouldNotObserve, Refused

_KEYS = TypeAdapter(list[dict[str, JsonValue]])
_CLAIMS: dict[str, JsonValue] = {"sub": "tminus rotation", "exp": 0}  # it ended in 1970: nobody lets it in


class JwksPlace(BaseModel, frozen=True, extra="forbid"):
    """Where verifiers fetch the set: a path of one of the environment's `endpoints`, be it a CDN or the service."""

    endpoint: str
    path: Annotated[str, StringConstraints(pattern=r"^/[!-~]*$", max_length=1000)] = "/.well-known/jwks.json"


@dataclass(frozen=True)
class Served:
    """One answer."""

    where: str
    keys: Sequence[Jwk]
    cached: Kept

    def has(self, kid: str) -> bool:
        """Whether there is a key of that id."""
        return any(one.get("kid") == kid for one in self.keys)


async def served(estate: Estate, place: JwksPlace) -> Served:
    """What a verifier gets there now; raises CouldNotObserve where it gets no set, Refused as `kept` does."""
    asked = await front(estate, place.endpoint)
    wanted = Wanted(place.path)
    reply = await asked.ask(wanted)
    where = f"{asked.name} ({asked.where}): {wanted}"
    if reply.status != HTTPStatus.OK:
        raise CouldNotObserve(f"{where}: status {reply.status}, and a set of keys is wanted; is the path right?")
    document = reply.document
    try:
        if any(one.private for one in jwt_keys.read(document).keys):
            raise Refused(f"{where} shows private parts of a key to everybody: take that key out, and rotate it")
        keys = _KEYS.validate_python(document.get("keys") if isinstance(document, dict) else None)
    except ValidationError as e:
        raise CouldNotObserve(f"{where}: the answer is no JSON Web Key Set") from e
    return Served(where, keys, kept(reply.headers, where))


def require_proof(key: SigningKey, keys: Sequence[Jwk], where: str) -> None:
    """Raises Refused where the set does not verify a token of the key, or verifies one that it must not. Blocks."""
    if not verified(key.token(_CLAIMS), keys):
        raise Refused(f"{where}: a token that key {key.kid} signed is not verified by the keys that are served")
    stranger = SigningKey.made(key.algorithm)
    for forged in (stranger.token(_CLAIMS, kid=key.kid), stranger.token(_CLAIMS)):
        if verified(forged, keys):
            raise Refused(f"{where}: a token that a key outside the set signed is verified by the keys that are served")
