"""Somewhere to launch from, and how a command ended; a Prefect that is there as far as a launch looks."""

import json
import subprocess
import sys
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from uuid import uuid4

from click.testing import CliRunner
from ruamel.yaml import YAML

from cli.main import main
from tminus.ledger.sqlite import SqliteStore

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

    def launch(self, t0: str = "+4h", *more: str, **instead: str) -> Ended:
        """`tminus launch` with the four files, or others `instead`, and `more` options; detached, but for a report."""
        files = {name: instead.get(name, str(self.path(name))) for name in NAMES}
        options = [word for name, path in files.items() for word in (f"--{name}", path)]
        run = tminus_alone if self.reaches_prefect else tminus
        detach = () if "--report" in more else ("--detach",)
        return run("launch", *options, "--t0", t0, *detach, "--key", str(self.folder / "key"), *more)


class Deployed(BaseHTTPRequestHandler):
    """A fake Prefect, as far as `tminus launch` looks before it creates anything: both deployments are there.

    Attributes:
        instead: what is answered to everything, where it is no Prefect.
    """

    instead = b""

    def do_GET(self) -> None:
        """Any deployment that is asked for by name."""
        name = self.path.rstrip("/").rpartition("/")[2]
        found = {"id": str(uuid4()), "flow_id": str(uuid4()), "name": name}
        body = self.instead or json.dumps(found if "/deployments/name/" in self.path else "3.8.8").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def refused(ended: Ended, *, code: int = 2) -> str:
    """The one line that says why; nothing on standard output, no traceback, no secret."""
    assert ended.code == code, ended
    assert ended.stdout == ""
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert SECRET not in lines[0]
    return lines[0]


def change_environment(desk: Desk, **sections: object) -> None:
    """Puts other sections into the environment file."""
    yaml = YAML()
    environment = yaml.load(desk.path("environment"))
    environment.update(sections)
    yaml.dump(environment, desk.path("environment"))


def use_prefect(desk: Desk, api: str) -> None:
    """Lets the launch find a Prefect."""
    change_environment(desk, prefect={"api": api})
    desk.reaches_prefect = True


def with_slack(desk: Desk, port: int) -> None:
    """Gives the environment a Slack and the gateway a port."""
    slack = {"channel": "C0LAUNCHES", "token": "env:TOKEN", "signing_secret": "env:SIGNING"}
    slack["api"] = "http://127.0.0.1:9/api/"
    change_environment(desk, slack=slack, gateway={"host": "127.0.0.1", "port": port})


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
