"""What the platform's command line makes of a platform that stops answering half way."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from deployments.rehearsal import platformctl
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.trading_builds import NEXT, trading_build

BUILD = trading_build(NEXT)
IMAGE = {"version": NEXT, "artifact_digest": BUILD.artifact_digest, "config_digest": BUILD.config_digest}
STARTING = {
    "rollout": {**IMAGE, "instances": 1},
    "instances": [{**IMAGE, "state": "starting"}],
    "applied": True,
}
WORDS = [word for name, value in IMAGE.items() for word in (f"--{name.replace('_', '-')}", value)]


@contextmanager
def platform(*answers: tuple[int, dict[str, Any]]) -> Iterator[str]:
    """A platform that gives these answers, one a request, and then refuses every connection."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            status, document = left.pop(0)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)
            if not left:
                self.server.socket.close()

        def do_PUT(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def do_DELETE(self) -> None:
            self.answer()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)

    def serve() -> None:
        while left:
            server.handle_request()

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    thread.join()
    server.server_close()


def ctl(url: str, verb: str) -> int:
    """Exit status of a roll-out of one instance, or of emptying the pool."""
    words = [*WORDS, "--instances", "1"] if verb == "roll-out" else []
    return platformctl.main(["--url", url, verb, "--pool", "green", *words])


def test_only_a_request_that_never_left_is_absent() -> None:
    """Nobody listens: certainly nothing changed. Of what was to be emptied, that says nothing."""
    url = f"http://127.0.0.1:{free_port()}"
    assert ctl(url, "roll-out") == platformctl.ABSENT
    assert ctl(url, "retire") == platformctl.UNKNOWN


@pytest.mark.parametrize("verb", ["roll-out", "retire"])
def test_a_platform_that_goes_away_after_it_took_the_request_is_unknown(verb: str) -> None:
    """The change is under way; that nobody can be asked any more does not make it absent."""
    with platform((200, STARTING)) as url:
        assert ctl(url, verb) == platformctl.UNKNOWN


@pytest.mark.parametrize("verb", ["roll-out", "retire"])
def test_an_error_while_waiting_is_neither_absent_nor_done(verb: str) -> None:
    """An error's body has no roll-out and no instances in it, which says nothing of the pool."""
    with platform((200, STARTING), (503, {"error": "starting again"})) as url:
        assert ctl(url, verb) == platformctl.UNKNOWN


def test_another_roll_out_in_its_place_is_not_absent() -> None:
    """It was taken, and something else came: something did change."""
    other = {**STARTING, "rollout": {**IMAGE, "version": "9.9", "instances": 1}}
    with platform((200, STARTING), (200, other)) as url:
        assert ctl(url, "roll-out") == platformctl.UNKNOWN
