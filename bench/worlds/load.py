"""Load tests that are run now, by stand-ins for the tools."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bench.worlds.file_changes import changed
from bench.worlds.tool_folder import ToolFolder
from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.papers.reports import (
    ago,
    k6_export,
    k6_values,
    locust_history,
    locust_stats,
    write,
    wrk_text,
)

_WRK = {"requests": 49120, "seconds": 30, "users": 64, "refused": 0, "lost": 0}
_LOCUST = {"requests": 54000, "failures": 16, "p50": 38, "p95": 120, "p99": 185}
_K6 = {"p50": 2.9, "p95": 6.4, "p99": 8.2, "errors": 0.02, "users": 64.0, "rate": 4100.0, "seconds": 40.0}
# Each finds the argument that says where the report goes, as the tool itself does. k6 exits with 99 where the script's
# own thresholds are crossed, which is for the book to judge.
_K6_TOOL = 'while [ $# -gt 1 ]; do [ "$1" = --summary-export ] && cp "$here/k6.json" "$2"; shift; done; exit 99'
_LOCUST_TOOL = """\
while [ $# -gt 1 ]; do
  [ "$1" = --csv ] && cp "$here/stats.csv" "$2_stats.csv" && cp "$here/history.csv" "$2_stats_history.csv"
  shift
done"""
# The ramp of 10 s is before the 30 s in k6's and Locust's.
_ORDERS: dict[str, JsonValue] = {"endpoint": "api", "users": 64, "duration": "30s"}


async def _ok(_request: Request) -> Response:
    return PlainTextResponse("ok")


class LoadTools(World):
    """Fakes of k6, Locust and wrk that send nothing, and leave a report in the real tool's format."""

    system: ClassVar[str] = "load"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            check="load.run",
            given={**_ORDERS, "tool": "wrk", "path": "/orders"},
            expect={"p50": "< 50 ms", "p99": "< 100 ms", "errors": "< 0.1 %", "rate": ">= 1500 requests/s"},
            broken_by=(
                ("wrk_slow", "60", "94"),
                ("wrk_slow", "31", "140"),
                ("wrk", "refused", "60"),
                ("wrk", "requests", "900"),
            ),
        ),
        Case(
            check="load.run",
            given={**_ORDERS, "tool": "k6", "script": "load/orders.js", "ramp": "10s"},
            expect={"p95": "< 8 ms", "p99": "< 10 ms", "errors": "< 0.1 %", "users": ">= 64", "ramp": "<= 10 s"},
            broken_by=(
                ("k6", "p95", "9"),
                ("k6", "p99", "12"),
                ("k6", "errors", "2"),
                ("k6", "users", "40"),
                ("k6", "checks_failed", "3"),
            ),
        ),
        Case(
            check="load.run",
            given={**_ORDERS, "tool": "locust", "script": "load/orders.py", "ramp": "10s"},
            expect={"p95": "< 150 ms", "errors": "< 0.1 %", "users": ">= 64", "ramp": "<= 20 s"},
            broken_by=(
                ("locust", "p95", "180"),
                ("locust", "failures", "900"),
                ("users", "50", "10"),
                ("users", "64", "40"),
            ),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._tools = ToolFolder(folder / "bin")
        self._url = ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """The fakes, and an endpoint that answers."""
        write(
            self.folder / "artifacts", {"load/orders.js": "// k6's script\n", "load/orders.py": "# Locust's script\n"}
        )
        self._tools.add("wrk", 'cat "$here/wrk.txt"')
        self._tools.add("k6", _K6_TOOL)
        self._tools.add("locust", _LOCUST_TOOL)
        self._tools.says("wrk.txt", wrk_text(**_WRK, p50=31.2, p99=94.0))
        self._tools.says("k6.json", k6_export(k6_values(**_K6)))
        self._tools.says("stats.csv", locust_stats(**_LOCUST, rate=180.2))
        self._tools.says("history.csv", locust_history(users=64, ramp=10, seconds=40, ended=ago(seconds=1)))
        with served(Starlette(routes=[Route("/{path:path}", _ok)])) as self._url:
            yield

    def sections(self) -> Sections:
        """The endpoint, and where the scripts are."""
        return {"endpoints": {"api": {"url": self._url}}, "artifacts": str(self.folder / "artifacts")}

    def secrets(self) -> dict[str, str]:
        """The PATH on which the fakes are."""
        return {"PATH": self._tools.path()}

    @fault
    def wrk(self, name: str, value: str) -> Iterator[None]:
        """One number that wrk prints is another."""
        with changed(self._tools.folder / "wrk.txt", wrk_text(**{**_WRK, name: int(value)}, p50=31.2, p99=94.0)):
            yield

    @fault
    def wrk_slow(self, p50: str, p99: str) -> Iterator[None]:
        """Wrk's requests take longer."""
        with changed(self._tools.folder / "wrk.txt", wrk_text(**_WRK, p50=float(p50), p99=float(p99))):
            yield

    @fault
    def k6(self, name: str, value: str) -> Iterator[None]:
        """One number of k6's summary is another."""
        with changed(self._tools.folder / "k6.json", k6_export(k6_values(**{**_K6, name: float(value)}))):
            yield

    @fault
    def locust(self, name: str, value: str) -> Iterator[None]:
        """One number of Locust's report is another."""
        with changed(self._tools.folder / "stats.csv", locust_stats(**{**_LOCUST, name: int(value)}, rate=180.2)):
            yield

    @fault
    def users(self, most: str, ramp: str) -> Iterator[None]:
        """Fewer of Locust's users come, or they come more slowly."""
        history = locust_history(users=int(most), ramp=int(ramp), seconds=60, ended=ago(seconds=1))
        with changed(self._tools.folder / "history.csv", history):
            yield
