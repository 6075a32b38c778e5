"""An S3 with a fault: passes everything on to the real stand-in, and spoils the answers that match."""

import http.client
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["500", "cut", "drip", "reset"]
ERROR = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>We had a problem</Message></Error>"
_HOP = {"connection", "transfer-encoding", "keep-alive"}


class FaultyS3:
    """What stands before it.

    Attributes:
        fault: what is done to the content of objects whose key matches `keys`; None for nothing.
        pause: seconds between two bytes of a body that drips.
        asked: `METHOD path` of each request.
        sent: bytes of bodies that were spoiled.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.fault: Fault | None = None
        self.keys = re.compile("")
        self.pause = 0.02
        self.asked: list[str] = []
        self.sent = 0
        self.url = ""
        self.over = threading.Event()

    def spoils(self, method: str, path: str) -> bool:
        """Whether this request is answered with the fault."""
        return self.fault is not None and method == "GET" and "?" not in path and bool(self.keys.search(path))


@contextmanager
def faulty(upstream: str) -> Iterator[FaultyS3]:
    """The block in which it stands there."""
    s3 = FaultyS3(upstream)

    class Handler(_Handler):
        at = s3

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Whoever went away meanwhile is no error here."""

    with Server(("127.0.0.1", 0), Handler) as server:
        s3.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield s3
        finally:
            s3.over.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    at: FaultyS3

    def log_message(self, *_: object) -> None:
        """Nothing is said."""

    def _pass_on(self) -> None:
        self.at.asked.append(f"{self.command} {self.path}")
        content = self._content()
        upstream = http.client.HTTPConnection(self.at.upstream, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        upstream.request(self.command, self.path, content, headers)
        answer = upstream.getresponse()
        body = answer.read()
        upstream.close()
        if self.at.spoils(self.command, self.path):
            self._spoil(answer, body)
            return
        self._head(answer.status, answer.getheaders(), body)
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on  # noqa: N815 - as the standard library calls them

    def _content(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _head(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in {*_HOP, "content-length", "date", "server"}:
                self.send_header(name, value)
        length = next((value for name, value in headers if name.lower() == "content-length"), str(len(body)))
        self.send_header("Content-Length", length)
        self.end_headers()

    def _spoil(self, answer: http.client.HTTPResponse, body: bytes) -> None:
        if self.at.fault == "500":
            self._head(500, [("Content-Type", "application/xml")], ERROR)
            self.wfile.write(ERROR)
            return
        self.close_connection = True
        self._head(answer.status, answer.getheaders(), body)
        if self.at.fault == "drip":
            self._drip(body)
            return
        self.wfile.write(body[: len(body) // 2])
        self.at.sent += len(body) // 2
        self.wfile.flush()
        if self.at.fault == "reset":
            with suppress(OSError):
                linger = (1).to_bytes(4, "little") + bytes(4)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def _drip(self, body: bytes) -> None:
        for byte in body:
            if self.at.over.wait(self.at.pause) or self.at.fault != "drip":
                return
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            self.at.sent += 1
