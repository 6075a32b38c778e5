"""A check that asks an application inside this process, so that a look takes milliseconds."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import httpx
import pytest
from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.worlds.estates import check_of
from bench.worlds.world import Case
from tests.conftest import Estates
from tminus.outcome import Outcome

TOKEN = "a-token-that-nobody-is-shown"

Ask = Callable[..., Awaitable[Outcome]]


class _Client:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    def trusting(self, _authority: Path | None) -> httpx.AsyncClient:
        """The client, whatever it should trust."""
        return self._client


@pytest.fixture
def ask(estates: Estates, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """A function that looks once: an app, a kind, what is expected, and what is given → the outcome."""
    monkeypatch.setenv("CLUSTER_TOKEN", TOKEN)

    async def asked(app: Starlette, kind: str, expect: Mapping[str, str], **given: JsonValue) -> Outcome:
        section = {"url": "http://127.0.0.1:1", "token": "env:CLUSTER_TOKEN"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            estate = estates.make(kubernetes={**section, "namespace": "vatic"}, opa=section)
            estate.__dict__["clients"] = _Client(client)
            async with estate:
                outcome = await check_of(Case(kind, given, expect)).observe(estate)
        assert TOKEN not in outcome.model_dump_json()
        return outcome

    return asked


@pytest.fixture
def saying() -> Callable[..., Starlette]:
    """`saying(body, status=200)`: an application that answers everything with the same."""

    def app(body: str | bytes, status: int = 200) -> Starlette:
        async def answer(_request: Request) -> Response:
            return Response(body, status, media_type="application/json")

        return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])

    return app
