"""The check of dashboards, against the rehearsal's fake of Grafana, which scrapes a target of the test's own."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from pydantic import JsonValue, SecretStr

from deployments.rehearsal.grafana import Grafana
from deployments.rehearsal.processes import Processes
from tasks.checks.dashboards import Ready
from tests.conftest import Estates
from tests.tasks.panels import SOURCE, Json, panel
from tminus.outcome import Outcome, Verdict

READY = {"present": "= all", "answering": "= all", "oldest_point": "< 60 s"}


class Metrics(BaseHTTPRequestHandler):
    """A scraped instance: two metrics, of which one grows."""

    def do_GET(self) -> None:
        """Answers in Prometheus' text format."""
        body = f"orders_placed_total {time.monotonic()}\nqueue_length 3\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """A target that answers as long as this module's tests run."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass(frozen=True)
class Board:
    """The fake of Grafana with a folder of dashboards and a list of targets, both changeable."""

    at: Grafana

    def scrape(self, *targets: str) -> None:
        """Scrapes these from now on, and waits until that has happened twice."""
        self.at.address.targets.write_text(json.dumps([{"targets": list(targets)}]))
        time.sleep(1.2)

    def put(self, uid: str, *panels: Json, **more: JsonValue) -> None:
        """A dashboard."""
        body = {"uid": uid, "title": uid, "panels": panels, **more}
        (self.at.address.dashboards / f"{uid}.json").write_text(json.dumps(body))


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, target: str) -> Iterator[Board]:
    """One fake for this module, scraping the target."""
    folder = tmp_path_factory.mktemp("grafana")
    (folder / "dashboards").mkdir()
    server = Grafana.plan(folder, dashboards=folder / "dashboards")
    with Processes() as processes:
        server.start(processes)
        board = Board(server)
        board.scrape(target)
        yield board


async def ready(
    estates: Estates,
    grafana: Grafana,
    *dashboards: str,
    recent: str = "30s",
    expect: Mapping[str, str] = READY,
    token: SecretStr | None = None,
) -> Outcome:
    """The outcome of the check for these dashboards."""
    check = Ready.model_validate({"dashboards": dashboards, "recent": recent, "expect": expect})
    section = {"url": grafana.address.url, "token": estates.secret(token or grafana.address.token)}
    async with estates.make(grafana=section) as estate:
        return await check.observe(estate)


async def test_dashboards_with_fresh_points_pass(estates: Estates, board: Board) -> None:
    """All of them exist and every query of every panel has a recent point."""
    board.put("overview", panel("sum(rate(orders_placed_total[30s]))"), panel("queue_length"))
    board.put("latency", panel("queue_length"), {"type": "text", "title": "read this first"})
    outcome = await ready(estates, board.at, "overview", "latency")
    assert outcome.verdict is Verdict.PASS, outcome.summary
    assert "answering 3 of 3" in outcome.summary


async def test_a_missing_dashboard_fails_and_is_named(estates: Estates, board: Board) -> None:
    """One that was never made, or was deleted."""
    board.put("overview", panel("queue_length"))
    outcome = await ready(estates, board.at, "overview", "gone")
    assert outcome.verdict is Verdict.FAIL
    assert "present 1 of 2" in outcome.summary
    assert "dashboard gone does not exist" in outcome.summary


@pytest.mark.parametrize(
    "broken",
    [
        panel("no_such_metric"),
        panel("this is ( no query"),
        {"type": "row", "title": "folded", "collapsed": True, "panels": [panel("no_such_metric")]},
        {"type": "row", "panels": [{"type": "row", "panels": [panel("no_such_metric")]}]},
        panel("queue_length", targets=[{"refId": "A", "expr": "queue_length", "datasource": {"uid": "deleted"}}]),
    ],
    ids=["no data", "a query error", "in a folded row", "in a row in a row", "a data source that is gone"],
)
async def test_one_broken_query_fails_wherever_it_is(estates: Estates, board: Board, broken: Json) -> None:
    """A dashboard that is fine but for one panel is not ready, and the evidence says which panel."""
    board.put("overview", panel("queue_length"), broken)
    outcome = await ready(estates, board.at, "overview")
    assert outcome.verdict is Verdict.FAIL
    assert "answering 1 of 2" in outcome.summary
    assert "overview / shows" in outcome.details[0]


async def test_points_that_stopped_coming_fail(estates: Estates, board: Board, target: str) -> None:
    """When nothing is scraped any more, the newest point grows old, and that shows."""
    board.put("overview", panel("queue_length"))
    board.scrape()
    await asyncio.sleep(0.5)
    outcome = await ready(estates, board.at, "overview", recent="1s")
    board.scrape(target)
    assert outcome.verdict is Verdict.FAIL
    assert "newest point" in outcome.summary


@pytest.mark.parametrize("panels", [[], [{"type": "text", "title": "to be done"}], [panel("")]])
async def test_a_dashboard_that_was_emptied_is_not_ready(estates: Estates, board: Board, panels: list[Json]) -> None:
    """It shows on-call nothing, and the queries of another dashboard do not stand for its own."""
    hidden: Json = {"targets": [{"refId": "A", "expr": "queue_length", "hide": True, "datasource": SOURCE}]}
    board.put("empty", *[{**one, **hidden} if "targets" in one else one for one in panels])
    board.put("overview", panel("queue_length"))
    outcome = await ready(estates, board.at, "overview", "empty", expect={"present": "= all", "answering": "= all"})
    assert outcome.verdict is Verdict.FAIL
    assert outcome.summary == "answering 1 of 2, expected = all: empty, which asks nothing: no point"


async def test_hidden_queries_and_borrowed_panels_are_not_counted(estates: Estates, board: Board) -> None:
    """What nobody sees, and what shows another panel's data, need not answer by itself."""
    hidden: Json = {"refId": "B", "expr": "no_such_metric", "hide": True, "datasource": SOURCE}
    shown: Json = {"refId": "A", "expr": "queue_length", "datasource": SOURCE}
    borrowed: Json = {"uid": "-- Dashboard --"}
    board.put(
        "overview",
        panel("", targets=[shown, hidden]),
        {"title": "borrowed", "datasource": borrowed, "targets": [{"refId": "A", "panelId": 1}]},
    )
    assert (await ready(estates, board.at, "overview")).verdict is Verdict.PASS


async def test_variables_are_filled_in_as_they_are_selected(estates: Estates, board: Board) -> None:
    """A query with the dashboard's variables is asked with their values, its data source too."""
    board.put(
        "overview",
        panel("$metric", datasource={"uid": "${source}"}, targets=[{"refId": "A", "expr": "${metric:raw}"}]),
        templating={
            "list": [
                {"name": "metric", "current": {"value": "queue_length"}},
                {"name": "source", "current": {"value": "rehearsal-prometheus"}},
            ]
        },
    )
    assert (await ready(estates, board.at, "overview")).verdict is Verdict.PASS


async def test_grafana_that_cannot_be_asked_is_unknown(estates: Estates, board: Board, tmp_path: Path) -> None:
    """A refused token, and no Grafana at all, say nothing about the dashboards; the token is not shown."""
    board.put("overview", panel("queue_length"))
    wrong = SecretStr("not-the-token")
    refused = await ready(estates, board.at, "overview", token=wrong)
    silent = await ready(estates, Grafana.plan(tmp_path), "overview")
    assert [refused.verdict, silent.verdict] == [Verdict.UNKNOWN] * 2
    assert "the token needs the right" in refused.summary
    assert wrong.get_secret_value() not in refused.model_dump_json()


async def test_no_grafana_is_skipped(estates: Estates) -> None:
    """An environment without one skips the check, which is no pass."""
    check = Ready.model_validate({"dashboards": ["overview"], "recent": "30s", "expect": READY})
    async with estates.make() as estate:
        assert (await check.observe(estate)).verdict is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (500, b"upstream timed out", Verdict.UNKNOWN),
        (403, b'{"message": "no access to this data source"}', Verdict.UNKNOWN),
        (404, b'{"message": "data source not found"}', Verdict.FAIL),
        (207, b'{"results": {"A": {"error": "bad gateway", "frames": []}}}', Verdict.FAIL),
        (200, b'{"results": {}}', Verdict.FAIL),
    ],
)
async def test_what_grafana_answers_to_a_query_decides(
    estates: Estates, status: int, body: bytes, verdict: Verdict
) -> None:
    """A fault of Grafana's own is unknown; a query that it refuses for what it asks is a fault of the dashboard."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            dashboard = {"uid": "overview", "panels": [panel("up")]}
            return httpx.Response(200, json={"dashboard": dashboard, "meta": {}})
        return httpx.Response(status, content=body)

    check = Ready.model_validate({"dashboards": ["overview"], "recent": "30s", "expect": READY})
    section = {"url": "http://127.0.0.1:1", "token": estates.secret(SecretStr("any"))}
    async with (
        estates.make(grafana=section) as estate,
        httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client,
    ):
        vars(estate)["clients"] = SimpleNamespace(trusting=lambda _authority: client)
        assert (await check.observe(estate)).verdict is verdict


async def test_four_panels_at_a_time_are_asked_of_whom_the_section_trusts(estates: Estates, tmp_path: Path) -> None:
    """A dashboard of many panels is no load on Grafana, and its own authority is the one that is trusted."""
    asking, most, trusted = 0, 0, list[Path | None]()

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asking, most
        if request.method == "GET":
            dashboard = {"uid": "overview", "panels": [panel(f"metric_{number}") for number in range(30)]}
            return httpx.Response(200, json={"dashboard": dashboard, "meta": {}})
        asking += 1
        most = max(most, asking)
        await asyncio.sleep(0.001)
        asking -= 1
        return httpx.Response(200, json={"results": {}})

    check = Ready.model_validate({"dashboards": ["overview"], "recent": "30s", "expect": READY})
    own = tmp_path / "grafana.pem"
    section = {"url": "https://127.0.0.1:1", "token": estates.secret(SecretStr("any")), "ca_file": str(own)}
    async with (
        estates.make(grafana=section) as estate,
        httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client,
    ):

        def trusting(authority: Path | None) -> httpx.AsyncClient:
            trusted.append(authority)
            return client

        vars(estate)["clients"] = SimpleNamespace(trusting=trusting)
        assert (await check.observe(estate)).verdict is Verdict.FAIL
    assert (most, trusted) == (4, [own])
