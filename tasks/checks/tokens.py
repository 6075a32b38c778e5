"""The tokens that the system hands out: how long they are good for, and the keys that vouch for them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import ClassVar, Literal, Self

from pydantic import Field, JsonValue, SecretStr, model_validator

from tasks import jwt_keys, jwt_parts
from tasks.check import Check
from tasks.checks.web_answers import Pointer
from tasks.estate import Estate
from tasks.web_headers import max_age
from tasks.web_pointer import Found, found_at
from tasks.web_request import WITHIN, Front, Reply, Wanted, front, token_of
from tminus.clock import Duration, now
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation

_SOME = Expectation(">= 1")
_SECRET = "{secret}"  # noqa: S105 - what stands in its place
_LOGIN: JsonValue = {"password": _SECRET}
_REFRESH: JsonValue = {"refresh_token": _SECRET}
_SHOWN = 20  # keys in the details
_LONGEST = 64 * 1024  # characters of a token
_LATEST = 10**10  # seconds; what says that it lives longer says nothing


@dataclass(frozen=True, slots=True)
class _Issued:
    """What a login or a refresh brought.

    Attributes:
        token: what stands at the pointer; None where there is no text.
        refresh: the refresh token, where there is one.
        expires_in: what RFC 6749, 5.1, calls so: the lifetime in seconds of a token that nobody can read.
    """

    token: str | None
    refresh: str | None
    expires_in: timedelta | None
    received: datetime

    @property
    def algorithm(self) -> str:
        read = jwt_parts.read(self.token or "")
        return "opaque" if read is None else read.algorithm

    @property
    def lifetime(self) -> timedelta | None:
        read = jwt_parts.read(self.token or "")
        return self.expires_in if read is None else read.lifetime(self.received)


class Token(Check, frozen=True, populate_by_name=True, serialize_by_alias=True):
    """Logs in with an account made for tests, and judges the token that comes back; it is never shown.

    `issued` is `yes` where the login is answered with 2xx and a token. `lifetime` is from the token's own `iat`, or
    from when it was received where that lies ahead, to its `exp` (36 500 days where it has no `exp`), or, of one that
    is no JSON Web Token, its `expires_in`. `algorithm` is the one in its header (`RS256`, `none`), or `opaque`. With a
    `refresh_path`, `refreshed` is `yes` where the refresh token brings another access token, and `rotated` where the
    same refresh token is then refused.

    Attributes:
        endpoint: where to log in, by its name in the environment's `endpoints`.
        path: where a login is posted.
        identity: whose password it is, by its name in the environment's `identities`.
        document: the login, in which `{secret}` stands for the password; written `json:`.
        pointer: where in the answer the token stands (RFC 6901).
        refresh_path: where a refresh is posted.
        refresh_document: the refresh, in which `{secret}` stands for the refresh token; written `refresh_json:`.
        refresh_pointer: where in the answer the refresh token stands.
        within: how long each answer is waited for.
    """

    kind: Literal["jwt.token"] = "jwt.token"
    impact: ClassVar[Impact] = Impact.SYNTHETIC
    measures: ClassVar[Mapping[str, str]] = {
        "lifetime": "s",
        "algorithm": "word",
        "issued": "word",
        "refreshed": "word",
        "rotated": "word",
    }

    endpoint: str
    path: str
    identity: str
    document: JsonValue = Field(default=_LOGIN, alias="json")
    pointer: Pointer = "/access_token"
    refresh_path: str | None = None
    refresh_document: JsonValue = Field(default=_REFRESH, alias="refresh_json")
    refresh_pointer: Pointer = "/refresh_token"
    within: Duration = WITHIN

    @model_validator(mode="after")
    def _a_place_for_secrets(self) -> Self:
        if _SECRET not in json.dumps(self.document):
            raise ValueError(
                f"json: {_SECRET} must stand where the password goes; a book never has the password itself"
            )
        if set(self.expect) & {"refreshed", "rotated"} and self.refresh_path is None:
            raise ValueError("a refresh is expected, so say where, such as `refresh_path: /auth/refresh`")
        return self

    async def look(self, estate: Estate) -> Observation:
        """One login, and where a refresh is asked about, two of those."""
        asked = await front(estate, self.endpoint)
        secret = await token_of(estate, self.identity)
        reply, issued = await self._posted(asked, self.path, self.document, secret)
        found = [Measurement(name="issued", word="no" if issued.token is None else "yes")]
        wrong = [] if issued.token else [f"{self.path} answers {reply.status} without a token"]
        if issued.token is not None:
            found.append(Measurement(name="algorithm", word=issued.algorithm))
            if issued.lifetime is not None:
                found.append(Measurement.number("lifetime", issued.lifetime.total_seconds(), "s"))
        if self.refresh_path is not None and issued.token is not None:
            words, said = await self._refreshed(asked, self.refresh_path, issued)
            found += [Measurement(name=name, word=word) for name, word in words.items()]
            wrong += said
        return Observation(
            found=tuple(found),
            where=asked.where,
            details=tuple(wrong) or (f"POST {self.path}: status {reply.status}, a token signed by {issued.algorithm}",),
            because="; ".join(wrong),
        )

    async def _refreshed(self, asked: Front, path: str, issued: _Issued) -> tuple[dict[str, str], list[str]]:
        """The words, and what is wrong."""
        if issued.refresh is None:
            said = f"the login brings no refresh token at {self.refresh_pointer!r}"
            return {"refreshed": "no", "rotated": "no"}, [said]
        used = SecretStr(issued.refresh)
        first, brought = await self._posted(asked, path, self.refresh_document, used)
        if brought.token is None or brought.token == issued.token:
            return {"refreshed": "no"}, [f"{path} answers {first.status} without another token"]
        second, again = await self._posted(asked, path, self.refresh_document, used)
        if second.broken:
            raise CouldNotObserve(f"{asked.name}: POST {path}: status {second.status} to a used refresh token")
        words = {"refreshed": "yes", "rotated": "yes" if again.token is None and not second.good else "no"}
        return words, [] if words["rotated"] == "yes" else ["a used refresh token is taken again"]

    async def _posted(
        self, asked: Front, path: str, document: JsonValue, secret: SecretStr | None
    ) -> tuple[Reply, _Issued]:
        filled = _filled(document, "" if secret is None else secret.get_secret_value())
        reply = await asked.ask(Wanted(path, "POST", document=filled), self.within)
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise CouldNotObserve(f"{asked.name}: POST {path}: status 429, it is asked too often; try again later")
        answer = reply.document if reply.good else None
        parent = self.pointer.rpartition("/")[0]
        within = found_at(answer, f"{parent}/expires_in")
        return reply, _Issued(
            _text(found_at(answer, self.pointer)),
            _text(found_at(answer, self.refresh_pointer)),
            timedelta(seconds=within)
            if isinstance(within, int) and not isinstance(within, bool) and 0 <= within < _LATEST
            else None,
            now(),
        )


class Keys(Check, frozen=True):
    """Reads the keys by which the system's tokens are verified (RFC 7517).

    `weak` counts the RSA keys of less than 2048 bits, symmetric ones, and those of a kind or curve that is not known;
    `private` those that are published with their private parts; `cached` is how long the answer may be kept
    (`Cache-Control: max-age`), 0 where it does not say. Where `weak` or `private` is expected, so is `keys: ">= 1"`
    unless the book says otherwise. A path that is not there publishes no keys.

    Attributes:
        endpoint: where to ask, by its name in the environment's `endpoints`.
        path: of the key set.
        within: how long an answer is waited for.
    """

    kind: Literal["jwt.keys"] = "jwt.keys"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"keys": "", "weak": "", "private": "", "cached": "s"}

    endpoint: str
    path: str = "/.well-known/jwks.json"
    within: Duration = WITHIN

    @model_validator(mode="after")
    def _some(self) -> Self:
        if set(self.expect) & {"weak", "private"}:
            self.expect.setdefault("keys", _SOME)
        return self

    async def look(self, estate: Estate) -> Observation:
        """One GET."""
        asked = await front(estate, self.endpoint)
        wanted = Wanted(self.path)
        reply = await asked.ask(wanted, self.within)
        if not reply.good and reply.status != HTTPStatus.NOT_FOUND:
            raise CouldNotObserve(f"{asked.name}: {wanted}: status {reply.status}")
        try:
            keys = jwt_keys.read(reply.document).keys if reply.good else []
        except CouldNotObserve as e:
            raise CouldNotObserve(f"{asked.name}: {wanted}: {e}") from e
        lines = [f"key {place}: {_said(key)}" for place, key in enumerate(keys, start=1) if _said(key)]
        return Observation(
            found=(
                Measurement.number("keys", len(keys)),
                Measurement.number("weak", sum(bool(key.weakness) for key in keys), of=len(keys)),
                Measurement.number("private", sum(key.private for key in keys), of=len(keys)),
                Measurement.number("cached", max_age(reply.headers.get("Cache-Control")) if keys else 0, "s"),
            ),
            where=asked.where,
            details=tuple(lines[:_SHOWN]) or (f"{wanted}: {len(keys)} keys",),
            because="; ".join(lines[:3]) if keys else f"{wanted}: status {reply.status}, no keys",
        )


def _said(key: jwt_keys.Key) -> str:
    said = [key.weakness] if key.weakness else []
    return ", ".join([*said, "its private part is published"] if key.private else said)


def _text(value: Found) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST else None


def _filled(template: JsonValue, secret: str) -> JsonValue:
    if isinstance(template, dict):
        return {name: _filled(value, secret) for name, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, secret) for value in template]
    return template.replace(_SECRET, secret) if isinstance(template, str) else template
