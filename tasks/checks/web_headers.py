"""What the system tells browsers: its security headers, and who may read its answers from another page."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.web_headers import cookies, directives, has, max_age, shown, value_of
from tasks.web_request import WITHIN, Front, Reply, Wanted, front, token_of
from tminus.clock import Duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation

_THERE = Expectation("= yes")
_YES, _NO = "yes", "no"
_ALLOWS = "Access-Control-Allow-Origin"


class Headers(Check, frozen=True):
    """Asks for one page, and judges one header of the answer.

    `present` is `yes` or `no`, which an empty header is too; `value` the header as it is sent, `none` without it;
    `directives` how many parts it has; `max_age` the seconds of its `max-age`, 0 where it gives none. `forbidden`
    counts what of `forbids` stands in it, `required` what of `requires` does; where one of these two is expected, so is
    `present: "= yes"` unless the book says otherwise, since a header that is not there forbids nothing. Of `Set-Cookie`
    only the attributes are read, and `required` counts what every cookie has, `forbidden` what any has. Redirects are
    not followed; an answer of 5xx says nothing of the system's headers.

    Attributes:
        endpoint: where to ask, by its name in the environment's `endpoints`.
        path: what to ask for.
        header: the header's name: `Content-Security-Policy`.
        forbids: directives or tokens that must not be in it: `unsafe-eval`; `script-src unsafe-inline` is a token in
            that directive of a content security policy.
        requires: directives or tokens that must be in it: `includeSubDomains`, `HttpOnly`.
        identity: whose token is sent, by its name in the environment's `identities`.
        within: how long an answer is waited for.
    """

    kind: Literal["http.headers"] = "http.headers"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "present": "word",
        "value": "word",
        "max_age": "s",
        "directives": "",
        "forbidden": "",
        "required": "",
    }

    endpoint: str
    path: str = "/"
    header: str
    forbids: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    identity: str | None = None
    within: Duration = WITHIN

    @model_validator(mode="after")
    def _there_too(self) -> Self:
        for measured, named in (("forbidden", "forbids"), ("required", "requires")):
            if measured in self.expect:
                if not getattr(self, named):
                    raise ValueError(f"`{measured}` is expected, so name what under `{named}`")
                self.expect.setdefault("present", _THERE)
        return self

    async def look(self, estate: Estate) -> Observation:
        """One GET."""
        asked = await front(estate, self.endpoint)
        wanted = Wanted(self.path, token=await token_of(estate, self.identity))
        reply = await asked.ask(wanted, self.within)
        if reply.broken:
            raise CouldNotObserve(f"{asked.name}: {wanted}: status {reply.status}, which says nothing of its headers")
        value = value_of(reply.headers, self.header)
        each = cookies(reply.headers) if self.header.lower() == "set-cookie" else (value or "",)
        forbidden = [one for one in self.forbids if value and any(has(self.header, part, one) for part in each)]
        required = [
            one for one in self.requires if value and all(has(self.header, part, one, surely=True) for part in each)
        ]
        missing = [one for one in self.requires if one not in required]
        wrong = [f"{self.header} has {one}" for one in forbidden] + [f"{self.header} lacks {one}" for one in missing]
        found = [
            Measurement(name="present", word=_NO if value is None else _YES),
            Measurement(name="value", word=shown(value)),
            Measurement.number("max_age", max_age(value), "s"),
            Measurement.number("directives", len(directives(self.header, value or ""))),
        ]
        for name, these, named in (("forbidden", forbidden, self.forbids), ("required", required, self.requires)):
            if named:
                found.append(Measurement.number(name, len(these), of=len(named)))
        return Observation(
            found=tuple(found),
            where=asked.where,
            details=(f"{wanted}: status {reply.status}, {self.header}: {shown(value)}",),
            because="; ".join(wrong) if value is not None else f"{wanted} sends no {self.header}",
        )


class Cors(Check, frozen=True):
    """Asks as a page of another origin would, by a GET and by its preflight, and judges what that page may do.

    `allowed` is `any` where every origin may read the answer, `yes` where this one may, else `no`; `credentials` is
    `yes` where it may then do so in its customer's name. A browser refuses the two together for `any`, and a server
    that says both is misconfigured. An answer of 5xx, or of 404 to both, says nothing of what is allowed, nor does a
    GET that is not answered with 2xx and has no such header: where whoever asks is refused before, give an `identity`.

    Attributes:
        endpoint: where to ask, by its name in the environment's `endpoints`.
        path: what to ask for.
        origin: the other page's origin: scheme, host and port.
        method: what the preflight asks leave for.
        identity: whose token is sent with the GET, by its name in the environment's `identities`.
        within: how long an answer is waited for.
    """

    kind: Literal["http.cors"] = "http.cors"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"allowed": "word", "credentials": "word"}

    endpoint: str
    path: str
    origin: str = "https://not-ours.example"
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    identity: str | None = None
    within: Duration = WITHIN

    @field_validator("origin")
    @classmethod
    def _origin(cls, origin: str) -> str:
        parts = urlsplit(origin)
        if origin not in {"null", f"{parts.scheme}://{parts.netloc}"}:
            raise ValueError(f"{origin!r} is no origin; write one such as 'https://not-ours.example', without a path")
        return origin

    async def look(self, estate: Estate) -> Observation:
        """One GET, and one OPTIONS."""
        asked = await front(estate, self.endpoint)
        plain = Wanted(self.path, headers={"Origin": self.origin}, token=await token_of(estate, self.identity))
        leave = {"Origin": self.origin, "Access-Control-Request-Method": self.method}
        preflight = Wanted(self.path, method="OPTIONS", headers=leave)
        replies = [await self._ask(asked, wanted) for wanted in (plain, preflight)]
        if all(reply.status == HTTPStatus.NOT_FOUND for reply in replies):
            raise CouldNotObserve(f"{asked.name}: {plain}: status 404; is the path right?")
        allowed = [self._allowed(reply) for reply in replies]
        said = next((word for word in ("any", _YES) if word in allowed), _NO)
        if said == _NO and not replies[0].good and _ALLOWS not in replies[0].headers:
            raise CouldNotObserve(
                f"{asked.name}: {plain}: status {replies[0].status}, "
                "which says nothing of who may read an answer of 2xx"
            )
        trusted = any(word != _NO and _credentials(reply) for word, reply in zip(allowed, replies, strict=True))
        return Observation(
            found=(
                Measurement(name="allowed", word=said),
                Measurement(name="credentials", word=_YES if trusted else _NO),
            ),
            where=asked.where,
            details=tuple(
                f"{wanted}: status {reply.status}, allowed {word}"
                for wanted, reply, word in zip((plain, preflight), replies, allowed, strict=True)
            ),
            because="" if said == _NO else f"a page of {self.origin} may read {self.path.partition('?')[0]}",
        )

    async def _ask(self, asked: Front, wanted: Wanted) -> Reply:
        reply = await asked.ask(wanted, self.within)
        if reply.broken:
            raise CouldNotObserve(f"{asked.name}: {wanted}: status {reply.status}, which says nothing of what is so")
        return reply

    def _allowed(self, reply: Reply) -> str:
        said = (reply.headers.get(_ALLOWS) or "").strip()
        if said == "*":
            return "any"
        return _YES if said == self.origin else _NO


def _credentials(reply: Reply) -> bool:
    return (reply.headers.get("Access-Control-Allow-Credentials") or "").strip().lower() == "true"
