"""A FAKE of Grafana and of a Prometheus data source behind it, as much of both as a check of dashboards needs.

Served, in the shapes of Grafana's HTTP API (9 and later): GET /api/health, /api/search, /api/dashboards/uid/{uid},
/api/datasources, /api/datasources/uid/{uid}/health, and POST /api/ds/query, the latter answered from metrics that it
scrapes itself every half second (grafana_series.py) for the little query language of grafana_query.py.

Left out: everything else. No folders, users, permissions (one bearer token may read all), alerts, annotations, panels
drawn, `$variables` in queries, saved changes, other data sources; instant queries answer like range queries.

Run as `python -m deployments.rehearsal.grafana_fake HOST PORT DASHBOARDS TARGETS`; the token comes from the environment
variable TMINUS_REHEARSAL_GRAFANA_TOKEN.
"""

import asyncio
import contextlib
import hmac
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.rehearsal.grafana_query import BadQuery, parse
from deployments.rehearsal.grafana_series import Scraper, Series

DATASOURCE = "rehearsal-prometheus"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Dashboard(BaseModel):
    """What this fake reads of a dashboard's JSON; the rest is served as it is."""

    uid: str
    title: str
    tags: list[str] = []


class Query(BaseModel):
    """One query of a request."""

    model_config = ConfigDict(extra="ignore")
    ref_id: str = Field(alias="refId")
    expr: str = ""
    datasource: dict[str, str] = {}


class QueryRequest(BaseModel):
    """The body of POST /api/ds/query; times as `now-5m` or in milliseconds since 1970."""

    queries: list[Query]
    start: str = Field(alias="from", default="now-5m")
    end: str = Field(alias="to", default="now")


class GrafanaFake:
    """The fake's endpoints, over a folder of dashboards and what a scraper has seen."""

    def __init__(self, dashboards: Path, scraper: Scraper, token: SecretStr) -> None:
        self._dashboards = dashboards
        self._scraper = scraper
        self._token = token

    def app(self) -> Starlette:
        """The ASGI application, scraping while it runs."""
        routes = [
            Route("/api/health", self.health),
            Route("/api/search", self.search),
            Route("/api/dashboards/uid/{uid}", self.dashboard),
            Route("/api/datasources", self.datasources),
            Route("/api/datasources/uid/{uid}/health", self.datasource_health),
            Route("/api/ds/query", self.query, methods=["POST"]),
        ]
        return Starlette(routes=routes, lifespan=self._scraping)

    @contextlib.asynccontextmanager
    async def _scraping(self, _app: Starlette) -> AsyncIterator[None]:
        scraping = asyncio.create_task(self._scraper.run())
        yield
        scraping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await scraping

    async def health(self, _request: Request) -> Response:
        """GET /api/health, the one call without a token."""
        return JSONResponse({"commit": "fake", "database": "ok", "version": "0.0.0-fake"})

    async def search(self, request: Request) -> Response:
        """GET /api/search: dashboards whose title contains `query`, carrying every `tag`, of the given `type`."""
        if refused := self._refuse(request):
            return refused
        asked = request.query_params
        if asked.get("type", "dash-db") != "dash-db":
            return JSONResponse([])
        found = [
            dashboard
            for dashboard in self._all()
            if asked.get("query", "").lower() in dashboard.title.lower()
            and set(asked.getlist("tag")) <= set(dashboard.tags)
            and dashboard.uid in (asked.getlist("dashboardUIDs") or [dashboard.uid])
        ]
        return JSONResponse([_hit(number, dashboard) for number, dashboard in enumerate(found, 1)])

    async def dashboard(self, request: Request) -> Response:
        """GET /api/dashboards/uid/{uid}: the dashboard's JSON and what Grafana says about it."""
        if refused := self._refuse(request):
            return refused
        uid = request.path_params["uid"]
        for path in self._files():
            text = path.read_text(encoding="utf-8")
            dashboard = Dashboard.model_validate_json(text)
            if dashboard.uid == uid:
                meta = {"type": "db", "slug": _slug(dashboard.title), "url": _url(dashboard), "provisioned": True}
                return JSONResponse({"dashboard": json.loads(text), "meta": meta})
        return JSONResponse({"message": "Dashboard not found"}, 404)

    async def datasources(self, request: Request) -> Response:
        """GET /api/datasources: the one there is."""
        source = {"id": 1, "uid": DATASOURCE, "name": "Rehearsal", "type": "prometheus", "isDefault": True}
        return self._refuse(request) or JSONResponse([source])

    async def datasource_health(self, request: Request) -> Response:
        """GET /api/datasources/uid/{uid}/health: OK, also where every target is down, as Prometheus would say."""
        if refused := self._refuse(request):
            return refused
        if request.path_params["uid"] != DATASOURCE:
            return JSONResponse({"message": "Data source not found"}, 404)
        return JSONResponse({"status": "OK", "message": "Successfully queried the Prometheus API."})

    async def query(self, request: Request) -> Response:
        """POST /api/ds/query: frames per query; one query that fails makes the status 400 and says so in its result."""
        if refused := self._refuse(request):
            return refused
        try:
            asked = QueryRequest.model_validate_json(await request.body())
            now = time.time()
            start, end = _moment(asked.start, now), _moment(asked.end, now)
        except (ValidationError, ValueError):
            return JSONResponse({"message": "bad request data"}, 400)
        results = {query.ref_id: self._answer(query, start, end) for query in asked.queries}
        failed = any("error" in result for result in results.values())
        return JSONResponse({"results": results}, 400 if failed else 200)

    def _answer(self, query: Query, start: float, end: float) -> dict[str, JsonValue]:
        if query.datasource.get("uid", DATASOURCE) != DATASOURCE:
            return {"error": "data source not found", "status": 404, "frames": []}
        try:
            series = parse(query.expr).evaluate(self._scraper.series, start, end)
        except BadQuery as error:
            return {"error": str(error), "errorSource": "downstream", "status": 400, "frames": []}
        return {"status": 200, "frames": [_frame(query, one) for one in series]}

    def _refuse(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {self._token.get_secret_value()}".encode()):
            return None
        return JSONResponse({"message": "Unauthorized" if not given else "Invalid API key"}, 401)

    def _files(self) -> list[Path]:
        return sorted(self._dashboards.glob("*.json"))

    def _all(self) -> list[Dashboard]:
        return [Dashboard.model_validate_json(path.read_text(encoding="utf-8")) for path in self._files()]


def _moment(text: str, now: float) -> float:
    """A time of a request in seconds since 1970. Raises ValueError."""
    if text == "now":
        return now
    if relative := re.fullmatch(r"now-(\d+)([smhd])", text):
        return now - int(relative[1]) * _UNITS[relative[2]]
    return int(text) / 1000


def _frame(query: Query, series: Series) -> dict[str, JsonValue]:
    """One data frame: a column of times in milliseconds and one of numbers, labelled."""
    labels: dict[str, JsonValue] = dict(series.labels)
    fields: list[JsonValue] = [
        {"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}},
        {"name": "Value", "type": "number", "typeInfo": {"frame": "float64"}, "labels": labels},
    ]
    times: list[JsonValue] = [round(at * 1000) for at, _ in series.points]
    values: list[JsonValue] = [value for _, value in series.points]
    return {
        "schema": {"refId": query.ref_id, "meta": {"executedQueryString": f"Expr: {query.expr}"}, "fields": fields},
        "data": {"values": [times, values]},
    }


def _hit(number: int, dashboard: Dashboard) -> dict[str, JsonValue]:
    tags: list[JsonValue] = [*dashboard.tags]
    return {
        "id": number,
        "uid": dashboard.uid,
        "title": dashboard.title,
        "uri": f"db/{_slug(dashboard.title)}",
        "url": _url(dashboard),
        "slug": "",
        "type": "dash-db",
        "tags": tags,
        "isStarred": False,
        "sortMeta": 0,
    }


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _url(dashboard: Dashboard) -> str:
    return f"/d/{dashboard.uid}/{_slug(dashboard.title)}"


def main(host: str, port: str, dashboards: str, targets: str) -> None:
    """Serve until told to stop."""
    token = SecretStr(os.environ.pop("TMINUS_REHEARSAL_GRAFANA_TOKEN"))
    fake = GrafanaFake(Path(dashboards), Scraper(Path(targets)), token)
    uvicorn.run(fake.app(), host=host, port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:5])
