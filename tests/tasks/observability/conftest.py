"""Real servers, where Debian's or upstream's binaries are on the machine, and one look through an estate."""

import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bench.worlds.estates import check_of, look
from bench.worlds.world import Case, Sections
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.readiness import http_answers
from tminus.outcome import Outcome

PROMETHEUS = """\
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
- job_name: prometheus
  static_configs: [{targets: ["127.0.0.1:PORT"]}]
- job_name: orders
  static_configs: [{targets: ["127.0.0.1:1"]}]
"""
RULES = """\
groups:
- name: service
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
  - alert: ServiceDown
    expr: up{job!="orders"} == 0
    for: 1m
    labels: {severity: critical}
  - alert: HighLatency
    expr: |
      # of the query API
      histogram_quantile(0.99, sum by (le) (rate(prometheus_http_request_duration_seconds_bucket[5m]))) > 200e-3
        and sum(rate(prometheus_http_requests_total[5m])) > 1
    for: 5m
    labels: {severity: warning}
  - alert: HighLatency
    expr: 0.5 < avg(prometheus_http_request_duration_seconds_sum)
    for: 10m
    labels: {severity: critical}
  - alert: BurningFast
    expr: (sum(rate(no_such_metric[1h])) / 2) > 14.4 * (1 - 0.999)
  - alert: TwoNumbers
    expr: up > 1 or scrape_duration_seconds > 30
"""
ALERTMANAGER = """\
route:
  receiver: default
  group_by: [alertname]
  group_wait: 0s
  repeat_interval: 3h
  routes:
  - matchers: [severity="critical", team=~"a|b"]
    receiver: hook
    continue: true
    routes:
    - match: {service: quiet}
      receiver: "null"
    - match_re: {service: slow.*}
      repeat_interval: 1d
  - matchers: ['{severity="critical",team!~"c"}', 'owner="x, \\"y\\""']
    receiver: default
receivers:
- name: default
  webhook_configs: [{url: "SINK", send_resolved: false}]
- name: "null"
- name: hook
  webhook_configs: [{url: "SINK"}, {url: "SINK"}]
"""


@dataclass
class Sink:
    """What a webhook received; its page shows it."""

    url: str = ""
    received: list[JsonValue] = field(default_factory=list)

    def app(self) -> Starlette:
        """POST /hook takes, GET /received shows."""

        async def take(request: Request) -> Response:
            self.received.append(await request.json())
            return Response()

        async def show(_request: Request) -> Response:
            return JSONResponse(self.received)

        return Starlette(routes=[Route("/hook", take, methods=["POST"]), Route("/received", show)])


@pytest.fixture(scope="session")
def real_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that scrapes itself, and orders, which is down."""
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    (folder / "prometheus.yml").write_text(PROMETHEUS.replace("PORT", str(port)))
    (folder / "rules.yml").write_text(RULES)
    argv = [
        _binary("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=15d",
        "--storage.tsdb.retention.size=1GB",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with Processes() as processes:
        processes.start("prometheus", argv, log=folder / "log", ready=http_answers(port, "/-/ready"))
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def sink() -> Iterator[Sink]:
    """A webhook's other end."""
    sink = Sink()
    with served(sink.app()) as sink.url:
        yield sink


@pytest.fixture(scope="session")
def real_alertmanager(tmp_path_factory: pytest.TempPathFactory, sink: Sink) -> Iterator[str]:
    """The address of an Alertmanager that notifies the sink."""
    folder, port = tmp_path_factory.mktemp("alertmanager"), free_port()
    (folder / "config.yml").write_text(ALERTMANAGER.replace("SINK", f"{sink.url}/hook"))
    argv = [
        _binary("prometheus-alertmanager", "alertmanager"),
        f"--config.file={folder / 'config.yml'}",
        f"--storage.path={folder / 'data'}",
        "--cluster.listen-address=",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with Processes() as processes:
        processes.start("alertmanager", argv, log=folder / "log", ready=http_answers(port, "/-/ready"))
        yield f"http://127.0.0.1:{port}"


def _binary(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"no {' or '.join(names)} on the PATH; apt install prometheus prometheus-alertmanager")
    return found


@pytest.fixture
def looked(tmp_path: Path) -> Callable[[Case, Sections], Awaitable[Outcome]]:
    """One look at a check, through an estate with these sections."""

    async def once(case: Case, sections: Sections) -> Outcome:
        return await look(check_of(case), sections, tmp_path)

    return once


@dataclass
class Parrot:
    """A server that says the same to everything; what it says may be changed while it runs."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        request = Request(scope, receive)
        self.asked.append(f"{request.method} {request.url.path}?{request.url.query}")
        await Response(self.body, self.status, media_type="application/json")(scope, receive, send)


@pytest.fixture(scope="session")
def one_parrot() -> Iterator[Parrot]:
    """The server of all these tests."""
    parrot = Parrot()
    with served(parrot) as parrot.url:
        yield parrot


@pytest.fixture
def parrot(one_parrot: Parrot) -> Parrot:
    """The server, as new."""
    one_parrot.status, one_parrot.body = 200, b""
    one_parrot.asked.clear()
    return one_parrot
