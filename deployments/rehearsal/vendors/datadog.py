"""A FAKE of Datadog's API, as much of it as is read: monitors, dashboards, metric queries, spans.

It answers a metric query from a table of queries, since it has no query language; any other one has no series, as in
Datadog a metric that nobody sends has none. The pages of spans are short, so that whoever asks must follow them.
"""

import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

JsonObject = dict[str, JsonValue]
SPANS_PAGE = 3
_BUCKET = 60  # seconds


@dataclass
class Monitor:
    """A monitor; `muted_until` is the end of a downtime in seconds since 1970, `draft_status` draft or published."""

    name: str
    message: str
    state: str = "OK"
    muted_until: float | None = None
    draft_status: str = "published"


@dataclass
class Dashboard:
    """A dashboard, with the types of its widgets, after which a title may stand; those `grouped` stand in a group."""

    id: str
    title: str
    widgets: list[str]
    grouped: list[str] = field(default_factory=list)


@dataclass
class Span:
    """A span, by how long ago it began."""

    service: str
    env: str
    trace: str
    ago: timedelta


class DatadogFake:
    """One organisation behind an API key and an application key.

    Attributes:
        monitors, dashboards, spans: what it holds; change them at will.
        points: query → of each of its series what the newest whole bucket holds.
        courses: query → what the whole buckets of its one series hold, the newest last; goes before `points`.
    """

    def __init__(self, api_key: str, application_key: str) -> None:
        self._keys = (api_key, application_key)
        self.monitors: list[Monitor] = []
        self.dashboards: list[Dashboard] = []
        self.spans: list[Span] = []
        self.points: dict[str, list[float | None]] = {}
        self.courses: dict[str, tuple[float, ...]] = {}

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(
            routes=[
                self._route("/api/v1/monitor", self._monitors),
                self._route("/api/v1/dashboard", self._dashboards),
                self._route("/api/v1/dashboard/{id}", self._dashboard),
                self._route("/api/v1/query", self._query),
                Route("/api/v2/spans/events/search", self._spans, methods=["POST"]),
            ]
        )

    def _route(self, path: str, answer: Callable[[Request], Response]) -> Route:
        def endpoint(request: Request) -> Response:
            return answer(request) if self._known(request) else _forbidden()

        return Route(path, endpoint)

    def _known(self, request: Request) -> bool:
        given = (request.headers.get("dd-api-key", ""), request.headers.get("dd-application-key", ""))
        return all(hmac.compare_digest(one, key) for one, key in zip(given, self._keys, strict=True))

    def _monitors(self, request: Request) -> Response:
        size, number = int(request.query_params["page_size"]), int(request.query_params["page"])
        shown = [_monitor(n, one) for n, one in enumerate(self.monitors)]
        return JSONResponse(shown[number * size : (number + 1) * size])

    def _dashboards(self, request: Request) -> Response:
        start, count = int(request.query_params["start"]), int(request.query_params["count"])
        shown = [{"id": one.id, "title": one.title, "layout_type": "ordered"} for one in self.dashboards]
        return JSONResponse({"dashboards": shown[start : start + count]})

    def _dashboard(self, request: Request) -> Response:
        one = next((one for one in self.dashboards if one.id == request.path_params["id"]), None)
        if one is None:
            return JSONResponse({"errors": ["Dashboard not found"]}, status_code=404)
        widgets = [_widget(kind) for kind in one.widgets]
        if one.grouped:
            group: JsonValue = {"type": "group", "title": "More", "widgets": [_widget(kind) for kind in one.grouped]}
            widgets.append({"id": 0, "definition": group})
        return JSONResponse({"id": one.id, "title": one.title, "layout_type": "ordered", "widgets": widgets})

    def _query(self, request: Request) -> Response:
        query, until = request.query_params["query"], int(request.query_params["to"]) * 1000
        courses = [self.courses[query]] if query in self.courses else [(1e6, one) for one in self.points.get(query, [])]
        series = [
            {"scope": f"host:{n}", "expression": query, "interval": _BUCKET, "pointlist": _buckets(course, until)}
            for n, course in enumerate(courses)
        ]
        return JSONResponse({"status": "ok", "res_type": "time_series", "query": query, "series": series})

    async def _spans(self, request: Request) -> Response:
        if not self._known(request):
            return _forbidden()
        asked = (await request.json())["data"]["attributes"]
        wanted, begin = asked["filter"]["query"], int(asked["page"].get("cursor") or 0)
        within = timedelta(seconds=int(asked["filter"]["from"].removeprefix("now-").removesuffix("s")))
        found = [one for one in self.spans if one.ago <= within and _matches(one, wanted)]
        found.sort(key=lambda one: one.ago)
        end = begin + min(int(asked["page"]["limit"]), SPANS_PAGE)
        page: JsonObject = {"after": str(end)} if end < len(found) else {}
        data = [_span(one) for one in found[begin:end]]
        return JSONResponse({"data": data, "meta": {"status": "done", "page": page}})


def _buckets(course: Sequence[float | None], until: float) -> list[JsonValue]:
    """Each value at the beginning of its bucket; the last one began just now, and nothing came to it yet."""
    began = until - 10_000
    whole: list[JsonValue] = [[began - _BUCKET * 1000 * ago, one] for ago, one in enumerate(reversed(course), start=1)]
    return [*reversed(whole), [began, 0]]


def _monitor(number: int, one: Monitor) -> JsonObject:
    downtime: JsonObject = {"id": 1, "start": 0, "end": one.muted_until, "scope": ["*"]}
    return {
        "id": number + 1,
        "name": one.name,
        "type": "query alert",
        "query": "avg(last_5m):avg:system.load.1{*} > 4",
        "message": one.message,
        "overall_state": one.state,
        "draft_status": one.draft_status,
        "options": {"silenced": {}, "notify_no_data": True},
        "matching_downtimes": [] if one.muted_until is None else [downtime],
    }


def _widget(said: str) -> JsonObject:
    kind, _, title = said.partition(" ")
    query: JsonObject = {"name": "a", "data_source": "metrics", "query": "avg:system.load.1{*}"}
    return {"id": 1, "definition": {"type": kind, "title": title, "requests": [{"queries": [query]}]}}


def _span(one: Span) -> JsonObject:
    begun = (datetime.now(UTC) - one.ago).isoformat()
    attributes: JsonObject = {"service": one.service, "env": one.env, "trace_id": one.trace, "start_timestamp": begun}
    return {"id": "AAAA", "type": "spans", "attributes": attributes}


def _matches(one: Span, query: str) -> bool:
    """Whether it has all the `facet:value` of a query, where a value may be `(one OR another)`."""
    has = {"service": one.service, "env": one.env, "trace_id": one.trace}
    facets: list[tuple[str, str]] = re.findall(r"(\w+):(\([^)]*\)|\S+)", query)
    return all(has[name] in value.strip("()").split(" OR ") for name, value in facets)


def _forbidden() -> Response:
    return JSONResponse({"errors": ["Forbidden"]}, status_code=403)
