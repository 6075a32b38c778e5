"""Whether the system refuses what it must refuse."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import unquote_plus

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.json_texts import texts_in
from tasks.web_leaks import leaks
from tasks.web_request import WITHIN, Front, Reply, Wanted, front, token_of
from tminus.clock import Duration
from tminus.environment import Impact
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation

_SHOWN = 20  # requests in the details
_NAMED = 3  # requests in the sentence
_AT_ONCE = 5
_LET_IN = Expectation("= accepted")
_COMMENT = re.compile(r"/\*.*?\*/|\s+", re.DOTALL)
# Statements that destroy: where a server does run what it is sent, a check must have done no harm.
_HARMFUL = re.compile(
    r"(?i)\b(drop \w|delete from\b|truncate\b|alter (table|user|role|database)\b|update .{1,500}\bset\b)"
)


class Request(BaseModel):
    """A request that a check sends; one that holds SQL that destroys something is refused.

    Attributes:
        name: what people call it; by default its method and path.
        method: in capitals.
        path: with its query; dots and percent signs are sent as they are.
        headers: sent along.
        document: sent as JSON; written `json:`.
        body: sent as it is, where there is no `json`.
        identity: whose token is sent, by its name in the environment's `identities`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    name: str = ""
    method: Annotated[str, Field(pattern=r"^[A-Z]{3,10}$")] = "GET"
    path: str
    headers: dict[str, str] = Field(default_factory=dict)
    document: JsonValue = Field(default=None, alias="json")
    body: str | None = None
    identity: str | None = None

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.document is not None and self.body is not None:
            raise ValueError("a request has one body: give `json` or `body`")
        return self

    @model_validator(mode="after")
    def _harmless(self) -> Self:
        for text in (self.path, self.body or "", *self.headers.values(), *texts_in(self.document, names=True)):
            plain = _COMMENT.sub(" ", unquote_plus(unquote_plus(text)))
            if found := _HARMFUL.search(plain):
                raise ValueError(f"{found[0][:40]!r} would do harm where it is run; send `1; SELECT 1` in its place")
        return self

    @property
    def title(self) -> str:
        """What it is called."""
        return self.name or f"{self.method} {self.path.partition('?')[0]}"

    async def wanted(self, estate: Estate) -> Wanted:
        """What is sent; raises NotConfigured, MissingSecret."""
        content = None if self.body is None else self.body.encode()
        token = await token_of(estate, self.identity)
        return Wanted(self.path, self.method, self.headers, self.document, content, token)


@dataclass(frozen=True, slots=True)
class _Tried:
    """A request that must be refused, and what came of it."""

    title: str
    reply: Reply
    refused: bool
    leaks: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        return not self.refused and not self.reply.broken

    @property
    def wrong(self) -> str:
        """What is wrong, in a few words; "" where nothing is."""
        said = [f"shows {what}" for what in self.leaks]
        if not self.refused:
            said.insert(0, f"status {self.reply.status}")
        return " and ".join(said)

    def __str__(self) -> str:
        return f"{self.title}: {self.wrong or f'refused with status {self.reply.status}'}"


class Refuses(Check, frozen=True):
    """Sends requests that must be refused: attacks, weak passwords, forms without their token.

    `refused` are those answered with one of `with_statuses`, `errors` those answered with 5xx, `accepted` all others.
    `leaks` counts the answers, of whatever status, that show a stack trace, a database's error, a file's content, or
    in a page the request's own markup unescaped. A path that is not there refuses everything, so give a `control`: a
    request like the others in all but what is wrong with them. Where it is given, `control: "= accepted"` (a status of
    2xx) is expected. The evidence never shows an answer.

    Attributes:
        endpoint: where to ask, by its name in the environment's `endpoints`.
        requests: what must be refused.
        with_statuses: the statuses that are a refusal.
        control: what must be accepted.
        within: how long each answer is waited for.
    """

    kind: Literal["http.refuses"] = "http.refuses"
    impact: ClassVar[Impact] = Impact.SYNTHETIC
    measures: ClassVar[Mapping[str, str]] = {
        "refused": "",
        "accepted": "",
        "errors": "",
        "leaks": "",
        "control": "word",
    }

    endpoint: str
    requests: Annotated[tuple[Request, ...], Field(min_length=1, max_length=200)]
    with_statuses: Annotated[tuple[int, ...], Field(min_length=1)] = (400, 401, 403, 404, 405, 409, 413, 415, 422, 429)
    control: Request | None = None
    within: Duration = WITHIN

    @model_validator(mode="after")
    def _control_counts(self) -> Self:
        if self.control is not None:
            self.expect.setdefault("control", _LET_IN)
        elif "control" in self.expect:
            raise ValueError("`control` is expected, so give the request that must be accepted")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Sends them, five at once, and then the control: so a server that came to refuse everything is noticed."""
        asked = await front(estate, self.endpoint)
        turn = asyncio.Semaphore(_AT_ONCE)
        wanted = [(one.title, await one.wanted(estate)) for one in self.requests]
        tried = await asyncio.gather(*(self._try(asked, title, one, turn) for title, one in wanted))
        wrong = [str(one) for one in tried if one.wrong]
        found, said = [], []
        if self.control is not None:
            reply = await asked.ask(await self.control.wanted(estate), self.within)
            found.append(Measurement(name="control", word="accepted" if reply.good else "refused"))
            if not reply.good:
                said.append(f"the control, {self.control.title}, is answered with status {reply.status}")
        return Observation(
            found=(
                Measurement.number("refused", sum(one.refused for one in tried), of=len(tried)),
                Measurement.number("accepted", sum(one.accepted for one in tried), of=len(tried)),
                Measurement.number("errors", sum(one.reply.broken for one in tried), of=len(tried)),
                Measurement.number("leaks", sum(bool(one.leaks) for one in tried), of=len(tried)),
                *found,
            ),
            where=asked.where,
            details=tuple(str(one) for one in sorted(tried, key=lambda one: not one.wrong)[:_SHOWN]),
            because="; ".join([*said, *wrong][:_NAMED]),
        )

    async def _try(self, asked: Front, title: str, wanted: Wanted, turn: asyncio.Semaphore) -> _Tried:
        async with turn:
            reply = await asked.ask(wanted, self.within)
        return _Tried(title, reply, reply.status in self.with_statuses, leaks(wanted, reply))
