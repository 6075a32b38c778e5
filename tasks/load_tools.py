"""Running a load tool, and reading what it leaves behind."""

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from tasks import load_k6, load_locust, load_wrk
from tasks.artifact_files import ArtifactFile, Folder, shown
from tasks.bounded_process import Ended, run_bounded
from tasks.load_result import LoadResult
from tminus.clock import now, show_duration
from tminus.errors import CouldNotObserve, NotConfigured

Tool = Literal["k6", "locust", "wrk"]

_GRACE = timedelta(seconds=30)  # to start, and to write the report
_WHOLE = 0.95  # of the time that was planned must have passed
_TICK = 2  # seconds; Locust's history has a row a second, and its first comes when users do
_K6_CROSSED = 99  # k6's own exit status where thresholds of the script are crossed, which is for the book to judge
_THREADS = 4  # of wrk; one for each processor at most
_HOW_TO_GET: dict[str, str] = {
    "k6": "see https://grafana.com/docs/k6/latest/set-up/install-k6/",
    "locust": "pip install locust",
    "wrk": "apt install wrk, or brew install wrk",
}


@dataclass(frozen=True, slots=True)
class Load:
    """The load that is wanted.

    Attributes:
        url: what is asked: for wrk with its path, for the others the base that their script begins with.
        users: at a time.
        duration: with all users there, after the ramp.
        ramp: how long they take to come; at once where it is zero.
        script: the tool's script; wrk can do without.
    """

    url: str
    users: int
    duration: timedelta
    ramp: timedelta
    script: Path | None

    @property
    def seconds(self) -> int:
        """Of the whole test; the tools take whole seconds."""
        return round((self.ramp + self.duration).total_seconds())


async def run_load(tool: Tool, load: Load, scratch: Path) -> LoadResult:
    """Runs the tool in an empty folder, and reads its report.

    Raises NotConfigured where the tool is not on the PATH, CouldNotObserve where it leaves no report, its exit status
    says that the test was broken off, or it lasted less than planned.
    """
    if shutil.which(tool) is None:
        raise NotConfigured(f"load.run needs {tool}, which is not on the PATH; {_HOW_TO_GET[tool]}")
    ended = await run_bounded(_ARGV[tool](load), timedelta(seconds=load.seconds) + _GRACE, scratch)
    if not ended.in_time:
        raise CouldNotObserve(f"{tool} did not end {show_duration(_GRACE)} after its {load.seconds} s, and was killed")
    result = await asyncio.to_thread(_READ[tool], ended, load, scratch)
    if result.duration is None or result.duration < load.seconds * _WHOLE - _TICK:
        lasted = "no time that it says" if result.duration is None else f"{result.duration:.0f} s"
        raise CouldNotObserve(f"{tool} lasted {lasted} instead of {load.seconds} s; what stopped it?")
    return result


def _k6(load: Load) -> list[str]:
    ramp, hold = round(load.ramp.total_seconds()), round(load.duration.total_seconds())
    users = ["--vus", str(load.users), "--duration", f"{hold}s"]
    if ramp:
        users = ["--stage", f"{ramp}s:{load.users}", "--stage", f"{hold}s:{load.users}"]
    trend = "avg,min,med,max,p(90),p(95),p(99)"
    quiet = ["--quiet", "--no-usage-report"]
    report = ["--summary-export", "k6.json", "--summary-trend-stats", trend]
    return ["k6", "run", *quiet, *users, *report, "--env", f"BASE_URL={load.url}", str(load.script)]


def _locust(load: Load) -> list[str]:
    a_second = load.users / load.ramp.total_seconds() if load.ramp else load.users
    users = ["--users", str(load.users), "--spawn-rate", f"{a_second:g}", "--run-time", f"{load.seconds}s"]
    report = ["--csv", "locust", "--exit-code-on-error", "0"]
    return ["locust", "--headless", "--only-summary", *users, *report, "--host", load.url, "-f", str(load.script)]


def _wrk(load: Load) -> list[str]:
    threads = max(1, min(_THREADS, os.cpu_count() or 1, load.users))
    amount = ["--threads", str(threads), "--connections", str(load.users), "--duration", f"{load.seconds}s"]
    script = ["--script", str(load.script)] if load.script else []
    return ["wrk", *amount, "--latency", *script, load.url]


def _read_k6(ended: Ended, load: Load, scratch: Path) -> LoadResult:
    report = _report("k6", "k6.json", ended, scratch)
    if ended.exit not in {0, _K6_CROSSED}:
        raise _broke_off("k6", ended)
    result = load_k6.read(report)
    return result.model_copy(update={"ramp": load.ramp.total_seconds()})  # as planned: its summary does not say


def _read_locust(ended: Ended, _load: Load, scratch: Path) -> LoadResult:
    """It is told to end with 0 whatever fails; a script may set 1 where requests failed, and 2 is its own error."""
    history = _report("locust", "locust_stats_history.csv", ended, scratch)
    result = load_locust.read(_report("locust", "locust_stats.csv", ended, scratch), history)
    if ended.exit and not (ended.exit == 1 and result.errors):
        raise _broke_off("locust", ended)
    return result


def _read_wrk(ended: Ended, _load: Load, _scratch: Path) -> LoadResult:
    if ended.exit:
        raise _failed("wrk", ended)
    return load_wrk.read(ArtifactFile("what wrk printed", ended.out, now()))


def _report(tool: Tool, name: str, ended: Ended, scratch: Path) -> ArtifactFile:
    """A file that the tool leaves."""
    file = Folder(scratch, f"what {tool} left").find(name)
    if file is None:
        raise _failed(tool, ended)
    return file


def _failed(tool: Tool, ended: Ended) -> CouldNotObserve:
    return CouldNotObserve(f"{tool} exits with {ended.exit} and leaves no report: {_said(ended)}")


def _broke_off(tool: Tool, ended: Ended) -> CouldNotObserve:
    return CouldNotObserve(f"{tool} exits with {ended.exit}, so its report is of a test that broke off: {_said(ended)}")


def _said(ended: Ended) -> str:
    lines = (ended.out + ended.err).decode(errors="replace").strip().splitlines()
    return shown(lines[-1]) if lines else "it says nothing"


_ARGV: dict[str, Callable[[Load], list[str]]] = {"k6": _k6, "locust": _locust, "wrk": _wrk}
_READ: dict[str, Callable[[Ended, Load, Path], LoadResult]] = {
    "k6": _read_k6,
    "locust": _read_locust,
    "wrk": _read_wrk,
}
