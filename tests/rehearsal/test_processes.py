"""The supervisor: ready or refused, and nothing left behind, however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.rehearsal import ports
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.readiness import port_open
from deployments.rehearsal.server_errors import BinaryMissing, NoFreePort, ServerDidNotStart

ROOT = Path(__file__).parents[2]
SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
# A child, a grandchild in its group, and one that left the group and the session.
FAMILY = """
import subprocess, sys, time
sleep = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
near = subprocess.Popen(sleep)
far = subprocess.Popen(sleep, start_new_session=True)
open(sys.argv[1], "w").write(f"{near.pid} {far.pid}\\n")
time.sleep(600)
"""
SUPERVISOR = """
import sys, time
from pathlib import Path
from deployments.rehearsal.processes import Processes
folder = Path(sys.argv[1])
family = folder / "family.pids"
with Processes() as processes:
    child = processes.start("family", [sys.executable, "-S", "-c", sys.argv[2], str(family)], log=folder / "family.log",
                            ready=lambda: family.exists() and family.read_text().endswith("\\n"))
    (folder / "child.pid").write_text(f"{child.pid}\\n")
    time.sleep(600)
"""


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def wait_for(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Look until it holds or time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, None), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_nothing_is_left_however_the_supervisor_dies(
    tmp_path: Path, number: signal.Signals, status: int | None
) -> None:
    """Ctrl-C, SIGTERM and kill -9 of the supervisor end the child, its child, and one that left the process group."""
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path), FAMILY], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        child_file = tmp_path / "child.pid"
        assert wait_for(lambda: child_file.exists() and child_file.read_text(encoding="utf-8").endswith("\n"))
        pids = [int(child_file.read_text(encoding="utf-8"))]
        pids += [int(pid) for pid in (tmp_path / "family.pids").read_text(encoding="utf-8").split()]
        assert [alive(pid) for pid in pids] == [True, True, True]
        supervisor.send_signal(number)
        returned = supervisor.wait(15)
    finally:
        supervisor.kill()
        supervisor.wait()
    assert returned != 0
    assert status is None or returned == status
    assert wait_for(lambda: not any(alive(pid) for pid in pids)), [pid for pid in pids if alive(pid)]


def test_children_end_in_reverse_order_also_after_an_exception(tmp_path: Path) -> None:
    """The last child started is the first to end, also when the block raises."""
    order = tmp_path / "order"
    script = (
        "import signal, sys, time\n"
        "def end(*_):\n    open(sys.argv[1], 'a').write(sys.argv[2]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('up', flush=True)\n"
        "time.sleep(600)\n"
    )

    def start_three(processes: Processes) -> None:
        for name in "abc":
            log = tmp_path / f"{name}.log"
            child = processes.start(name, [sys.executable, "-S", "-c", script, str(order), name], log=log)
            processes.await_ready(child, lambda: b"up" in log.read_bytes(), 10)  # noqa: B023 (used at once)
        raise RuntimeError("the block fails")

    with pytest.raises(RuntimeError, match="the block fails"), Processes() as processes:
        start_three(processes)
    assert order.read_text(encoding="utf-8") == "cba"


def test_a_child_that_ignores_its_stop_signal_is_killed(tmp_path: Path) -> None:
    """A child deaf to SIGTERM is killed once its time is up."""
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    log = tmp_path / "deaf.log"
    with Processes(stop_within=0.1) as processes:
        child = processes.start(
            "deaf", [sys.executable, "-S", "-c", deaf], log=log, ready=lambda: b"up" in log.read_bytes()
        )
    assert child.wait() == -signal.SIGKILL


def test_a_server_that_ends_is_named_with_its_last_words(tmp_path: Path) -> None:
    """The error names the server, its status, and shows the end of its log."""
    argv = [sys.executable, "-S", "-c", "print('cannot read the map'); raise SystemExit(7)"]
    with Processes() as processes, pytest.raises(ServerDidNotStart, match=r"cartographer ended with status 7") as error:
        processes.start("cartographer", argv, log=tmp_path / "c.log", ready=lambda: False)
    assert "cannot read the map" in str(error.value)


def test_a_taken_port_is_called_that(tmp_path: Path) -> None:
    """A server that finds its port taken says so, and what to do."""
    port = free_port()
    listen = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with Processes() as processes:
        processes.start("first", listen, log=tmp_path / "1.log", ready=port_open(port))
        with pytest.raises(ServerDidNotStart, match="Another program holds its port"):
            processes.start("second", listen, log=tmp_path / "2.log", ready=lambda: False)


def test_a_server_that_is_never_ready_is_ended(tmp_path: Path) -> None:
    """Past its deadline the error says so and the child is gone."""
    pid_file = tmp_path / "pid"
    argv = [
        sys.executable,
        "-S",
        "-c",
        f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)",
    ]
    with Processes() as processes:
        with pytest.raises(ServerDidNotStart, match=r"was not ready within 0\.5 s"):
            processes.start("sleeper", argv, log=tmp_path / "s.log", ready=lambda: False, ready_within=0.5)
        assert not alive(int(pid_file.read_text(encoding="utf-8")))


def test_a_missing_program_says_what_to_install(tmp_path: Path) -> None:
    """A binary that does not exist is an error with the command that installs it."""
    with Processes() as processes, pytest.raises(BinaryMissing, match=r"pip install"):
        processes.start("ghost", [str(tmp_path / "no-such-program")], log=tmp_path / "g.log")


def test_environment_and_folder_reach_the_child(tmp_path: Path) -> None:
    """`env` is added to our own environment and `cwd` is where the child starts."""
    log = tmp_path / "e.log"
    argv = [sys.executable, "-S", "-c", "import os; print(os.environ['GREETING'], 'PATH' in os.environ, os.getcwd())"]
    with Processes() as processes:
        child = processes.start("echo", argv, env={"GREETING": "hello"}, cwd=tmp_path, log=log)
        assert child.wait(10) == 0
        assert not child.is_running()
    assert log.read_text(encoding="utf-8").split() == ["hello", "True", str(tmp_path)]


def test_nothing_starts_after_the_end(tmp_path: Path) -> None:
    """A supervisor that has closed refuses to start a child nobody would end."""
    with Processes() as processes:
        pass
    with pytest.raises(ServerDidNotStart, match="outside the supervisor"):
        processes.start("late", SLEEP, log=tmp_path / "late.log")


def test_signal_handlers_are_given_back() -> None:
    """After the block SIGTERM does again what it did before."""
    found = signal.signal(signal.SIGTERM, signal.SIG_DFL)  # another test's servers may have set it
    try:
        with Processes():
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, found)


def test_ports_are_never_handed_out_twice() -> None:
    """Two processes asking at the same time share no port, and none is one the kernel hands to clients."""
    argv = [
        sys.executable,
        "-c",
        "from deployments.rehearsal.ports import free_port\nfor _ in range(300): print(free_port())\ninput()",
    ]
    askers = [
        subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    handed_out = [int(asker.stdout.readline()) for asker in askers for _ in range(300) if asker.stdout is not None]
    for asker in askers:
        asker.communicate("\n")
    assert len(set(handed_out)) == 600
    ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    assert max(handed_out) < ephemeral


def test_no_free_port_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """When every port is taken the error says where it looked and how to see who listens."""
    monkeypatch.setattr(ports, "_reserve", lambda _port: False)
    with pytest.raises(NoFreePort, match=r"after 200 tries.*ss -ltn"):
        free_port()


def test_a_supervisor_under_a_supervisor_leaves_the_outer_children_alone(tmp_path: Path) -> None:
    """Closing an inner supervisor ends its own children only."""
    with Processes() as outer:
        kept = outer.start("kept", SLEEP, log=tmp_path / "kept.log")
        with Processes() as inner:
            ended = inner.start("ended", SLEEP, log=tmp_path / "ended.log")
        assert not alive(ended.pid)
        assert kept.is_running()
        assert os.getpgid(kept.pid) == kept.pid
