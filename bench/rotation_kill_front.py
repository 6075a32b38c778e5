"""In front of Secrets Manager: it fails at one call, before it had its effect or after, as long as it is told to."""

import http.client
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from pydantic import BaseModel, Field

How = Literal["500 before", "500 after", "silent after"]
_LONGEST = 30.0  # seconds
_BROKEN = json.dumps({"__type": "InternalServiceError", "message": "An internal error"}).encode()
_DROPPED = {"connection", "transfer-encoding", "content-length", "host"}


class _Asked(BaseModel):
    secret: str = Field(default="", alias="SecretId")
    stage: str = Field(default="", alias="VersionStage")


@dataclass(frozen=True)
class Failure:
    """What fails: a call by AWS's name, of a stage where it names one, and how."""

    call: str
    how: How
    stage: str = ""

    def __str__(self) -> str:
        return f"{self.call} {self.stage}".strip() + f" {self.how}"


@dataclass
class Front:
    """Passes calls on to moto.

    Attributes:
        to: moto's port.
        failing: secret → what fails for whoever asks for it.
        failed: how often something did.
    """

    to: int
    failing: dict[str, Failure] = field(default_factory=dict)
    failed: int = 0

    @contextmanager
    def running(self) -> Iterator[str]:
        """Its address."""
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                front.handle(self)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """Says nothing of whoever is killed while it is answered."""
                if not isinstance(sys.exception(), ConnectionError):
                    super().handle_error(request, client_address)  # type: ignore[arg-type]  # as it came

        with Server(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """One call."""
        body = request.rfile.read(int(request.headers.get("Content-Length", "0")))
        failure = self._failure(request.headers.get("X-Amz-Target", ""), body)
        if failure is not None:
            self.failed += 1
        if failure is not None and failure.how == "500 before":
            _reply(request, 500, _BROKEN)
            return
        status, answer = self._passed_on(request, body)
        if failure is None:
            _reply(request, status, answer)
        elif failure.how == "500 after":
            _reply(request, 500, _BROKEN)
        else:
            request.close_connection = True

    def _failure(self, target: str, body: bytes) -> Failure | None:
        asked = _Asked.model_validate_json(body)
        failure = self.failing.get(asked.secret)
        if failure is None or failure.call != target.rpartition(".")[2] or failure.stage not in {"", asked.stage}:
            return None
        return failure

    def _passed_on(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _DROPPED}
        behind = http.client.HTTPConnection("127.0.0.1", self.to, timeout=_LONGEST)
        try:
            behind.request("POST", request.path, body, headers)
            answer = behind.getresponse()
            return answer.status, answer.read()
        finally:
            behind.close()


def _reply(request: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    request.send_response(status)
    request.send_header("Content-Type", "application/x-amz-json-1.1")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
