"""The real nginx of the rehearsal: instances from a file, everything in its logs."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import crossplane
import httpx
import pytest
from pydantic import BaseModel
from websockets.sync.client import connect

from deployments.rehearsal.nginx import Nginx, upstream
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.readiness import port_open

INSTANCE = """
import sys
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
import uvicorn
version, port, status = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
async def answer(request):
    return PlainTextResponse(version, status, headers={"X-Version": version})
async def prices(socket):
    await socket.accept()
    await socket.send_text(f"{version} says {await socket.receive_text()}")
    await socket.close()
app = Starlette(routes=[WebSocketRoute("/prices", prices), Route("/{path:path}", answer)])
uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
"""


class Line(BaseModel):
    """One line of the access log."""

    time: float
    service: str
    uri: str
    status: int
    seconds: float
    upstream: str
    version: str


class World:
    """nginx before two instances of version 1 and one of version 2."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self.processes = processes
        self.folder = folder
        self.blue, self.green = [free_port(), free_port()], free_port()
        for port in self.blue:
            self.start_instance("1", port)
        self.start_instance("2", self.green)
        self.nginx = Nginx.plan(folder / "nginx", {"trading": self.blue})
        self.nginx.start(processes)
        self.client = httpx.Client(base_url=self.nginx.address.url("trading"), trust_env=False)

    def start_instance(self, version: str, port: int, status: int = 200) -> None:
        """Start one more instance."""
        argv = [sys.executable, "-c", INSTANCE, version, str(port), str(status)]
        self.processes.start(f"instance {port}", argv, log=self.folder / f"{port}.log", ready=port_open(port))

    def switch(self, *ports: int) -> None:
        """Point the service at other instances and reload."""
        self.nginx.address.upstream("trading").write_text(upstream("trading", ports), encoding="utf-8")
        subprocess.run(self.nginx.address.reload, check=True, capture_output=True)

    def log(self) -> list[Line]:
        """The access log."""
        lines = self.nginx.address.access_log.read_text(encoding="utf-8").splitlines()
        return [Line.model_validate_json(line) for line in lines]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two instances behind nginx, and one more."""
    with Processes() as processes:
        world = World(tmp_path, processes)
        with world.client:
            yield world


def settle(condition: Callable[[], object]) -> bool:
    """Whether it holds once within ten seconds: just after a reload an old worker may still answer now and then."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_every_request_is_logged_with_instance_and_version(world: World) -> None:
    """Requests go to the instances in turn, and the log names address, version, status, path and time of each."""
    before = time.time()
    for number in range(4):
        assert world.client.get(f"/orders?n={number}").text == "1"
    assert settle(lambda: len(world.log()) == 4)
    lines = world.log()
    assert {line.upstream for line in lines} == {f"127.0.0.1:{port}" for port in world.blue}
    assert [line.uri for line in lines] == [f"/orders?n={number}" for number in range(4)]
    assert {(line.status, line.version, line.service) for line in lines} == {(200, "1", "trading")}
    assert all(before - 1 <= line.time <= time.time() + 1 and line.seconds >= 0 for line in lines)


def test_websockets_pass(world: World) -> None:
    """A WebSocket is upgraded through nginx."""
    url = world.nginx.address.url("trading").replace("http", "ws")
    with connect(f"{url}/prices", proxy=None) as socket:
        socket.send("ACME")
        assert socket.recv(timeout=5) == "1 says ACME"


def test_a_switch_is_one_file_and_one_reload(world: World) -> None:
    """After the reload traffic goes to the other version; reloads are counted from nginx's own log."""
    assert world.nginx.address.reloads() == 0
    assert world.client.get("/").text == "1"
    world.switch(world.green)
    assert settle(lambda: httpx.get(world.nginx.address.url("trading"), trust_env=False).text == "2")
    assert world.nginx.address.reloads() == 1
    world.switch(*world.blue)
    assert settle(lambda: world.nginx.address.reloads() == 2)


def test_a_bad_instance_shows(world: World) -> None:
    """An instance that is down or answers 500 is neither retried elsewhere nor set aside: its share fails."""
    bad = free_port()
    world.start_instance("2", bad, status=500)
    world.switch(world.green, bad, free_port())
    old_worker_left = "worker process [0-9]+ exited"
    assert settle(lambda: re.search(old_worker_left, world.nginx.address.error_log.read_text(encoding="utf-8")))
    statuses = [httpx.get(world.nginx.address.url("trading"), trust_env=False).status_code for _ in range(12)]
    assert {status: statuses.count(status) for status in set(statuses)} == {200: 4, 500: 4, 502: 4}


def test_instances_can_be_discovered_from_the_configuration(world: World) -> None:
    """crossplane, following the includes, finds exactly the instances in the upstream block."""
    parsed = crossplane.parse(str(world.nginx.address.configuration), combine=True)
    assert parsed["status"] == "ok", json.dumps(parsed["errors"])
    http = next(block for block in parsed["config"][0]["parsed"] if block["directive"] == "http")
    pool = next(block for block in http["block"] if block["directive"] == "upstream" and block["args"] == ["trading"])
    servers = [line["args"][0] for line in pool["block"] if line["directive"] == "server"]
    assert servers == [f"127.0.0.1:{port}" for port in world.blue]
