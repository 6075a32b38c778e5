"""Load tools: started with what the step says, skipped where they are not, and believed only after a whole test."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deployments.rehearsal.in_thread import served
from deployments.rehearsal.papers.reports import k6_export, k6_values, locust_history, locust_stats
from tasks import load_tools
from tasks.load_tools import Load
from tests.conftest import Estates
from tests.tasks.artifacts.looking import check, found, put
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict

LOAD = Load(
    "http://127.0.0.1:1/orders", users=50, duration=timedelta(seconds=30), ramp=timedelta(seconds=10), script=Path("s")
)


def test_the_tools_get_what_was_asked_for() -> None:
    """Users, ramp, length and address, in each tool's own words; and k6 the percentiles that are judged."""
    k6, locust, wrk = (" ".join(load_tools._ARGV[tool](LOAD)) for tool in ("k6", "locust", "wrk"))

    assert "--stage 10s:50 --stage 30s:50" in k6
    assert "p(99)" in k6
    assert "BASE_URL=http://127.0.0.1:1/orders" in k6
    assert "--users 50 --spawn-rate 5 --run-time 40s" in locust
    assert "--connections 50 --duration 40s --latency" in wrk


@pytest.mark.parametrize(
    "given",
    [
        {"tool": "k6"},
        {"tool": "locust"},
        {"tool": "wrk", "ramp": "10s"},
        {"tool": "hey"},
        {"tool": "wrk", "users": 0},
        {"tool": "wrk", "duration": "10ms"},
        {"tool": "k6", "script": "../s.js"},
    ],
)
def test_a_load_that_cannot_be_run_is_refused_when_the_book_is_read(given: dict[str, JsonValue]) -> None:
    """No script, no ramp there, no such tool, nobody, no time, a script from elsewhere."""
    with pytest.raises(ValidationError):
        check("load.run", {"errors": "< 1 %"}, **{"endpoint": "api", "users": 5, **given})


async def _answer(request: Request) -> Response:
    return PlainTextResponse("ok", 500 if request.url.path == "/broken" else 200)


@pytest.mark.parametrize(
    ("tool", "how"), [("k6", "install-k6"), ("locust", "pip install locust"), ("wrk", "apt install wrk")]
)
async def test_a_tool_that_is_not_there_is_skipped(
    estates: Estates, monkeypatch: pytest.MonkeyPatch, tool: str, how: str
) -> None:
    """With how to get it."""
    monkeypatch.setenv("PATH", str(estates.folder))
    put(estates.folder, "s.js", "")
    with served(Starlette(routes=[Route("/{path:path}", _answer)])) as url:
        async with estates.make(endpoints={"api": {"url": url}}, artifacts=str(estates.folder)) as estate:
            given: dict[str, JsonValue] = {"tool": tool, "endpoint": "api", "users": 1, "script": "s.js"}
            outcome = await check("load.run", {"errors": "< 1 %"}, **given).observe(estate)

    assert outcome.verdict is Verdict.SKIPPED
    assert how in outcome.summary


@pytest.mark.parametrize("tool", ["k6", "locust", "wrk"])
async def test_a_tool_that_leaves_no_report_is_unknown(
    estates: Estates, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    """It broke, and said why."""
    put(estates.folder, tool, "#!/bin/sh\necho 'cannot bind' >&2\nexit 1\n").chmod(0o755)
    monkeypatch.setenv("PATH", f"{estates.folder}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(CouldNotObserve, match="exits with 1 and leaves no report: cannot bind"):
        await load_tools.run_load(tool, LOAD, estates.folder)  # type: ignore[arg-type]


_K6_LEFT = k6_export(k6_values(p50=3, p95=6, p99=8, errors=0, users=50, rate=100, seconds=40))
_LOCUST_LEFT = {
    "locust_stats.csv": locust_stats(requests=900, failures=3, rate=20, p50=3, p95=6, p99=8),
    "locust_stats_history.csv": locust_history(users=50, ramp=10, seconds=40, ended=now()),
}


@pytest.mark.parametrize(
    ("tool", "status", "files", "trouble"),
    [
        ("k6", 0, {"k6.json": _K6_LEFT}, None),
        ("k6", 99, {"k6.json": _K6_LEFT}, None),
        ("k6", 107, {"k6.json": _K6_LEFT}, "exits with 107, so its report is of a test that broke off"),
        ("locust", 0, _LOCUST_LEFT, None),
        ("locust", 1, _LOCUST_LEFT, None),
        (
            "locust",
            1,
            {**_LOCUST_LEFT, "locust_stats.csv": locust_stats(requests=9, failures=0, rate=2, p50=3, p95=6, p99=8)},
            "exits with 1",
        ),
        ("locust", 2, _LOCUST_LEFT, "exits with 2"),
        (
            "k6",
            0,
            {"k6.json": k6_export(k6_values(p50=3, p95=6, p99=8, errors=0, users=50, rate=100, seconds=12))},
            "lasted 12 s instead of 40 s",
        ),
        (
            "locust",
            0,
            {**_LOCUST_LEFT, "locust_stats_history.csv": locust_history(users=50, ramp=10, seconds=12, ended=now())},
            "lasted 12 s instead of 40 s",
        ),
    ],
)
async def test_a_test_that_was_broken_off_proves_nothing(
    estates: Estates,
    monkeypatch: pytest.MonkeyPatch,
    tool: str,
    status: int,
    files: dict[str, str],
    trouble: str | None,
) -> None:
    """By how the tool ends, or by how long it lasted; crossed thresholds and failed requests are no such thing."""
    for name, text in files.items():
        put(estates.folder, name, text)
    put(estates.folder, f"bin/{tool}", f"#!/bin/sh\nexit {status}\n").chmod(0o755)
    monkeypatch.setenv("PATH", f"{estates.folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    if trouble is None:
        assert (await load_tools.run_load(tool, LOAD, estates.folder)).users == 50  # type: ignore[arg-type]
        return
    with pytest.raises(CouldNotObserve, match=trouble):
        await load_tools.run_load(tool, LOAD, estates.folder)  # type: ignore[arg-type]


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not on the PATH: apt install wrk")
async def test_the_real_wrk_is_run_and_read(estates: Estates) -> None:
    """Against a server here: what it prints is read, and the errors of a path that is broken are counted."""
    expect = {"requests": "> 10", "errors": "= 0 %", "p99": "< 5 s", "users": "= 4"}
    given: dict[str, JsonValue] = {"tool": "wrk", "endpoint": "api", "users": 4, "duration": "1s"}
    with served(Starlette(routes=[Route("/{path:path}", _answer)])) as url:
        async with estates.make(endpoints={"api": {"url": url}}) as estate:
            good = await check("load.run", expect, **given).observe(estate)
            bad = await check("load.run", expect, **given, path="/broken").observe(estate)

    assert good.verdict is Verdict.PASS, good.summary
    assert found(bad)["errors"] == "100 %"
