"""The fake of Grafana answers as Grafana does, from metrics it really scrapes."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.rehearsal.grafana import DASHBOARDS, Grafana
from deployments.rehearsal.grafana_query import BadQuery, Expression, parse, rate, total
from deployments.rehearsal.grafana_series import Series
from deployments.rehearsal.processes import Processes


class Instance(BaseHTTPRequestHandler):
    """A service that counts how often it was scraped."""

    scrapes = 0

    def do_GET(self) -> None:
        """Prometheus text; ten orders more at each scrape."""
        type(self).scrapes += 1
        text = f"# TYPE orders_placed_total counter\norders_placed_total {type(self).scrapes * 10}\n"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its parent calls it so)
        """Says nothing."""


@pytest.fixture(scope="module")
def scraped() -> Iterator[int]:
    """The port of a service that is scraped."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Instance) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def grafana(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grafana]:
    """The fake, running, with nothing to scrape yet."""
    fake = Grafana.plan(tmp_path_factory.mktemp("grafana"))
    with Processes() as processes:
        fake.start(processes)
        yield fake


@pytest.fixture
def client(grafana: Grafana) -> Iterator[httpx.Client]:
    """A client with the token."""
    token = grafana.address.token.get_secret_value()
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=grafana.address.url, headers=headers, trust_env=False) as client:
        yield client


def ask(client: httpx.Client, *queries: str) -> httpx.Response:
    """POST /api/ds/query, the queries lettered from A on."""
    lettered = [{"refId": chr(65 + number), "expr": text} for number, text in enumerate(queries)]
    return client.post("/api/ds/query", json={"queries": lettered, "from": "now-1m", "to": "now"})


def test_targets_are_read_again_and_scraped(grafana: Grafana, scraped: int, client: httpx.Client) -> None:
    """Once a target is written to the file its metrics arrive, in frames with recent points; a dead one is `up` 0."""
    assert ask(client, "orders_placed_total").json()["results"]["A"]["frames"] == []
    groups = [{"targets": [f"127.0.0.1:{scraped}", "127.0.0.1:1"], "labels": {"job": "trading"}}]
    grafana.address.targets.write_text(json.dumps(groups), encoding="utf-8")
    deadline = time.monotonic() + 20
    while True:
        answer = ask(client, "orders_placed_total", "sum(rate(orders_placed_total[30s]))", "up")
        results = answer.json()["results"]
        if results["B"]["frames"] or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert answer.status_code == 200
    (frame,) = results["A"]["frames"]
    assert frame["schema"]["fields"][1]["labels"] == {"instance": f"127.0.0.1:{scraped}", "job": "trading"}
    times, values = frame["data"]["values"]
    assert values == sorted(values)
    assert abs(times[-1] / 1000 - time.time()) < 30
    assert results["B"]["frames"][0]["data"]["values"][1][-1] > 0
    assert {tuple(set(frame["data"]["values"][1])) for frame in results["C"]["frames"]} == {(0.0,), (1.0,)}


def test_an_unknown_query_is_an_error_in_its_result(client: httpx.Client) -> None:
    """The status is 400; the bad query's result says why, the good one's is answered."""
    answer = ask(client, "up", "histogram_quantile(0.9, up)")
    assert answer.status_code == 400
    assert "histogram_quantile" in answer.json()["results"]["B"]["error"]
    assert answer.json()["results"]["A"]["status"] == 200


@pytest.mark.parametrize("path", ["/api/search", "/api/dashboards/uid/business", "/api/datasources"])
def test_without_the_token_nothing_is_told(client: httpx.Client, path: str) -> None:
    """No token and a wrong one are refused with 401; health needs none."""
    assert client.get(path).status_code == 200
    for headers in ({"authorization": ""}, {"authorization": "Bearer wrong"}):
        assert client.get(path, headers=headers).status_code == 401
    assert client.get("/api/health", headers={"authorization": ""}).json()["database"] == "ok"


def test_dashboards_are_found_and_every_query_of_theirs_is_understood(client: httpx.Client) -> None:
    """Each dashboard of the rehearsal is listed, served by its uid as it lies in its file, and can be queried."""
    hits = client.get("/api/search", params={"type": "dash-db", "tag": "launch"}).json()
    assert {hit["uid"] for hit in hits} == {"business", "service-health"}
    assert [hit["uid"] for hit in client.get("/api/search", params={"query": "busi"}).json()] == ["business"]
    for hit in hits:
        served = client.get(f"/api/dashboards/uid/{hit['uid']}").json()
        assert served["dashboard"] == json.loads((DASHBOARDS / f"{hit['uid']}.json").read_text(encoding="utf-8"))
        for panel in served["dashboard"]["panels"]:
            assert ask(client, *(target["expr"] for target in panel["targets"])).status_code == 200
    assert client.get("/api/dashboards/uid/none").status_code == 404


def test_a_body_that_is_no_request_is_refused(client: httpx.Client) -> None:
    """Broken JSON and an unknown time are bad requests."""
    assert client.post("/api/ds/query", content=b"{").status_code == 400
    assert client.post("/api/ds/query", json={"queries": [], "from": "yesterday"}).status_code == 400


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("up", Expression("up", None, summed=False)),
        ("sum( up )", Expression("up", None, summed=True)),
        ("rate(a_total[1m])", Expression("a_total", 60, summed=False)),
        (" sum(rate(a_total[30s])) ", Expression("a_total", 30, summed=True)),
    ],
)
def test_the_four_forms_are_understood(text: str, expected: Expression) -> None:
    """A name, its rate, and the sum of either."""
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["", "1 + 1", "up{job='x'}", "rate(up)", "rate(sum(up)[1m])", "sum(up) by (job)"])
def test_anything_else_is_refused(text: str) -> None:
    """What this fake cannot compute it does not guess."""
    with pytest.raises(BadQuery):
        parse(text)


@given(
    increments=st.lists(st.integers(0, 1000), min_size=2, max_size=40),
    restarts=st.sets(st.integers(1, 39)),
)
def test_a_rate_counts_every_increment_once_also_across_restarts(increments: list[int], restarts: set[int]) -> None:
    """Over the whole window, rate times time is the sum of what was counted, wherever the counter began again at 0."""
    value, points = 0, []
    for second, increment in enumerate(increments):
        # A restart can be seen only where the counter shows less than before.
        fell = second in restarts and increment < value
        value = increment if fell else value + increment
        points.append((float(second), float(value)))
    rates = rate(Series({}, points), window=1000, start=0.0)
    assert rates.points[-1][1] * (len(increments) - 1) == pytest.approx(sum(increments[1:]))
    assert all(per_second >= 0 for _, per_second in rates.points)


@given(values=st.lists(st.floats(0, 1e6), min_size=1, max_size=8))
def test_a_sum_adds_up_all_series_of_one_scrape(values: list[float]) -> None:
    """One point per scrape, whose value is the sum over the instances."""
    series = [Series({"instance": str(number)}, [(1.25, value)]) for number, value in enumerate(values)]
    (summed,) = total(series)
    ((at, value),) = summed.points
    assert at == 1.25
    assert value == pytest.approx(sum(values))
