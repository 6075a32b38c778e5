"""How many requests the system lets through before it says that it is enough."""

import asyncio
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.web_request import WITHIN, Front, Reply, Wanted, front, token_of
from tminus.clock import Duration, now
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation

_SEVERAL = Expectation(">= 1")
_MOST = 20_000  # requests
_UNKNOWN_CALLER = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_POLL = 0.5  # seconds between looks at whether a limit has passed


class RateLimit(Check, frozen=True, populate_by_name=True, serialize_by_alias=True):
    """Sends the same request until the first is answered with 429, and says how many were let through before.

    `allowed` are the answers before it that are neither 429 nor 5xx, `refused` those of 429, `errors` those of 5xx.
    Where `allowed` is expected, so is `refused: ">= 1"` unless the book says otherwise, since a limit beyond `up_to`
    was not seen. `told` is `yes` where the refusal says when to come back (`Retry-After`), and `retry_after` how long
    that is. `recovers` is `yes` where within `recovers_within` of the refusal a request is let through again: answered
    with 2xx, or with a status of those let through before.
    An address that lets no request through has no limit to be seen, nor has one that does not believe the identity's
    token (401, 403): then nothing is known.

    Attributes:
        endpoint: where to ask, by its name in the environment's `endpoints`.
        path: what to ask for.
        method: of the request.
        document: sent as JSON; written `json:`.
        identity: whose token is sent, by its name in the environment's `identities`.
        up_to: how many requests are sent at most.
        at_once: how many of them at the same time.
        recovers_within: how long the limit's passing is waited for, where `recovers` is expected.
        within: how long each answer is waited for.
    """

    kind: Literal["http.rate_limit"] = "http.rate_limit"
    impact: ClassVar[Impact] = Impact.LOAD
    measures: ClassVar[Mapping[str, str]] = {
        "allowed": "",
        "refused": "",
        "errors": "",
        "told": "word",
        "retry_after": "s",
        "recovers": "word",
    }

    endpoint: str
    path: str
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    document: JsonValue = Field(default=None, alias="json")
    identity: str | None = None
    up_to: Annotated[int, Field(ge=1, le=_MOST)]
    at_once: Annotated[int, Field(ge=1, le=50)] = 5
    recovers_within: Duration = timedelta(seconds=60)
    within: Duration = WITHIN

    @model_validator(mode="after")
    def _seen_to_refuse(self) -> Self:
        if "allowed" in self.expect:
            self.expect.setdefault("refused", _SEVERAL)
        return self

    async def look(self, estate: Estate) -> Observation:
        """Sends at most `up_to` requests."""
        asked = await front(estate, self.endpoint)
        token = await token_of(estate, self.identity)
        wanted = Wanted(self.path, self.method, document=self.document, token=token)
        replies = await self._until_refused(asked, wanted)
        refusals = [reply for reply in replies if _refused(reply)]
        broken = sum(reply.broken for reply in replies)
        if refusals and len(refusals) + broken == len(replies):
            raise CouldNotObserve(
                f"{asked.name}: {wanted}: the very first requests are answered with 429, so no limit is seen; "
                "was it asked too often before?"
            )
        if self.identity is not None and all(
            reply.status in _UNKNOWN_CALLER for reply in replies if not _refused(reply)
        ):
            raise CouldNotObserve(f"{asked.name}: {wanted}: the token of {self.identity} is not believed")
        found = [
            Measurement.number("allowed", len(replies) - len(refusals) - broken),
            Measurement.number("refused", len(refusals)),
            Measurement.number("errors", broken),
        ]
        if refusals:
            told = _retry_after(refusals[0])
            found.append(Measurement(name="told", word="no" if told is None else "yes"))
            if told is not None:
                found.append(Measurement.number("retry_after", told.total_seconds(), "s"))
            if "recovers" in self.expect:
                let_through = {reply.status for reply in replies if not _refused(reply) and not reply.broken}
                recovered = await self._recovered(asked, wanted, let_through)
                found.append(Measurement(name="recovers", word="yes" if recovered else "no"))
        because = "" if refusals else f"none of {len(replies)} requests is answered with 429"
        return Observation(
            found=tuple(found),
            where=asked.where,
            details=(f"{wanted}: {len(replies)} sent, {len(refusals)} answered with 429, {broken} with 5xx",),
            because=because or (f"{broken} answers of 5xx" if broken else ""),
        )

    async def _until_refused(self, asked: Front, wanted: Wanted) -> list[Reply]:
        replies: list[Reply] = []
        while len(replies) < self.up_to and not any(_refused(reply) for reply in replies[-self.at_once :]):
            some = min(self.at_once, self.up_to - len(replies))
            heard = await asyncio.gather(*(asked.ask(wanted, self.within) for _ in range(some)))
            replies += [replace(reply, body=b"") for reply in heard]  # thousands of bodies are not kept
        return replies

    async def _recovered(self, asked: Front, wanted: Wanted, let_through: AbstractSet[int]) -> bool:
        until = now() + self.recovers_within
        while now() < until:
            await asyncio.sleep(_POLL)
            reply = await asked.ask(wanted, self.within)
            if reply.good or reply.status in let_through:
                return True
        return False


def _refused(reply: Reply) -> bool:
    return reply.status == HTTPStatus.TOO_MANY_REQUESTS


def _retry_after(reply: Reply) -> timedelta | None:
    """Seconds, or a date (RFC 9110, 10.2.3); None where it says neither."""
    said = reply.headers.get("Retry-After", "").strip()[:64]
    if said.isascii() and said.isdecimal() and len(said) <= len("100000000"):
        return timedelta(seconds=int(said))
    try:
        moment: datetime = parsedate_to_datetime(said)
        return max(moment.replace(tzinfo=moment.tzinfo or UTC) - now(), timedelta(0))
    except (ValueError, IndexError, OverflowError, TypeError):
        return None
