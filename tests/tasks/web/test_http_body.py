"""Bodies that are packed, and bodies that do not end."""

import gzip
import zlib
from datetime import timedelta

import httpx
import pytest

from tasks import http_body
from tasks.http_body import UnreadableBody, answer_to, read_body
from tasks.probe import LARGEST, get
from tests.tasks.web.conftest import Answering, Look
from tminus.outcome import Verdict

_BOMB = gzip.compress(gzip.compress(b"\0" * (1 << 24)))


async def read(body: bytes, encoding: str, largest: int = 100, *, as_sent: bool = False) -> bytes:
    """What is read of this body."""
    response = httpx.Response(200, headers={"Content-Encoding": encoding}, stream=httpx.ByteStream(body))
    return await read_body(response, largest, as_sent=as_sent)


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (b"x" * 1000, ""),
        (b"x" * 1000, "identity"),
        (gzip.compress(b"x" * 1000, mtime=0), "gzip"),
        (gzip.compress(b"x" * 1000, mtime=0), "X-GZIP, identity"),
        (zlib.compress(b"x" * 1000), "deflate"),
    ],
)
async def test_no_more_is_unpacked_than_is_read(packed: bytes, encoding: str) -> None:
    """However small it came."""
    assert await read(packed, encoding) == b"x" * 100
    assert await read(packed, encoding, 5000) == b"x" * 1000


@pytest.mark.parametrize(("body", "encoding"), [(_BOMB, "gzip, gzip"), (b"", "br"), (b"no gzip", "gzip")])
async def test_what_is_packed_otherwise_is_not_read(body: bytes, encoding: str) -> None:
    """Nor unpacked; as it was sent it may be measured."""
    with pytest.raises(UnreadableBody):
        await read(body, encoding)
    assert await read(body, encoding, as_sent=True) == body[:100]


async def test_a_body_that_is_packed_twice_is_unknown(answering: Answering, look: Look) -> None:
    """To every check."""
    answering.body, answering.headers = _BOMB, {"Content-Encoding": "gzip, gzip"}
    outcome = await look("http.json", {"status": "= 200"})
    assert outcome.verdict is Verdict.UNKNOWN
    assert "packed in a way" in outcome.summary
    assert answering.asked[0][2]["accept-encoding"] == "identity"


async def test_a_whole_answer_is_read_or_none(answering: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, asked for unpacked; not what is packed twice, nor the beginning of what is too long."""
    async with httpx.AsyncClient() as client:
        answering.body, answering.headers = gzip.compress(b"1234", mtime=0), {"Content-Encoding": "gzip", "X": "y"}
        answer = await answer_to(client, client.build_request("GET", answering.url))
        assert (answer.content, answer.headers["X"]) == (b"1234", "y")
        assert answering.asked[0][2]["accept-encoding"] == "identity"
        monkeypatch.setattr(http_body, "_LARGEST", 3)
        with pytest.raises(UnreadableBody, match="beyond the 3 bytes"):
            await answer_to(client, client.build_request("GET", answering.url))
        answering.body, answering.headers = _BOMB, {"Content-Encoding": "gzip, gzip"}
        with pytest.raises(UnreadableBody, match="packed in a way"):
            await answer_to(client, client.build_request("GET", answering.url))


async def test_a_probe_reads_no_more_than_it_may(answering: Answering) -> None:
    """Of an answer that goes on it has the beginning, and no document."""
    answering.body = b"1" * (LARGEST + 1)
    async with httpx.AsyncClient() as client:
        answer = await get(client, answering.url, timedelta(seconds=5))
        assert (answer.status, len(answer.body), answer.document) == (200, LARGEST, None)
        answering.headers = {"Content-Encoding": "gzip, gzip"}
        assert "packed in a way" in (await get(client, answering.url, timedelta(seconds=5))).problem
