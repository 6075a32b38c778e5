"""A service that drills may break: `python -m deployments.rehearsal.drill_service FOLDER --port PORT [--needs URL]`.

GET / says 200 where it is well, 503 where what it needs does not answer. Each answer takes some memory for a moment;
where it gets none it ends, as services do that are told to (`-XX:+ExitOnOutOfMemoryError`).
"""

import argparse
import mmap
import os
import urllib.request
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from deployments.rehearsal.addresses import HOST

OUT_OF_MEMORY = 137
_WORK = 64 * 1024 * 1024  # bytes of address space, asked of the system each time and never touched
_PATIENCE = 0.5  # seconds for what it needs


class DrillService(ThreadingHTTPServer):
    """Listens on a port of loopback.

    Attributes:
        needs: a URL without which it cannot serve; "" where it needs nobody.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, needs: str = "") -> None:
        super().__init__((HOST, port), _Handler)
        self.needs = needs

    def status(self) -> HTTPStatus:
        """Whether it can serve."""
        if self.needs:
            try:
                with urllib.request.urlopen(self.needs, timeout=_PATIENCE) as answer:  # noqa: S310  # our own address
                    answer.read()
            except OSError:
                return HTTPStatus.SERVICE_UNAVAILABLE
        return HTTPStatus.OK


class _Handler(BaseHTTPRequestHandler):
    server: DrillService

    def do_GET(self) -> None:
        """One answer."""
        try:
            work = mmap.mmap(-1, _WORK)
        except (OSError, MemoryError):
            os._exit(OUT_OF_MEMORY)
        with work:
            self.send_response(self.server.status())
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the library has it
        """Says nothing."""


def main() -> None:
    """Serve until it is killed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="by which its power switch knows it")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--needs", default="")
    given = parser.parse_args()
    DrillService(given.port, given.needs).serve_forever()


if __name__ == "__main__":
    main()
