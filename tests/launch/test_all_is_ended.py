"""Nothing of a rehearsal is left running, however it ends, and nothing but its `--out` is left lying about."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from deployments.rehearsal.binaries import CHECKOUT
from tests.launch.stage import wait_for

_MARK = "TMINUS_TEST_REHEARSAL"
_AT_LEAST = 15  # processes that a launch under way has: servers, instances, worker, flow, gateway, people


def marked(mark: str) -> list[str]:
    """The command line of every process that inherited this mark through its environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{_MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return [argv for argv in found if argv]  # a zombie has none


@contextmanager
def rehearsal(folder: Path, mark: str, until: str) -> Iterator["subprocess.Popen[str]"]:
    """`tminus rehearse`, as soon as it has said a word; killed with all that is marked where a test breaks off.

    `folder` is where everybody puts temporary files.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "rehearse", "--hour", "5s", "--out", str(folder / "out")],
        cwd=CHECKOUT,
        env={**os.environ, _MARK: mark, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    listener = Thread(target=lambda: said.extend(process.stdout or ()), daemon=True)
    listener.start()
    try:
        wait_for(lambda: any(until in line for line in said) or process.poll() is not None, f"it says {until!r}", 120)
        assert process.poll() is None, said
        yield process
    finally:
        process.kill()
        process.wait()
        for folder_of in Path("/proc").glob("[0-9]*"):
            try:
                ours = f"{_MARK}={mark}".encode() in (folder_of / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if ours:
                os.kill(int(folder_of.name), signal.SIGKILL)
        listener.join(10)
        process.stdout.close()


@pytest.mark.long
@pytest.mark.parametrize(("number", "moment"), [(signal.SIGINT, "is created"), (signal.SIGKILL, "T-4h begins")])
def test_a_launch_under_way(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    """Ctrl-C and kill -9 in the middle of a launch end servers, instances, worker, flow, gateway and people.

    After Ctrl-C no temporary file is left either, of whichever of them.
    """
    mark = secrets.token_hex(8)
    with rehearsal(tmp_path, mark, moment) as process:
        assert len(marked(mark)) >= _AT_LEAST
        process.send_signal(number)
        assert process.wait(60) != 0
        until = time.monotonic() + 30
        while (left := marked(mark)) and time.monotonic() < until:
            time.sleep(0.1)
        assert left == []
    if number is signal.SIGINT:
        assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_servers_that_are_still_starting(tmp_path: Path) -> None:
    """Ctrl-C while the servers start ends those that run already, and no other starts."""
    mark = secrets.token_hex(8)
    with rehearsal(tmp_path, mark, "Starting real servers") as process:
        wait_for(lambda: len(marked(mark)) > 4, "some servers start")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) != 0
        time.sleep(0.5)
        assert marked(mark) == []
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
