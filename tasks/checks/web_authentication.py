"""Whether the system's paths are closed to who has no token, and to who has a wrong one."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from tasks import jwt_parts
from tasks.check import Check
from tasks.estate import Estate
from tasks.web_openapi import protected_paths
from tasks.web_request import WITHIN, Front, Reply, Wanted, front, token_of
from tminus.clock import Duration, now
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # paths in the details
_NAMED = 3  # paths in the sentence
_AT_ONCE = 5
_MOST = 500  # paths


@dataclass(frozen=True, slots=True)
class _Path:
    """One protected path: what a stranger got there, and what the identity did.

    Attributes:
        opens: the identity's token opens it.
        welcome: it opens it, or the path says that it knows the identity and that this is not for it.
    """

    wanted: Wanted
    stranger: int
    refused: bool
    genuine: int
    opens: bool

    @property
    def welcome(self) -> bool:
        known = (self.stranger, self.genuine) == (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        return self.opens or known

    def __str__(self) -> str:
        return f"{self.wanted}: status {self.stranger} without a token, {self.genuine} with it"


class Authenticated(Check, frozen=True):
    """Asks protected paths without a token, and with tokens that must not be believed.

    `refused` counts the paths that answer with 401 or 403 where no token is sent. `accepted` is `yes` where every one
    of them takes the identity's own token, else `no`: by any other status below 500, or by 403 where a stranger gets
    401, since then the path knows the identity and is for somebody else; but at least one must open. The forged tokens
    are sent to one that does: `unsigned` has the identity's claims and the algorithm `none`, `tampered` other claims,
    another signature or none; `expired` is the token of `expired_identity`. Each is `refused`, or `accepted` where any
    of its spellings is not refused. Where no path takes even the genuine token, refusing the others means nothing, and
    they are not measured. `unsigned` and `expired` want JSON Web Tokens.

    Attributes:
        endpoint: where to ask, by its name in the environment's `endpoints`.
        paths: the protected paths, such as `/orders` or `DELETE /orders/1` (with another method than GET, nothing is
            sent with it); or the name of an OpenAPI description among the artifacts, of which every GET operation
            with `security` is asked.
        identity: whose token is genuine, by its name in the environment's `identities`.
        expired_identity: whose token has expired.
        with_statuses: the statuses that are a refusal.
        within: how long each answer is waited for.
    """

    kind: Literal["http.authenticated"] = "http.authenticated"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "refused": "",
        "accepted": "word",
        "expired": "word",
        "unsigned": "word",
        "tampered": "word",
    }

    endpoint: str
    paths: str | Annotated[tuple[str, ...], Field(min_length=1)]
    identity: str
    expired_identity: str | None = None
    with_statuses: Annotated[tuple[int, ...], Field(min_length=1)] = (401, 403)
    within: Duration = WITHIN

    @model_validator(mode="after")
    def _an_expired_one(self) -> Self:
        if "expired" in self.expect and self.expired_identity is None:
            raise ValueError("`expired` is expected, so say whose token has, such as `expired_identity: expired`")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Two requests to each path, and up to seven with forged tokens to one of them."""
        asked = await front(estate, self.endpoint)
        genuine = await token_of(estate, self.identity)
        expired = await token_of(estate, self.expired_identity)
        turn = asyncio.Semaphore(_AT_ONCE)
        looking = [self._ask(asked, _wanted(path), genuine, turn) for path in await self._paths(estate)]
        paths = await asyncio.gather(*looking)
        door = next((path for path in paths if path.refused and path.opens), None)
        accepted = any(path.opens for path in paths) and all(path.welcome for path in paths)
        found = [
            Measurement.number("refused", sum(path.refused for path in paths), of=len(paths)),
            Measurement(name="accepted", word="yes" if accepted else "no"),
        ]
        wrong = [f"{path.wanted} answers {path.stranger} without a token" for path in paths if not path.refused]
        wrong += [f"{path.wanted} answers {path.genuine} to the genuine token" for path in paths if not path.welcome]
        if door is not None and genuine is not None:
            for name, forged in self._forged(genuine, expired).items():
                word = await self._tried(asked, door.wanted, forged)
                found.append(Measurement(name=name, word=word))
                if word == "accepted":
                    wrong.append(f"{door.wanted} believes the {name} token")
        return Observation(
            found=tuple(found),
            where=asked.where,
            details=tuple(str(path) for path in sorted(paths, key=lambda path: path.refused and path.welcome)[:_SHOWN]),
            because="; ".join(wrong[:_NAMED]),
        )

    async def _paths(self, estate: Estate) -> Sequence[str]:
        if isinstance(self.paths, str):
            return (await asyncio.to_thread(protected_paths, estate.artifacts(), self.paths))[:_MOST]
        return self.paths

    async def _ask(self, asked: Front, wanted: Wanted, genuine: SecretStr | None, turn: asyncio.Semaphore) -> _Path:
        async with turn:
            stranger = await self._once(asked, wanted)
            reply = await self._once(asked, _with(wanted, genuine))
        refused = stranger.status in self.with_statuses
        return _Path(wanted, stranger.status, refused, reply.status, not self._turned_away(reply))

    def _turned_away(self, reply: Reply) -> bool:
        return reply.broken or reply.status in self.with_statuses

    def _forged(self, genuine: SecretStr, expired: SecretStr | None) -> dict[str, tuple[SecretStr, ...]]:
        """Name → the tokens that must be refused under it; raises CouldNotObserve where one cannot be made."""
        token = jwt_parts.read(genuine)
        if token is None and "unsigned" in self.expect:
            raise CouldNotObserve(
                f"the token of {self.identity} is no JSON Web Token, so no unsigned one is made from it"
            )
        forged = {"tampered": jwt_parts.altered(genuine) if token is None else jwt_parts.tampered(token)}
        if token is not None:
            forged["unsigned"] = jwt_parts.unsigned(token)
        if expired is not None:
            forged["expired"] = (self._surely_expired(expired),)
        return forged

    def _surely_expired(self, expired: SecretStr) -> SecretStr:
        token = jwt_parts.read(expired)
        if token is None or token.ends is None:
            raise CouldNotObserve(
                f"the token of {self.expired_identity} does not say when it expired; give one that does"
            )
        if token.ends > now():
            raise CouldNotObserve(
                f"the token of {self.expired_identity} has not expired yet ({token.ends:%Y-%m-%d %H:%M}Z)"
            )
        return expired

    async def _tried(self, asked: Front, wanted: Wanted, forged: Sequence[SecretStr]) -> str:
        replies = [await self._once(asked, _with(wanted, token)) for token in forged]
        if any(reply.broken for reply in replies):
            raise CouldNotObserve(f"{asked.name}: {wanted}: a forged token is answered with a server's error")
        return "refused" if all(reply.status in self.with_statuses for reply in replies) else "accepted"

    async def _once(self, asked: Front, wanted: Wanted) -> Reply:
        """Raises CouldNotObserve also where it is asked too often: that says nothing of who asks."""
        reply = await asked.ask(wanted, self.within)
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS and reply.status not in self.with_statuses:
            raise CouldNotObserve(f"{asked.name}: {wanted}: status 429, it is asked too often; try again later")
        return reply


def _wanted(text: str) -> Wanted:
    method, space, path = text.partition(" ")
    return Wanted(path.strip(), method.upper()) if space and not method.startswith("/") else Wanted(text)


def _with(wanted: Wanted, token: SecretStr | None) -> Wanted:
    return Wanted(wanted.path, wanted.method, token=token)
