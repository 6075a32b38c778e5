"""Vatic's Grafana: four dashboards on one data source, and the team that is on call."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

from pydantic import JsonValue

from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.grafana_fake import DATASOURCE
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.grafana_access import GrafanaPlatform, Permission, Team

DASHBOARDS = ("service-health", "kafka", "database", "business")
_ALL: dict[str, JsonValue] = {"dashboards": list(DASHBOARDS), "recent": "60s"}
_FOLDER = "vatic"
_METRICS = (
    "http_request_duration_seconds_sum",
    "http_requests_total",
    "http_request_errors_total",
    "kafka_consumer_lag",
    "kafka_messages_in_total",
    "sql_query_duration_seconds_sum",
    "sql_pool_in_use",
    "orders_placed_total",
    "assessments_created_total",
    "withdrawals_processed_total",
    "process_start_time_seconds",
)


class GrafanaWorld(World):
    """One Grafana with a token that may read all."""

    system: ClassVar[str] = "grafana"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "dashboards.ready",
            _ALL,
            {"present": "= all", "answering": "= all", "oldest_point": "< 60 s"},
            (
                ("dashboard_gone", "kafka"),
                ("dashboard_emptied", "business"),
                ("panel_broken", "service-health", "http_requests_total"),
                "nothing_scraped",
                "points_stopped",
            ),
        ),
        Case(
            "dashboards.ready",
            _ALL,
            {"answering": "= all"},
            (("dashboard_emptied", "kafka"), ("points_stopped", "61")),
        ),
        Case(
            "grafana.dashboard",
            {"uid": "service-health"},
            {"present": "= yes", "panels": ">= 3", "datasources": "= all"},
            (
                ("dashboard_gone", "service-health"),
                ("dashboard_emptied", "service-health"),
                ("panel_gone", "service-health"),
                "source_fails",
                "source_gone",
            ),
        ),
        Case(
            "grafana.dashboard",
            {"uid": "database"},
            {"datasources": "= all"},
            (("dashboard_gone", "database"), "source_gone"),
        ),
        Case(
            "grafana.dashboard",
            {"uid": "service-health", "about": ["latency", "http_requests", "errors?"]},
            {"present": "= yes"},
            (
                *(("panel_swapped", "service-health", title) for title in ("Latency", "Throughput", "Errors")),
                ("panel_gone", "service-health"),
                ("dashboard_gone", "service-health"),
            ),
        ),
        Case("grafana.dashboard", {"uid": "imported"}, {"datasources": "= all"}, ("source_fails",)),
        Case(
            "grafana.access",
            {"team": "on-call", "dashboard": "service-health"},
            {"members": ">= 2", "permission": "= view"},
            ("team_gone", "team_emptied", ("may_nothing", "service-health"), ("may_edit", "service-health")),
        ),
        Case(
            "grafana.access",
            {"team": "on-call", "folder": _FOLDER},
            {"permission": "= edit"},
            ("team_gone", ("may_nothing", _FOLDER), ("folder_gone", _FOLDER)),
        ),
        Case("grafana.health", {}, {"database": "= ok", "version": "!= hidden"}, ("database_fails",)),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.grafana = GrafanaPlatform(folder / "dashboards", "made-up-for-this-world")
        self._url = ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serves the fake, with points up to now."""
        self._fill()
        with served(self.grafana.app()) as self._url:
            yield

    def freshen(self) -> None:
        """Points up to now."""
        self.grafana.forget()
        self._point()

    def _fill(self) -> None:
        grafana = self.grafana
        self._point()
        grafana.put(
            "service-health",
            "Service health",
            Latency="rate(http_request_duration_seconds_sum[5m])",
            Throughput="sum(rate(http_requests_total[5m]))",
            Errors="rate(http_request_errors_total[5m])",
        )
        grafana.put("kafka", "Kafka", Lag="sum(kafka_consumer_lag)", Throughput="rate(kafka_messages_in_total[5m])")
        spent = "rate(sql_query_duration_seconds_sum[5m])"
        grafana.put("database", "Database", Durations=f"sum({spent})", Pool="sql_pool_in_use")
        grafana.put(
            "business",
            "Business",
            Orders="sum(rate(orders_placed_total[5m]))",
            Assessments="assessments_created_total",
            Withdrawals="withdrawals_processed_total",
        )
        grafana.put("imported", "Made for the default data source", source=None, Requests="http_requests_total")
        grafana.teams += [Team("everybody", 1, members=31), Team("on-call", 2, members=4)]
        grafana.permissions |= {uid: [Permission("view", team=2)] for uid in DASHBOARDS}
        grafana.permissions[_FOLDER] = [Permission("view", role="Viewer"), Permission("admin", team=2)]

    def sections(self) -> Sections:
        """Its address and token."""
        return {"grafana": {"url": self._url, "token": "env:WORLD_GRAFANA_TOKEN"}}

    def secrets(self) -> dict[str, str]:
        """The token."""
        return {"WORLD_GRAFANA_TOKEN": self.grafana.token}

    @contextmanager
    def _instead(self, uid: str, text: str | None) -> Iterator[None]:
        path = self.grafana.folder / f"{uid}.json"
        before = path.read_text(encoding="utf-8")
        if text is None:
            path.unlink()
        else:
            path.write_text(text, encoding="utf-8")
        yield
        path.write_text(before, encoding="utf-8")

    @fault
    def dashboard_gone(self, uid: str) -> Iterator[None]:
        """A dashboard was deleted."""
        with self._instead(uid, None):
            yield

    @fault
    def dashboard_emptied(self, uid: str) -> Iterator[None]:
        """Somebody saved a dashboard without its panels."""
        with self._instead(uid, f'{{"uid": "{uid}", "title": "Empty", "panels": []}}'):
            yield

    @fault
    def panel_broken(self, uid: str, metric: str = "orders_placed_total") -> Iterator[None]:
        """Whatever a dashboard shows of a metric, it asks for under the name that it no longer has."""
        text = (self.grafana.folder / f"{uid}.json").read_text(encoding="utf-8")
        with self._instead(uid, text.replace(metric, f"old_{metric}")):
            yield

    @fault
    def panel_gone(self, uid: str) -> Iterator[None]:
        """Somebody removed a dashboard's first panel."""
        dashboard = json.loads((self.grafana.folder / f"{uid}.json").read_text(encoding="utf-8"))
        with self._instead(uid, json.dumps({**dashboard, "panels": dashboard["panels"][1:]})):
            yield

    @fault
    def panel_swapped(self, uid: str, title: str) -> Iterator[None]:
        """Where a panel was, another one stands, about something else, and it has data."""
        dashboard = json.loads((self.grafana.folder / f"{uid}.json").read_text(encoding="utf-8"))
        [panel] = [one for one in dashboard["panels"] if one["title"] == title]
        panel["title"] = "Started"
        panel["targets"][0]["expr"] = "process_start_time_seconds"
        with self._instead(uid, json.dumps(dashboard)):
            yield

    @fault
    def nothing_scraped(self) -> Iterator[None]:
        """Behind Grafana there is no series at all."""
        self.grafana.forget()
        yield
        self._point()

    @fault
    def points_stopped(self, seconds: str = "180") -> Iterator[None]:
        """The newest points are so old."""
        self.grafana.forget()
        self._point(ago=float(seconds))
        yield
        self.freshen()

    def _point(self, ago: float = 0) -> None:
        for metric in _METRICS:
            self.grafana.points(metric, ago=ago)

    @fault
    def source_fails(self) -> Iterator[None]:
        """The data source does not answer Grafana."""
        with patch.dict(self.grafana.sources, {DATASOURCE: "Get /api/v1/query: connection refused"}):
            yield

    @fault
    def source_gone(self) -> Iterator[None]:
        """The data source was deleted, and made again under another uid."""
        with patch.object(self.grafana, "sources", {"prometheus-2": ""}):
            yield

    @fault
    def team_gone(self) -> Iterator[None]:
        """The team was renamed."""
        with patch.object(self.grafana.teams[1], "name", "sre"):
            yield

    @fault
    def team_emptied(self) -> Iterator[None]:
        """Nobody is in the team."""
        with patch.object(self.grafana, "teams", [replace(team, members=0) for team in self.grafana.teams]):
            yield

    @fault
    def may_nothing(self, uid: str) -> Iterator[None]:
        """Only another team was given anything."""
        with patch.dict(
            self.grafana.permissions, {uid: [Permission("edit", team=1), Permission("view", role="Editor")]}
        ):
            yield

    @fault
    def may_edit(self, uid: str) -> Iterator[None]:
        """Everybody who may look may also change it."""
        with patch.dict(self.grafana.permissions, {uid: [Permission("edit", role="Viewer")]}):
            yield

    @fault
    def folder_gone(self, uid: str) -> Iterator[None]:
        """The folder was deleted."""
        with patch.dict(self.grafana.permissions):
            del self.grafana.permissions[uid]
            yield

    @fault
    def database_fails(self) -> Iterator[None]:
        """Grafana cannot reach its own database."""
        with patch.object(self.grafana, "database", "failing"):
            yield
