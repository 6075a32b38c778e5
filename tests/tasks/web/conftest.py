"""One server that answers whatever a test wants, and checks that look at it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bench.worlds.estates import check_of
from bench.worlds.world import Case
from deployments.rehearsal.in_thread import served
from tests.conftest import Estates
from tminus.outcome import Outcome

TOKEN = "a-token-of-nobody"
_PATH = {
    kind: {"path": "/"}
    for kind in (
        *("http.json", "http.cors", "http.rate_limit", "http.request_size", "http.lockout", "http.latency"),
        *("cdn.asset", "jwt.token", "websocket.messages"),
    )
}


@dataclass
class Answering:
    """What it answers, to every request, and what it was asked.

    Attributes:
        then: the answers to the first requests, before the one that is always given.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    then: list[tuple[int, bytes]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        request = Request(scope, receive)
        raw = scope["raw_path"].decode() + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
        self.asked.append((request.method, raw, dict(request.headers), await request.body()))
        status, body = self.then.pop(0) if self.then else (self.status, self.body)
        await asyncio.sleep(self.delay)  # what comes after it may belong to the next test
        await Response(body, status, self.headers)(scope, receive, send)

    def says(self, document: object, status: int = 200, **headers: str) -> None:
        """It answers with this document."""
        self.body, self.status = json.dumps(document).encode(), status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture(scope="session")
def session_answering() -> Iterator[Answering]:
    """The server, for all tests of this folder."""
    app = Answering()
    with served(app) as app.url:
        yield app


@pytest.fixture
def answering(session_answering: Answering) -> Answering:
    """The server, as new."""
    url = session_answering.url
    session_answering.__init__(url=url)  # type: ignore[misc]
    return session_answering


Look = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def look(answering: Answering, estates: Estates) -> Look:
    """One look by a kind of check at the server, whose endpoint is `api`; TOKEN is the identity `customer`'s."""

    async def observe(
        kind: str, expect: dict[str, str], url: str = "", token: str = TOKEN, expired: str = "", **given: object
    ) -> Outcome:
        check = check_of(Case(kind, {"endpoint": "api", **_PATH.get(kind, {}), **given}, expect))  # type: ignore[dict-item]
        async with estates.make(
            endpoints={"api": {"url": url or answering.url}},
            identities={"customer": estates.secret(SecretStr(token)), "expired": estates.secret(SecretStr(expired))},
            artifacts=str(estates.folder),
        ) as estate:
            return await check.observe(estate)

    return observe
