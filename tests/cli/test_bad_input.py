"""Bad input gets one clear error and an exit code, and changes nothing: no ledger, no chain, no lock."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from ruamel.yaml import YAML

from cli.main import main
from deployments.rehearsal.ports import free_port
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
NAMES = ("release", "runbook", "people", "environment")
SECRET = "hunter2-and-nobody-may-read-it"
BOOK = """\
runbook: little
system: tradesense
phases:
  - phase: T-1h
    late_by: 1h
    steps:
      - id: healthy
        title: Everything answers
        owner: devops_lead
        check: http.health
        with: {services: [trading]}
        expect: {p95: "< 200 ms"}
      - id: go
        title: Go, or no go
        owner: engineering_lead
        approval:
          roles: {devops_lead: 1, security_lead: 1}
          deadline: 45m
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


def tminus(*words: str) -> Ended:
    """Runs a command in this process, which is quick."""
    result = CliRunner().invoke(main, words)
    return Ended(result.exit_code, result.stdout, result.stderr)


def tminus_alone(*words: str) -> Ended:
    """Runs a command in a process of its own: Prefect reads its address once a process."""
    argv = [sys.executable, "-m", "cli.main", *words]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


@dataclass
class Desk:
    """Somewhere to launch from: four files that are right, a key, and a ledger that does not exist yet."""

    folder: Path
    reaches_prefect: bool = False

    @property
    def ledger(self) -> Path:
        """Where the ledger would be."""
        return self.folder / "ledger.sqlite"

    def path(self, name: str) -> Path:
        """One of the four files."""
        return self.folder / f"{name}.yaml"

    def change(self, name: str, before: str, after: str) -> None:
        """Puts a mistake into a file."""
        text = self.path(name).read_text("utf-8")
        assert before in text, f"{name} has no {before!r}"
        self.path(name).write_text(text.replace(before, after), "utf-8")

    def launch(self, t0: str = "+2h", **instead: str) -> Ended:
        """`tminus launch` with the four files, or others `instead`."""
        files = {name: instead.get(name, str(self.path(name))) for name in NAMES}
        options = [word for name, path in files.items() for word in (f"--{name}", path)]
        run = tminus_alone if self.reaches_prefect else tminus
        return run("launch", *options, "--t0", t0, "--detach", "--key", str(self.folder / "key"))


class Deployed(BaseHTTPRequestHandler):
    """A fake Prefect, as far as `tminus launch` looks before it creates anything: both deployments are there."""

    def do_GET(self) -> None:
        """Any deployment that is asked for by name."""
        name = self.path.rstrip("/").rpartition("/")[2]
        found = {"id": str(uuid4()), "flow_id": str(uuid4()), "name": name}
        body = json.dumps(found if "/deployments/name/" in self.path else "3.8.8").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def prefect_api() -> Iterator[str]:
    """The fake's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Deployed)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/api"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Everything is right, but there is no Prefect."""
    yaml, desk = YAML(), Desk(tmp_path)
    for name in ("release", "people", "environment"):
        desk.path(name).write_text((DATA / f"{name}.yaml").read_text("utf-8"), "utf-8")
    desk.path("runbook").write_text(BOOK, "utf-8")
    environment = yaml.load(desk.path("environment"))
    environment["ledger"] = {"sqlite": str(desk.ledger)}
    environment["prefect"] = {"api": f"http://127.0.0.1:{free_port()}/api"}
    yaml.dump(environment, desk.path("environment"))
    key = Ed25519PrivateKey.generate()
    people = yaml.load(desk.path("people"))
    people["people"][0]["key"] = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    yaml.dump(people, desk.path("people"))
    private = tmp_path / "key"
    private.touch(mode=0o600)
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    for name in ("TMINUS_LEDGER", "TMINUS_KEY", "PREFECT_API_URL"):
        monkeypatch.setenv(name, "")  # what the command sets for itself ends with the test
        monkeypatch.delenv(name)
    return desk


def refused(ended: Ended, *, code: int = 2) -> str:
    """The one line that says why; nothing on standard output, no traceback, no secret."""
    assert ended.code == code, ended
    assert ended.stdout == ""
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert SECRET not in lines[0]
    return lines[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_not_there(desk: Desk, name: str) -> None:
    """It is named, and what to give instead."""
    said = refused(desk.launch(**{name: str(desk.folder / "nowhere.yaml")}))
    assert "nowhere.yaml" in said
    assert not desk.ledger.exists()


@pytest.mark.parametrize("name", NAMES)
def test_broken_yaml(desk: Desk, name: str) -> None:
    """File and line are named, where editors turn them into a link."""
    path = desk.path(name)
    count = len(path.read_text("utf-8").splitlines())
    path.write_text(path.read_text("utf-8") + "\nbroken: [1, 2\n", "utf-8")
    said = refused(desk.launch())
    assert said.startswith(f"{path}:")
    assert int(said.removeprefix(f"{path}:").partition(":")[0]) > count
    assert not desk.ledger.exists()


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        ("runbook", "check: http.health", "check: http.helth", "http.health"),
        ("runbook", "< 200 ms", "< 200 kg", "ms"),
        ("runbook", "security_lead: 1", "astrologer: 1", "astrologer"),
        ("runbook", "deadline: 45m", "deadline: soon", "soon"),
        ("environment", "kind: rehearsal", "kind: production", "compress"),
    ],
)
def test_a_mistake_in_a_file(desk: Desk, name: str, before: str, after: str, said: str) -> None:
    """An unknown check with the nearest right one, a wrong unit, an unreachable quorum, a compressed production."""
    desk.change(name, before, after)
    assert said in refused(desk.launch())
    assert not desk.ledger.exists()


@pytest.mark.parametrize("t0", ["2020-01-01T00:00:00Z", "yesterday", "2036-01-01T00:00:00", "+", "+30m"])
def test_a_t0_that_cannot_be(desk: Desk, prefect_api: str, t0: str) -> None:
    """In the past, no time at all, without a zone, or so soon that the first phase would have been already."""
    if t0.startswith("+"):
        use_prefect(desk, prefect_api)
    said = refused(desk.launch(t0))
    assert "T-0" in said or "T-1h" in said
    assert chains(desk) == []


def test_no_prefect(desk: Desk) -> None:
    """Nothing is created that nobody would conduct."""
    desk.reaches_prefect = True
    said = refused(desk.launch())
    assert "Prefect at http://127.0.0.1:" in said
    assert chains(desk) == []


def test_a_second_launch_while_one_is_under_way(desk: Desk, prefect_api: str) -> None:
    """It is refused by the name of the first, which stays as it was."""
    use_prefect(desk, prefect_api)
    store = SqliteStore(desk.ledger)
    heads = store.open_locked("rehearsal-on-loopback", "the-first-launch", Entry("the-first-launch", "{}"))
    store.close()
    said = refused(desk.launch(), code=3)
    assert "the-first-launch" in said
    store = SqliteStore(desk.ledger)
    assert (store.chains(), store.head("the-first-launch")) == (["the-first-launch"], heads[-1])
    store.close()


def test_a_secret_that_is_not_there(desk: Desk, prefect_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger's own DSN: named by its reference."""
    use_prefect(desk, prefect_api)
    yaml = YAML()
    environment = yaml.load(desk.path("environment"))
    environment["ledger"] = {"postgres": "env:LEDGER_DSN"}
    yaml.dump(environment, desk.path("environment"))
    monkeypatch.delenv("LEDGER_DSN", raising=False)
    assert "env:LEDGER_DSN" in refused(desk.launch())


def test_a_secret_in_place_of_its_reference(desk: Desk) -> None:
    """It is refused, and not repeated."""
    desk.change("environment", "env:TRADING_DSN", SECRET)
    assert "never the value" in refused(desk.launch())


def test_a_gateway_without_its_secret(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack's signing secret is named by its reference; no port is opened."""
    port = free_port()
    with_slack(desk, port)
    monkeypatch.delenv("SIGNING", raising=False)
    assert "env:SIGNING" in refused(tminus("gateway", "--environment", str(desk.path("environment"))))


def test_a_gateway_whose_port_is_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address is named, and what to change."""
    monkeypatch.setenv("SIGNING", SECRET)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        with_slack(desk, port)
        said = refused(tminus("gateway", "--environment", str(desk.path("environment"))))
    assert f"127.0.0.1:{port}" in said
    assert "gateway.port" in said


@pytest.mark.parametrize("program", ["NGINX", "REDIS_SERVER", "PG_BIN"])
def test_a_server_program_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """A rehearsal says which, where it looked, and what installs it, before it starts anything."""
    monkeypatch.setenv(f"TMINUS_{program}", str(tmp_path / "no-such-program"))
    ended = tminus("rehearse", "--out", str(tmp_path / "out"))
    assert ended.code == 2, ended
    assert "no-such-program" in ended.stderr
    assert "pip install" in ended.stderr


@pytest.mark.parametrize("words", [["--fault", "gremlins"], ["--hour", "5x"], ["--book", "nowhere.yaml"]])
def test_a_rehearsal_of_nothing(tmp_path: Path, words: list[str]) -> None:
    """An unknown fault, a length that is none, a book that is not there: said before anything starts."""
    said = refused(tminus("rehearse", "--out", str(tmp_path / "out"), *words))
    assert words[1] in said
    assert not (tmp_path / "out").exists()


def use_prefect(desk: Desk, api: str) -> None:
    """Lets the launch find a Prefect."""
    yaml = YAML()
    environment = yaml.load(desk.path("environment"))
    environment["prefect"]["api"] = api
    yaml.dump(environment, desk.path("environment"))
    desk.reaches_prefect = True


def with_slack(desk: Desk, port: int) -> None:
    """Gives the environment a Slack and the gateway a port."""
    yaml = YAML()
    environment = yaml.load(desk.path("environment"))
    slack = {"channel": "C0LAUNCHES", "token": "env:TOKEN", "signing_secret": "env:SIGNING"}
    environment["slack"] = {**slack, "api": "http://127.0.0.1:9/api/"}
    environment["gateway"] = {"host": "127.0.0.1", "port": port}
    yaml.dump(environment, desk.path("environment"))


def chains(desk: Desk) -> list[str]:
    """What the ledger holds, where there is one."""
    if not desk.ledger.exists():
        return []
    store = SqliteStore(desk.ledger)
    try:
        locked = store.look("SELECT environment FROM environment_lock", {})
        return [*store.chains(), *(str(row[0]) for row in locked)]
    finally:
        store.close()
