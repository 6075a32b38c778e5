"""A desk to launch from, and a Prefect that looks well."""

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from ruamel.yaml import YAML

from deployments.rehearsal.ports import free_port
from tests.cli.importing import CHECKLIST
from tests.cli.launch_desk import BOOK, DATA, Deployed, Desk
from tests.cli.shop import Say, opened
from tests.tminus.staged_launch import Stage
from tminus.outcome import Outcome


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
def go_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A launch that asks for its go, in the ledger that TMINUS_LEDGER names; the DevOps lead's key is set."""
    stage = Stage.set(tmp_path)
    stage.end_step("no-known-vulnerability", Outcome.passed("critical 0, high 0"))
    stage.ask()
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")
    monkeypatch.setenv("TMINUS_KEY", str(stage.keys / "devops"))
    return stage


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


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a checklist in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checklist.md").write_text(CHECKLIST, "utf-8")
    return tmp_path


@pytest.fixture
def say(tmp_path: Path) -> Say:
    """`say("next", "shop")` runs the command over a small shop."""
    return opened(tmp_path)
