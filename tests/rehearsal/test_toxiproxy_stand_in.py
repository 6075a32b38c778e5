"""The stand-in for Toxiproxy passes on what it gets, an end as an end and a reset as a reset, and disturbs as told."""

import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.readiness import http_answers

HOST = "127.0.0.1"


class Proxied:
    """A server of the test's own, and the way to it."""

    def __init__(self) -> None:
        self.server = socket.create_server((HOST, 0))
        self.server.settimeout(5)
        self.api_port, self.port = free_port(), free_port()
        self.api = f"http://{HOST}:{self.api_port}/proxies/line"

    def argv(self) -> list[str]:
        """How the stand-in is started."""
        line = f"line={self.port}:{self.server.getsockname()[1]}"
        return [sys.executable, "-m", "deployments.rehearsal.toxiproxy_stand_in", "--port", str(self.api_port), line]

    @contextmanager
    def connected(self) -> Iterator[tuple[socket.socket, socket.socket]]:
        """Both ends of a connection through it: the client's, the server's."""
        with self.socket() as near:
            far, _ = self.server.accept()
            far.settimeout(5)
            with closing(far):
                yield near, far

    def socket(self) -> socket.socket:
        """A client's end, whether or not anybody takes the other."""
        return socket.create_connection((HOST, self.port), timeout=5)

    def add(self, **toxic: object) -> httpx.Response:
        """A toxic."""
        return httpx.post(f"{self.api}/toxics", json=toxic)


@contextmanager
def standing(folder: Path) -> Iterator[Proxied]:
    """A server, and the stand-in before it."""
    one = Proxied()
    with closing(one.server), Processes() as processes:
        ready = http_answers(one.api_port, "/proxies/line")
        processes.start("toxiproxy", one.argv(), cwd=CHECKOUT, log=folder / "log", ready=ready)
        yield one


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    """One for all tests; each leaves it as it was."""
    with standing(tmp_path_factory.mktemp("toxiproxy")) as one:
        yield one


def test_bytes_pass_both_ways(line: Proxied) -> None:
    """As they are, and each end is passed on while the other way stays open."""
    with line.connected() as (near, far):
        near.sendall(b"question")
        assert far.recv(64) == b"question"
        near.shutdown(socket.SHUT_WR)
        assert far.recv(64) == b"", "the client has said all"
        far.sendall(b"answer")
        assert near.recv(64) == b"answer"
        far.shutdown(socket.SHUT_WR)
        assert near.recv(64) == b""


@pytest.mark.parametrize("of_server", [True, False])
def test_a_reset_is_passed_on(line: Proxied, *, of_server: bool) -> None:
    """Whichever side resets, the other one sees a reset and no end."""
    with line.connected() as (near, far):
        resets, sees = (far, near) if of_server else (near, far)
        resets.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        resets.close()
        with pytest.raises(ConnectionResetError):
            sees.recv(64)


def test_latency(line: Proxied) -> None:
    """What comes back comes later, by that many milliseconds; the way there is as fast as before."""
    assert line.add(type="latency", attributes={"latency": 200, "jitter": 10}).json()["name"] == "latency_downstream"
    try:
        with line.connected() as (near, far):
            begun = time.monotonic()
            near.sendall(b"question")
            assert far.recv(64) == b"question"
            there = time.monotonic() - begun
            far.sendall(b"answer")
            assert near.recv(64) == b"answer"
            assert time.monotonic() - begun - there >= 0.19 > there
    finally:
        assert httpx.delete(f"{line.api}/toxics/latency_downstream").status_code == 204


def test_a_partition(line: Proxied) -> None:
    """What is sent is dropped and nothing is closed; what is sent once it is over gets through again."""
    assert line.add(name="cut", type="timeout", stream="upstream", attributes={"timeout": 0}).status_code == 200
    with line.connected() as (near, far):
        far.settimeout(0.3)
        near.sendall(b"lost")
        with pytest.raises(TimeoutError):
            far.recv(64)
        assert httpx.delete(f"{line.api}/toxics/cut").status_code == 204
        near.sendall(b"there")
        assert far.recv(64) == b"there"


def test_closed(line: Proxied) -> None:
    """Who is connected is cut off, who comes is refused; opened, it is as before. Twice is as good as once."""
    with line.connected() as (near, _):
        for _again in range(2):
            assert httpx.post(line.api, json={"enabled": False}).json()["enabled"] is False
        with pytest.raises(ConnectionResetError):
            near.recv(64)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, line.port))
    for _again in range(2):
        assert httpx.post(line.api, json={"enabled": True}).json()["enabled"] is True
    with line.connected() as (near, far):
        near.sendall(b"there")
        assert far.recv(64) == b"there"


def test_refusals(line: Proxied) -> None:
    """What there is not, what is there already, and what it cannot do, as Toxiproxy answers."""
    assert httpx.get(f"http://{HOST}:{line.api_port}/proxies/other").json() == {
        "error": "proxy not found",
        "status": 404,
    }
    assert httpx.delete(f"{line.api}/toxics/none").json() == {"error": "toxic not found", "status": 404}
    assert line.add(type="slicer").status_code == 400
    assert line.add(type="latency", stream="sideways").status_code == 400
    assert line.add(name="once", type="latency").status_code == 200
    try:
        said = line.add(name="once", type="latency")
        assert (said.status_code, said.json()["error"]) == (409, "toxic already exists")
        assert [one["name"] for one in httpx.get(line.api).json()["toxics"]] == ["once"]
    finally:
        httpx.delete(f"{line.api}/toxics/once")


def test_nobody_behind_it(tmp_path: Path) -> None:
    """Where nothing listens behind it, whoever connects is cut off."""
    with standing(tmp_path) as line:
        line.server.close()
        with line.socket() as near, pytest.raises(ConnectionResetError):
            near.recv(64)
