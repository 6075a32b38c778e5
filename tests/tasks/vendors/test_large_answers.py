"""An answer that never ends is given up while it comes."""

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
