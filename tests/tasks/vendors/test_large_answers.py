"""An answer that never ends is given up while it comes."""

import gzip
from collections.abc import AsyncIterator

import httpx
import pytest

from tasks import vendor_api
from tasks.vendor_api import VendorApi
from tminus.errors import CouldNotObserve
from tminus.systems.web import Api


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_no_more_is_read_than_is_allowed(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """Whatever its status, of an answer without an end a part more than the limit is taken, and no second one."""
    monkeypatch.setattr(vendor_api, "_LARGEST", 10_000)
    sent = 0

    async def for_ever() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 4_000
            yield b"x" * 4_000

    transport = httpx.MockTransport(lambda _request: httpx.Response(status, content=for_ever()))
    async with httpx.AsyncClient(transport=transport) as client:
        api = VendorApi("datadog", Api(url="http://127.0.0.1:1"), client)
        with pytest.raises(CouldNotObserve, match=r"beyond the 10000 bytes"):
            await api.ask("GET", "/endless")
    assert sent == 12_000


async def test_what_is_packed_twice_is_not_unpacked() -> None:
    """A few kilobytes would become hundreds of megabytes; it was not asked for, either."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        bomb = gzip.compress(gzip.compress(b"0" * (1 << 22)))
        return httpx.Response(200, headers={"Content-Encoding": "gzip, gzip"}, stream=httpx.ByteStream(bomb))

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        api = VendorApi("datadog", Api(url="http://127.0.0.1:1"), client)
        with pytest.raises(CouldNotObserve, match="packed in a way"):
            await api.ask("GET", "/packed")
    assert asked[0].headers["Accept-Encoding"] == "identity"
