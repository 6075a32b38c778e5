"""A FAKE of Jaeger's query service and of its remote sampling, over a list of traces in memory.

Served, in the shapes of api_v3 (query_service.openapi.yaml in the project's jaeger-idl) as Jaeger 2 answers them:
GET /api/v3/services, and GET /api/v3/traces, which wraps what it finds in `result`, and answers 404 where it finds
nothing; GET /api/sampling as its remote sampling does, which asks nobody who they are. With a token, every other
request must bring it.

Left out: everything else. Nothing is received; ages are counted from now, so that a trace stays as old as it is said.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_LENGTH = timedelta(milliseconds=40)  # of every span
_PLENTY = 100  # traces, where a search does not say


@dataclass(frozen=True)
class Span:
    """A span: whose it is, and the number of its parent in the trace (counted from 1; 0 for none)."""

    service: str
    parent: int = 0


@dataclass
class Trace:
    """A trace: its number, how long ago it began, and its spans, numbered in this order from 1."""

    number: int
    ago: timedelta
    spans: list[Span]


@dataclass
class Strategy:
    """What a service is told to sample: a share, or a limit of traces a second, and shares of single operations."""

    share: float | None = None
    a_second: float | None = None
    operations: dict[str, float] = field(default_factory=dict)


class JaegerFake:
    """The fake's state and its application.

    Attributes:
        strategies: service → what it is told; `default` for those that are not named.
        snake_case: whether it knows only the parameters of versions before 2.17.
    """

    def __init__(self, token: str = "") -> None:
        self.token = token
        self.traces: list[Trace] = []
        self.strategies: dict[str, Strategy] = {}
        self.default = Strategy(share=0.001)
        self.snake_case = False

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/api/v3/services", self._services),
                Route("/api/v3/traces", self._traces),
                Route("/api/sampling", self._sampling),
            ]
        )

    async def _services(self, request: Request) -> Response:
        names: list[JsonValue] = [*sorted({span.service for trace in self.traces for span in trace.spans})]
        return self._refuse(request) or JSONResponse({"services": names})

    async def _traces(self, request: Request) -> Response:
        if refused := self._refuse(request):
            return refused
        names = ("service_name", "start_time_min", "start_time_max", "search_depth")
        if not self.snake_case:
            names = ("serviceName", "startTimeMin", "startTimeMax", "searchDepth")
        service, since, until, most = (_asked(request.query_params, name) for name in names)
        if not since or not until:
            return _error(400, f"query.{names[1]} and query.{names[2]} are required")
        now = datetime.now(UTC)
        found = [
            trace
            for trace in self.traces
            if datetime.fromisoformat(since) <= now - trace.ago <= datetime.fromisoformat(until)
            and any(span.service == service for span in trace.spans)
        ]
        if not found:
            return _error(404, "No traces found")
        newest_first = sorted(found, key=lambda trace: trace.ago)[: int(most or _PLENTY)]
        spans: list[JsonValue] = [part for trace in newest_first for part in _resource_spans(trace, now)]
        return JSONResponse({"result": {"resourceSpans": spans}})

    async def _sampling(self, request: Request) -> Response:
        strategy = self.strategies.get(request.query_params.get("service", ""), self.default)
        return JSONResponse(_strategy_view(strategy))

    def _refuse(self, request: Request) -> Response | None:
        if not self.token or request.headers.get("authorization") == f"Bearer {self.token}":
            return None
        return Response("Unauthorized\n", 401)


def _asked(params: QueryParams, name: str) -> str:
    return params.get(f"query.{name}", "")


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"httpCode": status, "message": message}}, status)


def _resource_spans(trace: Trace, now: datetime) -> list[JsonValue]:
    began = round((now - trace.ago).timestamp() * 1000) * 1_000_000
    ended = began + round(_LENGTH.total_seconds() * 1000) * 1_000_000
    return [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": span.service}}]},
            "scopeSpans": [
                {
                    "scope": {},
                    "spans": [
                        {
                            "traceId": f"{trace.number:032x}",
                            "spanId": f"{number:016x}",
                            "parentSpanId": f"{span.parent:016x}" if span.parent else "",
                            "name": "handle",
                            "kind": 2,
                            "startTimeUnixNano": str(began),
                            "endTimeUnixNano": str(ended),
                        }
                    ],
                }
            ],
        }
        for number, span in enumerate(trace.spans, start=1)
    ]


def _strategy_view(strategy: Strategy) -> dict[str, JsonValue]:
    if strategy.a_second is not None:
        return {"strategyType": "RATE_LIMITING", "rateLimitingSampling": {"maxTracesPerSecond": strategy.a_second}}
    shares: list[JsonValue] = [
        {"operation": operation, "probabilisticSampling": {"samplingRate": share}}
        for operation, share in strategy.operations.items()
    ]
    view: dict[str, JsonValue] = {
        "strategyType": "PROBABILISTIC",
        "probabilisticSampling": {"samplingRate": strategy.share},
    }
    if shares:
        view["operationSampling"] = {"defaultSamplingProbability": strategy.share, "perOperationStrategies": shares}
    return view
