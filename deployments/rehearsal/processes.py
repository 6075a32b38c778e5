"""A supervisor for the servers of the rehearsal: started by name, ready or refused, and nothing left behind."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from deployments.rehearsal import guard
from deployments.rehearsal.server_errors import BinaryMissing, ServerDidNotStart

_POLL = 0.02  # seconds between two looks at a readiness probe


class Child:
    """One running child: its own process group, its own log file."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log: Path, stop_signal: signal.Signals) -> None:
        self.name = name
        self.log = log
        self.stop_signal = stop_signal
        self._process = process
        self._ended = False

    @property
    def pid(self) -> int:
        """The child's process id, which is also its process group."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether the child itself has not ended."""
        return self._process.poll() is None

    def terminate(self) -> None:
        """Ask the child to end, with its own stop signal; does not wait."""
        if self.is_running():
            guard.signal_process(self.pid, self.stop_signal)

    def kill(self) -> None:
        """Kill the child and its whole process group (SIGKILL); does not wait."""
        if not self._ended:  # afterwards the number may belong to somebody else's group
            guard.signal_group(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end: the exit status, or minus the signal's number.

        Raises TimeoutError after `timeout` seconds.
        """
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{self.name} (pid {self.pid}) still runs after {timeout} s") from error

    def end(self, within: float) -> None:
        """Stop signal, then SIGKILL for the whole group after `within` seconds at the latest; waits."""
        self.terminate()
        try:
            self.wait(within)
        except TimeoutError:
            pass
        finally:
            self.kill()
        self.wait()
        self._ended = True


class Processes:
    """Starts children and ends all of them, the last first, however its `with` block ends.

    Leaving normally, an exception, Ctrl-C and SIGTERM (which becomes SystemExit, status 143) end them here; kill -9 of
    this process is noticed by a guard process (guard.py), which ends them instead. Whatever a child started itself goes
    too: by process group, and by a mark that is inherited through the environment.

    `start` may be called from several threads at once.
    """

    def __init__(self, stop_within: float = 5.0) -> None:
        self._stop_within = stop_within
        self._mark = secrets.token_hex(8)
        self._children: list[Child] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._undo = contextlib.ExitStack()
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        script = str(Path(guard.__file__))
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", script, self._mark],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._raise_on(number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def mark(self) -> dict[str, str]:
        """The environment variable by which whatever was started otherwise, and sees it, ends with the others."""
        inherited = os.environ.get(guard.MARK)
        return {guard.MARK: f"{inherited}:{self._mark}" if inherited else self._mark}

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log: Path,
        ready: Callable[[], bool] | None = None,
        ready_within: float = 20.0,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Child:
        """Start a child and wait until `ready()` says so.

        `env` is added to this process's environment; output and errors are appended to `log`; `ready_within` is in
        seconds; without `ready` the child counts as ready at once.

        Raises BinaryMissing where the program does not exist, and ServerDidNotStart, with the last lines of the log,
        where it ends before it is ready or is not ready in time (it is ended then).
        """
        child = self._spawn(name, argv, env or {}, cwd, log, stop_signal)
        if ready is not None:
            self.await_ready(child, ready, ready_within)
        return child

    def await_ready(self, child: Child, ready: Callable[[], bool], within: float) -> None:
        """Wait, as `start` does, for a child that was started without waiting. Raises ServerDidNotStart."""
        deadline = time.monotonic() + within
        while not ready():
            if not child.is_running():
                raise ServerDidNotStart(child.name, f"ended with status {child.wait()} before it was ready", child.log)
            if time.monotonic() > deadline:
                child.end(within=1.0)
                raise ServerDidNotStart(child.name, f"was not ready within {within:g} s and was ended", child.log)
            if self._closing.wait(_POLL):
                raise ServerDidNotStart(child.name, "was ended with the others before it was ready", child.log)

    def close(self) -> None:
        """End every child, the last started first; safe to call again."""
        with self._lock:  # whoever is starting a child right now finishes; nobody begins after this
            self._closing.set()
        try:
            for child in reversed(self._children):
                child.end(self._stop_within)
                self._tell_guard(f"-{child.pid}")
        finally:  # a second Ctrl-C while waiting: no more patience, but nothing is left either
            for child in self._children:
                child.kill()
            guard.kill_marked(self._mark)
            self._dismiss_guard()
            self._undo.close()

    def _spawn(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path | None,
        log: Path,
        stop_signal: signal.Signals,
    ) -> Child:
        log.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, log.open("ab") as output:
            if self._guard is None or self._closing.is_set():
                raise ServerDidNotStart(name, "was asked for outside the supervisor's `with` block", log)
            try:
                process = subprocess.Popen(
                    list(argv),
                    env={**os.environ, **env, **self.mark()},
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    process_group=0,
                )
            except (FileNotFoundError, PermissionError) as error:
                raise BinaryMissing(
                    f"{name}: {argv[0]}", str(error), "`pip install '.[rehearsal]'` in the checkout"
                ) from error
            child = Child(name, process, log, stop_signal)
            self._children.append(child)
            self._tell_guard(f"+{child.pid} {int(stop_signal)}")
        return child

    def _tell_guard(self, line: str) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError, ValueError):
                self._guard.stdin.write(f"{line}\n".encode())
                self._guard.stdin.flush()

    def _dismiss_guard(self) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._guard.stdin.close()
            self._guard.wait()

    def _raise_on(self, number: signal.Signals) -> None:
        """Turn a fatal signal into SystemExit, where nobody else has claimed it and Python lets us (main thread)."""
        if threading.current_thread() is threading.main_thread() and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _leave)
            self._undo.callback(signal.signal, number, signal.SIG_DFL)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
