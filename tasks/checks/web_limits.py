"""Where the system says that it is enough: of a request's size, and of wrong passwords."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue, SecretStr, model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.web_request import WITHIN, Reply, Wanted, front, token_of
from tasks.web_size import Size
from tminus.clock import Duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation

_LOCKED = Expectation("= yes")
_SIZE = 64 * 1024  # bytes sent at once
_BEYOND_SIZE = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
_NO_LOGIN = {
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.TOO_MANY_REQUESTS,
}


class RequestSize(Check, frozen=True):
    """Sends two bodies of JSON, a small one and a large one, and says which the system takes.

    Each is `refused` where it is answered with 413, and `accepted` where it is not, be it that something else about
    it is wrong (400, 422). The small one also counts as refused where it does not get as far as that (401, 403, 404,
    405): then the answer to the large one proves less. An answer of 5xx is `error`.

    Attributes:
        endpoint: where to send it, by its name in the environment's `endpoints`.
        path: where it is posted.
        identity: whose token is sent, by its name in the environment's `identities`.
        small: how large a body must be taken.
        large: how large a body must be refused.
        within: how long each answer is waited for.
    """

    kind: Literal["http.request_size"] = "http.request_size"
    impact: ClassVar[Impact] = Impact.SYNTHETIC
    measures: ClassVar[Mapping[str, str]] = {"small": "word", "large": "word"}

    endpoint: str
    path: str
    identity: str | None = None
    small: Annotated[Size, Field(le=1 << 30)] = 1024
    large: Annotated[Size, Field(le=1 << 30)]
    within: Duration = timedelta(seconds=30)

    @model_validator(mode="after")
    def _larger(self) -> Self:
        if self.large <= self.small:
            raise ValueError(f"large ({self.large} B) must be larger than small ({self.small} B)")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Two POSTs."""
        asked = await front(estate, self.endpoint)
        token = await token_of(estate, self.identity)
        small = await asked.ask(self._wanted(self.small, token), self.within)
        large = await asked.ask(self._wanted(self.large, token), self.within)
        words = {"small": _taken(small, {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, *_BEYOND_SIZE})}
        words["large"] = _taken(large, {HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
        said = f"{self.small} B: status {small.status}; {self.large} B: status {large.status}"
        found = tuple(Measurement(name=name, word=word) for name, word in words.items())
        return Observation(found=found, where=asked.where, details=(said,), because=said)

    def _wanted(self, size: int, token: SecretStr | None) -> Wanted:
        headers = {"Content-Type": "application/json", "Content-Length": str(size)}
        return Wanted(self.path, "POST", headers, content=_padding(size), token=token)


class Lockout(Check, frozen=True, populate_by_name=True, serialize_by_alias=True):
    """Sends a login with a wrong password again and again, and says after how many the account is locked.

    `attempts` are those answered before the first of `locked_statuses`; `locked` is `yes` where there was one within
    `after` attempts. Where `attempts` is expected, so is `locked: "= yes"` unless the book says otherwise. The account
    must be one made for tests: it is locked afterwards. A login that succeeds, a path that is none, 5xx and, unless it
    is one of `locked_statuses`, 429 are no answers to a wrong password: then nothing is known. Nor is it where the
    very first attempt finds the account locked: an address that refuses everybody does that too.

    Attributes:
        endpoint: where to ask, by its name in the environment's `endpoints`.
        path: where a login is posted.
        document: the login, with a password that is wrong; written `json:`.
        after: how many attempts are made at most.
        locked_statuses: the statuses that say that the account is locked.
        within: how long each answer is waited for.
    """

    kind: Literal["http.lockout"] = "http.lockout"
    impact: ClassVar[Impact] = Impact.SYNTHETIC
    measures: ClassVar[Mapping[str, str]] = {"attempts": "", "locked": "word"}

    endpoint: str
    path: str
    document: JsonValue = Field(alias="json")
    after: Annotated[int, Field(ge=1, le=100)] = 10
    locked_statuses: Annotated[tuple[int, ...], Field(min_length=1)] = (423,)
    within: Duration = WITHIN

    @model_validator(mode="after")
    def _seen_to_lock(self) -> Self:
        if "attempts" in self.expect:
            self.expect.setdefault("locked", _LOCKED)
        return self

    async def look(self, estate: Estate) -> Observation:
        """Sends at most `after` logins, one after another."""
        asked = await front(estate, self.endpoint)
        wanted = Wanted(self.path, "POST", document=self.document)
        answered, locked = 0, False
        while answered < self.after and not locked:
            reply = await asked.ask(wanted, self.within)
            locked = reply.status in self.locked_statuses
            if locked and not answered:
                raise CouldNotObserve(
                    f"{asked.name}: {wanted}: status {reply.status} to the first attempt, "
                    "so what locks it is not seen; unlock the account, or ask later"
                )
            if not locked and (reply.good or reply.broken or reply.status in _NO_LOGIN):
                why = "so the password is not wrong" if reply.good else "which is no answer to a wrong password"
                raise CouldNotObserve(f"{asked.name}: {wanted}: status {reply.status}, {why}")
            answered += not locked
        return Observation(
            found=(
                Measurement.number("attempts", answered),
                Measurement(name="locked", word="yes" if locked else "no"),
            ),
            where=asked.where,
            because="" if locked else f"{answered} wrong passwords do not lock the account",
        )


def _taken(reply: Reply, refusals: set[HTTPStatus]) -> str:
    if reply.broken:
        return "error"
    return "refused" if reply.status in refusals else "accepted"


async def _padding(size: int) -> AsyncIterator[bytes]:
    """A JSON document of that many bytes: `{"padding": "…"}` where it fits, else digits."""
    before, after = (b'{"padding":"', b'"}') if size >= len('{"padding":""}') else (b"", b"")
    left = size - len(before) - len(after)
    fill = b"x" if before else b"1"
    yield before
    while left > 0:
        some = min(left, _SIZE)
        yield fill * some
        left -= some
    yield after
