"""A body from outside is read only so far, and only so long."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from starlette.requests import Request
from starlette.types import Message

from tminus.bounded_body import BodyRefused, bounded_body


def request(*chunks: bytes, more: bool = False, pause: float = 0.0, gone: bool = False) -> Request:
    """A request whose body comes in these chunks."""
    parts: Sequence[Message] = [{"type": "http.request", "body": one, "more_body": True} for one in chunks]
    last: Message = {"type": "http.disconnect"} if gone else {"type": "http.request", "body": b"", "more_body": more}
    messages = _one_by_one([*parts, last], pause)

    async def receive() -> Message:
        return await anext(messages)

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def _one_by_one(messages: Sequence[Message], pause: float) -> AsyncIterator[Message]:
    for one in messages:
        await asyncio.sleep(pause)
        yield one
    await asyncio.Event().wait()


async def test_a_body_is_read_whole() -> None:
    """However it comes."""
    assert await bounded_body(request(b"ab", b"", b"cd"), 4) == b"abcd"


async def test_one_byte_more_is_too_large() -> None:
    """413, at the chunk that was too much."""
    with pytest.raises(BodyRefused, match="larger than 4 bytes") as refused:
        await bounded_body(request(b"abcd", b"e", more=True), 4)
    assert (refused.value.status, refused.value.oversized) == (413, True)


@pytest.mark.parametrize("slow", [request(b"a", more=True), request(*[b"a"] * 50, pause=0.02)], ids=["hangs", "drips"])
async def test_what_does_not_come_is_not_waited_for(slow: Request) -> None:
    """408: the time is the whole body's, so dripping does not help."""
    with pytest.raises(BodyRefused, match="did not come") as refused:
        await bounded_body(slow, 400, within=0.1)
    assert (refused.value.status, refused.value.oversized) == (408, False)


async def test_who_hangs_up_sent_nothing() -> None:
    """Half a body is none."""
    with pytest.raises(BodyRefused, match="did not come"):
        await bounded_body(request(b"a", gone=True), 400)
