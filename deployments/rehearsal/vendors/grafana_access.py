"""A FAKE of more of Grafana: teams, permissions, the health of data sources and of itself, before the rehearsal's fake.

`grafana_fake.py` serves dashboards from a folder and answers their queries from the series it was given; this adds, in
the shapes of Grafana's HTTP API, GET /api/teams/search, /api/dashboards/uid/{uid}/permissions,
/api/folders/{uid}/permissions, and takes over /api/health and /api/datasources/uid/{uid}/health, so that they can be
broken. Here nothing is scraped: series are put in with `points`. Every request but that for its own health must bring
the token.

Left out: what grafana_fake.py leaves out, and everything about teams and permissions that is not read.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue, SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from deployments.rehearsal.grafana_fake import DATASOURCE, GrafanaFake
from deployments.rehearsal.grafana_series import Scraper, Store

_LEVELS = {"view": 1, "edit": 2, "admin": 4}
_EVERY = 15  # seconds between two points
_SOURCE: JsonValue = {"type": "prometheus", "uid": DATASOURCE}


@dataclass
class Team:
    """A team, by its number, and how many are in it."""

    name: str
    id: int
    members: int


@dataclass(frozen=True)
class Permission:
    """What a team (by its number) or a role may do: `view`, `edit` or `admin`."""

    level: str
    team: int = 0
    role: str = ""


class GrafanaPlatform:
    """The fake's state and its application.

    Args:
        folder: of dashboards' JSON files; need not exist yet.

    Attributes:
        permissions: uid of a dashboard or folder → who may do what there.
        sources: uid of a data source → its trouble, "" where it is well.
    """

    def __init__(self, folder: Path, token: str) -> None:
        self.folder = folder
        self.token = token
        self.teams: list[Team] = []
        self.permissions: dict[str, list[Permission]] = {}
        self.sources = {DATASOURCE: ""}
        self.database = "ok"
        self._scraper = Scraper(folder / "no-targets.json")
        self._inner = GrafanaFake(folder, self._scraper, SecretStr(token))

    def put(self, uid: str, title: str, source: JsonValue = _SOURCE, **panels: str) -> None:
        """A dashboard whose panels ask one query each: title → query."""
        self.folder.mkdir(parents=True, exist_ok=True)
        shown: list[JsonValue] = [
            {
                "type": "timeseries",
                "title": name,
                "datasource": source,
                "targets": [{"refId": "A", "expr": query, "datasource": source}],
            }
            for name, query in panels.items()
        ]
        text = json.dumps({"uid": uid, "title": title, "panels": [*shown, {"type": "text", "title": "Runbook"}]})
        (self.folder / f"{uid}.json").write_text(text, encoding="utf-8")

    def points(self, metric: str, *, ago: float = 0.0) -> None:
        """Five minutes of a metric that grows; its newest point so many seconds ago."""
        end = time.time() - ago
        for step in range(20, -1, -1):
            self._scraper.series.add(metric, {"instance": "orders-0:9100"}, end - step * _EVERY, 100.0 - step)

    def forget(self) -> None:
        """Every point."""
        self._scraper.series = Store()

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/api/health", self._health),
                Route("/api/teams/search", self._teams),
                Route("/api/dashboards/uid/{uid}/permissions", self._permissions),
                Route("/api/folders/{uid}/permissions", self._permissions),
                Route("/api/datasources/uid/{uid}/health", self._source),
                Mount("/", self._inner.app()),
            ]
        )

    async def _health(self, _request: Request) -> Response:
        said = {"commit": "fake", "database": self.database, "version": "0.0.0-fake"}
        return JSONResponse(said, 200 if self.database == "ok" else 503)

    async def _teams(self, request: Request) -> Response:
        asked = request.query_params.get("name")
        teams: list[JsonValue] = [
            {"id": team.id, "orgId": 1, "name": team.name, "email": "", "memberCount": team.members, "permission": 0}
            for team in self.teams
            if asked in {None, team.name}
        ]
        said = {"totalCount": len(teams), "teams": teams, "page": 1, "perPage": 1000}
        return self._refuse(request) or JSONResponse(said)

    async def _permissions(self, request: Request) -> Response:
        found = self.permissions.get(request.path_params["uid"])
        if refused := self._refuse(request):
            return refused
        if found is None:
            return JSONResponse({"message": "Not found"}, 404)
        return JSONResponse(
            [
                {
                    "teamId": one.team,
                    "role": one.role,
                    "permission": _LEVELS[one.level],
                    "permissionName": one.level.title(),
                    "inherited": False,
                }
                for one in found
            ]
        )

    async def _source(self, request: Request) -> Response:
        if refused := self._refuse(request):
            return refused
        trouble = self.sources.get(request.path_params["uid"])
        if trouble is None:
            return JSONResponse({"message": "Data source not found"}, 404)
        if trouble:
            return JSONResponse({"status": "ERROR", "message": trouble}, 400)
        return JSONResponse({"status": "OK", "message": "Successfully queried the Prometheus API."})

    def _refuse(self, request: Request) -> Response | None:
        if request.headers.get("authorization") == f"Bearer {self.token}":
            return None
        return JSONResponse({"message": "Unauthorized"}, 401)
