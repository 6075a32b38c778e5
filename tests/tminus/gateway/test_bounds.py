"""Over real sockets: what is too large, too slow or too much is cut off, and everybody else is served meanwhile."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.tminus.gateway.serving import metrics, served, well
from tests.tminus.slack_room import eventually
from tminus import gateway_server
from tminus.bounded_body import LARGEST, BodyRefused, bounded_body
from tminus.gateway import Gateway
from tminus.gateway_server import HEAD, configuration
from tminus.refusals import NO_HTTP, TOO_MANY, TOO_SLOW, UNREAD, Refusals

PRESS = "/slack/interactions"
SOON = 0.5  # seconds in which a head must have come here


@pytest.fixture
def at(gateway: Gateway) -> Iterator[tuple[str, int]]:
    """The gateway's own address; heads must come in half a second."""
    with served(configuration(gateway.app(), gateway.refusals, SOON)) as address:
        yield address


def read(line: socket.socket) -> bytes:
    """Everything until the other side is done; nothing more may come within five seconds."""
    line.settimeout(5)
    found = b""
    try:
        while more := line.recv(65536):
            found += more
    except ConnectionResetError:
        pass
    return found


def drip(line: socket.socket, text: bytes, pause: float = 0.05) -> float:
    """Sends byte by byte until it is cut off; returns the seconds that took."""
    began = time.monotonic()
    line.settimeout(5)
    try:
        for number in range(400):
            line.sendall(text[number % len(text) :][:1])
            time.sleep(pause)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return time.monotonic() - began


def test_a_head_that_comes_byte_by_byte_is_cut_off(at: tuple[str, int], gateway: Gateway) -> None:
    """Ten such clients are gone within their time, are counted, and kept nobody waiting."""
    lines = [socket.create_connection(at) for _ in range(10)]
    threads = [
        threading.Thread(target=drip, args=(line, b"POST /slack/interactions HTTP/1.1\r\nX: ")) for line in lines
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    assert well(at)
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 3
    for line in lines:
        line.close()
    said = f'tminus_gateway_refusals_total{{door="elsewhere",status="408",reason="{TOO_SLOW}"}} 10'
    assert said in list(gateway.refusals.metrics())
    assert well(at)


def test_a_second_head_is_awaited_no_longer_than_the_first(at: tuple[str, int]) -> None:
    """A client that was served once has no more time for what it sends next."""
    with closing(socket.create_connection(at)) as line:
        line.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        line.settimeout(5)
        assert line.recv(4096).startswith(b"HTTP/1.1 200")
        assert drip(line, b"GET /health HTTP/1.1\r\nX: ") < 3


def test_a_connection_that_sends_nothing_is_cut_off(at: tuple[str, int]) -> None:
    """Being connected is no reason to stay."""
    with closing(socket.create_connection(at)) as line:
        assert read(line) == b""


def test_a_head_that_is_too_large(at: tuple[str, int]) -> None:
    """400, and the connection is closed; one that just fits is served."""
    with closing(socket.create_connection(at)) as line:
        line.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (HEAD + 1000))
        assert read(line).startswith(b"HTTP/1.1 400")
    assert any(NO_HTTP in one for one in metrics(at))
    with closing(socket.create_connection(at)) as line:
        line.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: " + b"a" * (HEAD - 200) + b"\r\n\r\n")
        assert read(line).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("chunked", [False, True], ids=["by its length", "in chunks"])
def test_a_body_that_is_too_large(at: tuple[str, int], chunked: bool) -> None:
    """413 as soon as it is, however it comes; the connection does not stay."""
    with closing(socket.create_connection(at)) as line:
        how = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 99999999"
        line.sendall(b"POST " + PRESS.encode() + b" HTTP/1.1\r\nHost: x\r\n" + how + b"\r\n\r\n")
        piece = b"x" * 65536
        for _ in range(LARGEST // len(piece) + 1):
            line.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        assert read(line).startswith(b"HTTP/1.1 413")
    assert well(at)


def test_whoever_was_answered_before_they_had_sent_everything_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that comes byte by byte gets its 408, and no more of our time than it takes to read that."""
    monkeypatch.setattr(gateway_server, "_LINGER", 0.2)

    async def bounded(request: Request) -> Response:
        try:
            await bounded_body(request, within=0.3)
        except BodyRefused as e:
            return JSONResponse({"error": str(e)}, status_code=e.status)
        return Response()

    app = Starlette(routes=[Route(PRESS, bounded, methods=["POST"])])
    with served(configuration(app, Refusals([PRESS]))) as address, closing(socket.create_connection(address)) as line:
        line.sendall(b"POST " + PRESS.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n")
        took = drip(line, b"x")
    assert 0.3 < took < 3


def test_more_connections_than_it_takes(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has been connected for longest without a request gives way, and is counted; who comes is served."""
    monkeypatch.setattr(gateway_server, "CONNECTIONS", 20)
    with served(configuration(gateway.app(), gateway.refusals)) as address:
        lines = [socket.create_connection(address) for _ in range(25)]
        assert well(address)
        assert [read(line) for line in lines[:6]] == [b""] * 6
        lines[-1].sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert read(lines[-1]).startswith(b"HTTP/1.1 200")
        counted = [one for one in metrics(address) if TOO_MANY in one]
        for line in lines:
            line.close()
    assert [one.partition("}")[0] for one in counted] == [
        f'tminus_gateway_refusals_total{{door="elsewhere",status="503",reason="{TOO_MANY}"'
    ]


def test_an_answer_that_nobody_reads_is_not_kept(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks and asks, and reads nothing, is cut off once the first answer that does not fit is too old."""
    monkeypatch.setattr(gateway_server, "ANSWERED_WITHIN", 0.5)
    with (
        served(configuration(gateway.app(), gateway.refusals)) as address,
        closing(socket.create_connection(address)) as line,
    ):
        line.setblocking(False)
        asked = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 100
        try:
            while True:
                line.sendall(asked)
        except BlockingIOError:
            pass  # nothing goes in any more, since nothing comes out
        eventually(lambda: any(UNREAD in one for one in metrics(address)))
        assert well(address)


@pytest.mark.parametrize(
    "head",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /slack/interactions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /slack/interactions HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)
def test_what_is_no_http(at: tuple[str, int], head: bytes) -> None:
    """TLS at a plain door, an unknown version, two lengths, an upgrade: answered or cut, and nothing breaks."""
    with closing(socket.create_connection(at)) as line:
        line.sendall(head)
        answer = read(line)
    assert answer == b"" or answer.split(b" ")[1] in {b"200", b"400", b"401", b"404"}
    assert well(at)


@pytest.fixture
def log(at: tuple[str, int], caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every line of the process: the server's own does not reach the root by itself."""
    server = logging.getLogger("uvicorn.error")
    server.addHandler(caplog.handler)
    yield caplog
    server.removeHandler(caplog.handler)


BAD_CHUNK = b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b""),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\nConnection: Upgrade, close\r\n\r\n", b""),
        (b"POST /nowhere HTTP/1.1\r\n" + BAD_CHUNK, b"no chunk\r\n"),
        (b"POST /nowhere HTTP/1.1\r\n" + BAD_CHUNK + b"no chunk\r\n", b""),
        (b"POST /health HTTP/1.1\r\n" + BAD_CHUNK, b"no chunk\r\n"),
        (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"no HTTP\r\n\r\n"),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"no HTTP\r\n\r\n"),
    ],
    ids=[
        "TLS",
        "an upgrade",
        "a bad chunk after a 404",
        "a bad chunk before a 404",
        "a bad chunk after a 405",
        "after an answer",
        "after the last",
    ],
)
def test_what_is_no_http_makes_no_line(
    at: tuple[str, int], log: pytest.LogCaptureFixture, first: bytes, then: bytes
) -> None:
    """Whether it can still be answered or not: it is counted, and nobody fills the log from outside."""
    for _ in range(5):
        with closing(socket.create_connection(at)) as line:
            line.sendall(first)
            if then:
                line.settimeout(5)
                assert line.recv(4096).startswith(b"HTTP/1.1 ")
                try:
                    line.sendall(then)
                except (BrokenPipeError, ConnectionResetError):
                    continue
            read(line)
    assert well(at)
    assert [record.getMessage() for record in log.records if record.name != "httpx"] == []


def test_a_body_that_turns_out_to_be_no_http_makes_no_traceback(
    at: tuple[str, int], log: pytest.LogCaptureFixture
) -> None:
    """The door that reads it has nothing to answer any more."""
    with closing(socket.create_connection(at)) as line:
        line.sendall(b"POST " + PRESS.encode() + b" HTTP/1.1\r\n" + BAD_CHUNK)
        time.sleep(0.1)
        line.sendall(b"no chunk\r\n")
        assert read(line).startswith(b"HTTP/1.1 400")
    assert well(at)
    assert [record.getMessage() for record in log.records if record.levelno >= logging.ERROR] == []


def test_a_mistake_of_ours_still_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What the server says of an application that breaks is no word of a client's."""

    def broken(_request: Request) -> Response:
        raise ZeroDivisionError

    app = Starlette(routes=[Route(PRESS, broken)])
    with served(configuration(app, Refusals([PRESS]))) as address:
        server = logging.getLogger("uvicorn.error")
        server.addHandler(caplog.handler)
        with closing(socket.create_connection(address)) as line:
            line.sendall(b"GET " + PRESS.encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert read(line).startswith(b"HTTP/1.1 500")
        server.removeHandler(caplog.handler)
    assert "Exception in ASGI application" in caplog.text
