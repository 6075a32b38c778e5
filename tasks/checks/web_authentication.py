"""Whether the system's paths are closed to who has no token, and to who has a wrong one."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from tasks import jwt_parts
from tasks.check import Check
from tasks.estate import Estate
from tasks.web_openapi import protected_paths
from tasks.web_request import WITHIN, Front, Reply, Wanted, front, token_of
from tminus.clock import Duration, now
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation

_SHOWN = 20  # paths in the details
_NAMED = 3  # paths in the sentence
_AT_ONCE = 5
_MOST = 500  # paths
_DOORS = 9  # that forged tokens are tried at: 31 requests at most
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_WRITES = frozenset({"POST", "PUT", "PATCH"})
_LET_IN = Expectation("= yes")


@dataclass(frozen=True, slots=True)
class _Path:
    """One protected path: what a stranger got there, and what the identity did.

    Attributes:
        refused: the stranger was.
        genuine: the status for the identity's own token; None of a path that writes, where it is never sent.
    """

    wanted: Wanted
    stranger: int
    refused: bool
    genuine: int | None

    @property
    def writes(self) -> bool:
        """Whether a request there changes something."""
        return self.wanted.method not in _READS

    @property
    def opens(self) -> bool:
        """Whether the identity's token opens it: with 2xx alone, for a gateway lets in to what is not there, too."""
        return self.genuine is not None and HTTPStatus.OK <= self.genuine < HTTPStatus.MULTIPLE_CHOICES

    @property
    def welcome(self) -> bool:
        """Whether it opens, or a stranger gets 401 and the identity is told that this is not there or not for it."""
        known = self.stranger == HTTPStatus.UNAUTHORIZED and self.genuine in {
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.GONE,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        }
        return self.writes or self.opens or known

    def __str__(self) -> str:
        said = "" if self.genuine is None else f", {self.genuine} with it"
        return f"{self.wanted}: status {self.stranger} without a token{said}"


class Authenticated(Check, frozen=True):
    """Asks protected paths without a token, and with tokens that must not be believed.

    `refused` counts the paths that answer with 401 or 403 where no token is sent. `opened` counts, of those that are
    read, those that answer the identity's own token with 2xx. `accepted` is `yes` where at least one of them does,
    and every other says at least that it knows the identity: a stranger gets 401 there, and the identity 403, 404, 410,
    400 or 422. Where `refused` is expected, so is `accepted: "= yes"` unless the book says otherwise, since what
    refuses everybody protects nothing; not where no path is read.

    The forged tokens are sent to paths that open: `unsigned` has the identity's claims and the algorithm `none`,
    `tampered` other claims, another signature or none; `expired` is the token of `expired_identity`. Each is
    `refused`, or `accepted` where it is accepted anywhere. The first path that opens gets every spelling of each, and
    eight more, spread over the others, one spelling of each in turn. So a path that is read costs two requests, of
    which one counts as the identity's, and forgeries 31 at most. Where no path opens to the genuine token, refusing
    the others means nothing, and they are not measured. `unsigned` and `expired` want JSON Web Tokens.

    Tokens, genuine or forged, are sent with GET, HEAD and OPTIONS alone: a forged one that is believed would write in
    the customer's name. A path that writes, such as `POST /orders`, is asked without any and without a body: only that
    it refuses a stranger is seen. Name none that does something for anybody who asks. DELETE is never sent.

    Attributes:
        endpoint: where to ask, by its name in the environment's `endpoints`.
        paths: the protected paths, such as `/orders` or `POST /orders`; or the name of an OpenAPI description among
            the artifacts, of which every GET operation with `security` is asked, behind its server's path.
        identity: whose token is genuine, by its name in the environment's `identities`.
        expired_identity: whose token has expired.
        with_statuses: the statuses that are a refusal.
        within: how long each answer is waited for.
    """

    kind: Literal["http.authenticated"] = "http.authenticated"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "refused": "",
        "opened": "",
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

    @model_validator(mode="after")
    def _harmless(self) -> Self:
        reads = isinstance(self.paths, str)
        for wanted in () if isinstance(self.paths, str) else map(_wanted, self.paths):
            if wanted.method not in _READS | _WRITES:
                raise ValueError(f"{wanted}: ask with GET, HEAD, OPTIONS, POST, PUT or PATCH; nothing is deleted here")
            reads = reads or wanted.method in _READS
        if not reads and (blind := sorted(set(self.expect) - {"refused"})):
            raise ValueError(
                f"`{blind[0]}` is expected, so name a path that is read too, at which tokens are seen to count"
            )
        if reads and "refused" in self.expect:
            self.expect.setdefault("accepted", _LET_IN)
        return self

    async def look(self, estate: Estate) -> Observation:
        """Two requests to each path, one where it writes, and up to 31 with forged tokens."""
        asked = await front(estate, self.endpoint)
        genuine = await token_of(estate, self.identity)
        expired = await token_of(estate, self.expired_identity)
        turn = asyncio.Semaphore(_AT_ONCE)
        looking = [self._ask(asked, _wanted(path), genuine, turn) for path in await self._paths(estate, asked)]
        paths = await asyncio.gather(*looking)
        read = [path for path in paths if not path.writes]
        opened = [path for path in read if path.opens]
        accepted = bool(opened) and all(path.welcome for path in paths)
        found = [
            Measurement.number("refused", sum(path.refused for path in paths), of=len(paths)),
            Measurement.number("opened", len(opened), of=len(read)),
            Measurement(name="accepted", word="yes" if accepted else "no"),
        ]
        wrong = [f"{path.wanted} answers {path.stranger} without a token" for path in paths if not path.refused]
        wrong += [f"{path.wanted} answers {path.genuine} to the genuine token" for path in paths if not path.welcome]
        if read and not opened:
            wrong.append(f"no path of {len(read)} answers the genuine token with 2xx")
        doors = [path.wanted for path in paths if path.refused and path.opens]
        said = tuple(str(path) for path in sorted(paths, key=lambda path: path.refused and path.welcome)[:_SHOWN])
        if doors and genuine is not None:
            tried = _spread(doors)
            said += (f"forged tokens are tried at {len(tried)} of {len(doors)} paths",)
            for name, forged in self._forged(genuine, expired).items():
                believing = await self._believing(asked, tried, forged, turn)
                found.append(Measurement(name=name, word="accepted" if believing else "refused"))
                wrong += [f"{door} believes the {name} token" for door in believing]
        return Observation(found=tuple(found), where=asked.where, details=said, because="; ".join(wrong[:_NAMED]))

    async def _paths(self, estate: Estate, asked: Front) -> Sequence[str]:
        if not isinstance(self.paths, str):
            return self.paths
        base = urlsplit(asked.url).path
        paths = await asyncio.to_thread(protected_paths, estate.artifacts(), self.paths, base)
        if len(paths) > _MOST:
            raise CouldNotObserve(
                f"{self.paths} has {len(paths)} protected paths, more than the {_MOST} that are asked"
            )
        return paths

    async def _ask(self, asked: Front, wanted: Wanted, genuine: SecretStr | None, turn: asyncio.Semaphore) -> _Path:
        async with turn:
            stranger = await self._once(asked, wanted)
            reply = await self._once(asked, _with(wanted, genuine)) if wanted.method in _READS else None
        refused = stranger.status in self.with_statuses
        return _Path(wanted, stranger.status, refused, None if reply is None else reply.status)

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

    async def _believing(
        self, asked: Front, doors: Sequence[Wanted], forged: Sequence[SecretStr], turn: asyncio.Semaphore
    ) -> Sequence[Wanted]:
        """The doors that any of these tokens opens; raises CouldNotObserve where none does, and a server breaks."""

        async def tried(door: Wanted, token: SecretStr) -> Reply:
            async with turn:
                return await self._once(asked, _with(door, token))

        asking = [(doors[0], token) for token in forged]
        asking += [(door, forged[number % len(forged)]) for number, door in enumerate(doors[1:])]
        replies = await asyncio.gather(*(tried(door, token) for door, token in asking))
        heard = [(door, reply) for (door, _), reply in zip(asking, replies, strict=True)]
        believed = [door for door, reply in heard if self._believed(reply)]
        believing = [door for door in doors if door in believed]
        broken = [door for door, reply in heard if reply.broken]
        if broken and not believing:
            raise CouldNotObserve(f"{asked.name}: {broken[0]}: a forged token is answered with a server's error")
        return believing

    def _believed(self, reply: Reply) -> bool:
        return not reply.broken and reply.status not in self.with_statuses

    async def _once(self, asked: Front, wanted: Wanted) -> Reply:
        """Raises CouldNotObserve also where it is asked too often: that says nothing of who asks."""
        reply = await asked.ask(wanted, self.within)
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS and reply.status not in self.with_statuses:
            raise CouldNotObserve(f"{asked.name}: {wanted}: status 429, it is asked too often; try again later")
        return reply


def _wanted(text: str) -> Wanted:
    method, space, path = text.partition(" ")
    return Wanted(path.strip(), method.upper()) if space and not method.startswith("/") else Wanted(text)


def _spread(doors: Sequence[Wanted]) -> Sequence[Wanted]:
    """At most as many as forged tokens are tried at, the first and the last among them."""
    if len(doors) <= _DOORS:
        return doors
    return [doors[number * (len(doors) - 1) // (_DOORS - 1)] for number in range(_DOORS)]


def _with(wanted: Wanted, token: SecretStr | None) -> Wanted:
    return Wanted(wanted.path, wanted.method, token=token)
