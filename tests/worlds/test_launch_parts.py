"""The parts of the worlds of a launch that could make a fault harmless without anybody noticing."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.worlds.estates import check_of, look
from bench.worlds.launch_instance import Change, Edge, write_changes
from bench.worlds.launch_logs import LaunchLogs
from bench.worlds.launch_reports import LaunchReports
from bench.worlds.playing import play
from bench.worlds.world import Case
from deployments.rehearsal.in_thread import served
from tminus.outcome import Verdict


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a service behind its edge, and the file of changes."""

    async def answer(_: Request) -> Response:
        return JSONResponse({"status": "up"}, headers={"X-Version": "2.0.0"})

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    with served(Edge(app, tmp_path / "changes")) as url:
        yield url, tmp_path / "changes"


def test_without_a_change_answers_pass_as_they_are(edge: tuple[str, Path]) -> None:
    """No file and an empty one alter nothing; /live says OK."""
    url, changes = edge
    assert _get(url, "/health").json() == {"status": "up"}
    write_changes(changes, [])
    assert _get(url, "/health").json() == {"status": "up"}
    assert _get(url, "/live").text == "OK\n"


def test_a_text_is_another_in_body_and_headers(edge: tuple[str, Path]) -> None:
    """A longer text arrives whole, and a header's value is replaced too."""
    url, changes = edge
    write_changes(changes, [Change(at="GET /health", old="up", new="degraded by far")])
    assert _get(url, "/health").json() == {"status": "degraded by far"}
    write_changes(changes, [Change(at="GET /health", old="2.0.0", new="1.9.0")])
    assert _get(url, "/health").headers["X-Version"] == "1.9.0"


def test_only_what_is_named_is_altered(edge: tuple[str, Path]) -> None:
    """Another path and another method are answered as before; a path is named by its beginning."""
    url, changes = edge
    write_changes(changes, [Change(at="GET /orders", status=503), Change(at="GET /page", text="back soon")])
    assert _get(url, "/health").status_code == 200
    assert httpx.post(f"{url}/orders", trust_env=False).status_code == 200
    assert _get(url, "/orders/17").status_code == 503
    assert (_get(url, "/page").status_code, _get(url, "/page").text) == (200, "back soon")


async def test_a_release_is_looked_at_only_where_a_world_names_one(tmp_path: Path) -> None:
    """What a world says of its release reaches the check; without a word there is the release of all worlds."""
    world = LaunchReports(tmp_path / "reports")
    check = check_of(Case("artifact.vulnerabilities", expect={"reports": "= 3"}))
    with world.running():
        told = await look(check, world.sections(), tmp_path, world.release())
        untold = await look(check, world.sections(), tmp_path)
    assert (told.verdict, untold.verdict) == (Verdict.PASS, Verdict.UNKNOWN)


class _Blinded(LaunchLogs):
    """A world that claims of a fault that is plainly seen that it blinds."""

    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "logs.error_signatures",
            {"service": "trading", "window": "1h"},
            {"new_signatures": "= 0"},
            broken_by=(("told", "blue-1", "no such thing"),),
            blinded_by=(("told", "blue-1", "no such thing"), ("moved", "green-1")),
        ),
    )


def test_a_fault_that_blinds_must_come_out_as_unknown(tmp_path: Path) -> None:
    """A failure where nothing could be known is as wrong as a pass."""
    plays = [*play(_Blinded(tmp_path / "logs"))]
    assert [one.wanted for one in plays if one.fault.startswith(("told", "moved"))] == [
        Verdict.FAIL,
        Verdict.UNKNOWN,
        Verdict.UNKNOWN,
    ]
    assert [one.fault for one in plays if not one.right] == ["told blue-1 no such thing"]


def _get(url: str, path: str) -> httpx.Response:
    return httpx.get(f"{url}{path}", trust_env=False)
