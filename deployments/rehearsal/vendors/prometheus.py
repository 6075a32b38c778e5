"""A FAKE of Prometheus' HTTP API: it holds series, rules and targets, and has no engine for PromQL.

Served, in the shapes that https://prometheus.io/docs/prometheus/latest/querying/api/ describes: GET and POST
/api/v1/query, GET /api/v1/targets, /api/v1/rules, /api/v1/status/runtimeinfo. With a token, every request must bring
it.

An instant query is answered, in this order:

1. by what is registered for exactly this text: `fake.register("sum(rate(errors[5m]))", "0.0004")`. A query that gives
   several series is registered with all of them: `fake.answers[query] = [Sample("0.1", {"pod": "a"}), …]`, one that
   gives none with `[]`;
2. by the left side of a rule's expression, which is its `value` now: see `Rule`;
3. by the series, where it is a plain selector (`up{job="orders"}`), or `count(…)` around one;
4. otherwise with the error 422 that says so, never with an empty result: a text that nobody registered must not pass
   for a metric that is not there.

Everything is plain state of `PrometheusFake`, to be added to before or while it is served: `register`, `series`,
`rules`, `targets`. So whoever has queries and alerts of their own, with values for a healthy system, adds them from
outside:

    world.prometheus.register(query, "0.0004")
    world.prometheus.rules.append(Rule("SlowOrders", measured="…", sign=">", number="0.2", value="0.08"))

Left out: everything else. Nothing is scraped, no rule is evaluated, time stands still in the samples.
"""

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_MATCHER = rf'\s*({_NAME})\s*(=~|!~|!=|=)\s*"((?:\\.|[^"\\])*)"\s*'
_SELECTOR = re.compile(rf"\s*({_NAME})?\s*(?:\{{((?:{_MATCHER},?)*)\}})?\s*")
_COUNT = re.compile(r"\s*count\((.*)\)\s*", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class Sample:
    """One series in an answer: its value as Prometheus writes it, and its labels."""

    value: str
    labels: dict[str, str] = field(default_factory=dict)


@dataclass
class Rule:
    """An alerting rule, `measured sign number`.

    Attributes:
        name: the alert's.
        measured: the left side of its expression.
        number: what it compares with, as PromQL.
        value: what the left side gives now; None where it gives no series.
        seconds: its `for`.
        guard: what follows the comparison (`and …`), as PromQL.
    """

    name: str
    measured: str
    sign: str
    number: str
    value: str | None
    seconds: float = 300
    labels: dict[str, str] = field(default_factory=lambda: {"severity": "critical"})
    health: str = "ok"
    guard: str = ""

    @property
    def expression(self) -> str:
        """The whole of it."""
        return f"{self.measured} {self.sign} {self.number} {self.guard}".strip()


@dataclass
class Target:
    """One scraped instance.

    Attributes:
        scraped_ago: seconds; None where it was found and not scraped yet.
    """

    job: str
    instance: str
    health: str = "up"
    scraped_ago: float | None = 7.0


class PrometheusFake:
    """The fake's state and its application.

    Attributes:
        answers: query text → the series that it gives.
        series: metric name → its series.
        retention: as `storageRetention` says it.
    """

    def __init__(self, token: str = "") -> None:
        self.token = token
        self.answers: dict[str, list[Sample]] = {}
        self.series: dict[str, list[Sample]] = {}
        self.rules: list[Rule] = []
        self.targets: list[Target] = []
        self.retention = "15d"

    def register(self, query: str, value: str, **labels: str) -> None:
        """Lets exactly this text give one series with this value."""
        self.answers[query] = [Sample(value, labels)]

    def add(self, metric: str, value: str = "1", **labels: str) -> None:
        """One more series."""
        self.series.setdefault(metric, []).append(Sample(value, labels))

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/api/v1/query", self._query, methods=["GET", "POST"]),
                Route("/api/v1/targets", self._targets),
                Route("/api/v1/rules", self._rules),
                Route("/api/v1/status/runtimeinfo", self._runtime),
            ]
        )

    async def _query(self, request: Request) -> Response:
        sent = await request.form() if request.method == "POST" else request.query_params
        query = str(sent.get("query", ""))
        if refused := self._refuse(request):
            return refused
        found = self._answer(query)
        if found is None:
            said = f"this fake has no engine, and nothing is registered for {query!r}"
            return JSONResponse({"status": "error", "errorType": "execution", "error": said}, 422)
        result: list[JsonValue] = [
            {"metric": {**one.labels}, "value": [round(time.time(), 3), one.value]} for one in found
        ]
        return _success({"resultType": "vector", "result": result})

    def _answer(self, query: str) -> list[Sample] | None:
        if query in self.answers:
            return self.answers[query]
        for rule in self.rules:
            if query == rule.measured:
                return [] if rule.value is None else [Sample(rule.value)]
        if counted := _COUNT.fullmatch(query):
            selected = self._selected(counted[1])
            return None if selected is None else [Sample(str(len(selected)))] if selected else []
        return self._selected(query)

    def _selected(self, selector: str) -> list[Sample] | None:
        match = _SELECTOR.fullmatch(selector)
        if match is None or not selector.strip():
            return None
        name, within = match[1], match[2] or ""
        wanted = [(label, sign, _ESCAPED.sub(r"\1", value)) for label, sign, value in re.findall(_MATCHER, within)]
        if name:
            wanted.append(("__name__", "=", name))
        everything = [
            Sample(one.value, {"__name__": metric, **one.labels})
            for metric, some in self.series.items()
            for one in some
        ]
        return [one for one in everything if all(_matches(one.labels, *matcher) for matcher in wanted)]

    async def _targets(self, request: Request) -> Response:
        targets: list[JsonValue] = [_target_view(target) for target in self.targets]
        active: dict[str, JsonValue] = {"activeTargets": targets, "droppedTargets": [], "droppedTargetCounts": {}}
        return self._refuse(request) or _success(active)

    async def _rules(self, request: Request) -> Response:
        recorded: JsonValue = {"type": "recording", "name": "job:up:sum", "query": "sum by (job) (up)", "health": "ok"}
        alerts: list[JsonValue] = [_rule_view(rule) for rule in self.rules]
        rules = alerts if request.query_params.get("type") == "alert" else [recorded, *alerts]
        group: JsonValue = {"name": "service", "file": "/etc/prometheus/rules.yml", "interval": 15, "rules": rules}
        return self._refuse(request) or _success({"groups": [group]})

    async def _runtime(self, request: Request) -> Response:
        said: dict[str, JsonValue] = {"storageRetention": self.retention, "reloadConfigSuccess": True, "GOMAXPROCS": 2}
        return self._refuse(request) or _success(said)

    def _refuse(self, request: Request) -> Response | None:
        if not self.token or request.headers.get("authorization") == f"Bearer {self.token}":
            return None
        return Response("Unauthorized\n", 401)


def _matches(labels: dict[str, str], label: str, sign: str, value: str) -> bool:
    has = labels.get(label, "")
    alike = bool(re.fullmatch(value, has)) if "~" in sign else has == value
    return alike == (not sign.startswith("!"))


def _success(data: dict[str, JsonValue]) -> Response:
    return JSONResponse({"status": "success", "data": data})


def _target_view(target: Target) -> dict[str, JsonValue]:
    scraped, health = "0001-01-01T00:00:00Z", "unknown"
    if target.scraped_ago is not None:
        at = datetime.now(UTC) - timedelta(seconds=target.scraped_ago)
        scraped, health = at.isoformat().replace("+00:00", "123Z"), target.health  # nanoseconds, as Go writes them
    address = f"http://{target.instance}/metrics"
    return {
        "discoveredLabels": {"__address__": target.instance, "job": target.job},
        "labels": {"instance": target.instance, "job": target.job},
        "scrapePool": target.job,
        "scrapeUrl": address,
        "globalUrl": address,
        "lastError": ""
        if target.health == "up"
        else f'Get "{address}": dial tcp {target.instance}: connection refused',
        "lastScrape": scraped,
        "lastScrapeDuration": 0.004,
        "health": health,
        "scrapeInterval": "15s",
        "scrapeTimeout": "10s",
    }


def _rule_view(rule: Rule) -> dict[str, JsonValue]:
    return {
        "type": "alerting",
        "state": "inactive",
        "name": rule.name,
        "query": rule.expression,
        "duration": rule.seconds,
        "keepFiringFor": 0,
        "labels": {**rule.labels},
        "annotations": {},
        "alerts": [],
        "health": rule.health,
        **({"lastError": "found duplicate series"} if rule.health == "err" else {}),
        "evaluationTime": 0.0004,
        "lastEvaluation": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
