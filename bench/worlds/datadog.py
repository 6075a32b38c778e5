"""Datadog as TradeSense uses it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from starlette.types import ASGIApp

from bench.worlds.vendor_world import VendorWorld, changed
from bench.worlds.world import Case, Sections, fault
from deployments.rehearsal.vendors.datadog import Dashboard, DatadogFake, Monitor, Span

_KEYS = {"TMINUS_WORLD_DATADOG_API_KEY": "an-api-key", "TMINUS_WORLD_DATADOG_APPLICATION_KEY": "an-application-key"}
_MONITORS = ("Service down", "High error rate", "Slow responses", "Security incident", "Cost threshold")
_DASHBOARDS = {
    "Service health": ("Latency p95", "Requests", "Errors"),
    "Business metrics": ("Trades", "Accounts", "Revenue"),
    "Security metrics": ("Logins", "Refusals", "Findings of scans"),
    "Cost tracking": ("Railway", "AWS", "Datadog"),
}
_MINUTE = timedelta(minutes=1)
_OF_THE_API = "{service:tradesense-api}.as_count()"
_ERRORS = f"sum:trace.http.request.errors{_OF_THE_API}/sum:trace.http.request.hits{_OF_THE_API}"
_QUEUED = "max:tradesense.orders.queued{*}"
_LATENCY = "p95:trace.http.request{service:tradesense-api} by {host}"


class Datadog(VendorWorld):
    """A service that is traced into two others, five monitors among a hundred, four dashboards, two metrics."""

    system: ClassVar[str] = "datadog"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "datadog.apm",
            {"service": "tradesense-api", "env": "production"},
            {"spans": ">= 8", "services": ">= 3", "newest": "< 5 min"},
            ("no_spans", "the_newest_span_is_old", "the_trace_ends_at_the_api", "half_the_spans_are_missing"),
        ),
        Case(
            "datadog.apm",
            {"service": "tradesense-api", "env": "production", "through": ["tradesense-worker", "postgres"]},
            {"through": "= all"},
            ("no_spans", "the_trace_ends_at_the_api", ("never_traced", "postgres")),
        ),
        Case(
            "datadog.monitors",
            {"monitors": list(_MONITORS)},
            {"present": "= all", "notifying": "= all", "muted": "= 0", "blind": "= 0", "alerting": "= 0"},
            (
                ("a_monitor", "name", "renamed"),
                ("a_monitor", "message", "High error rate. Owner: ops@tradesense.io"),
                ("a_monitor", "message", "Ask Anna. @http.status_code is above 499"),
                ("a_monitor", "message", "High. {{#is_recovery}}It is over @pagerduty-tradesense{{/is_recovery}}"),
                ("a_monitor", "message", "{{#is_no_data}}@slack-ops{{/is_no_data}}{{#is_warning}}@all{{/is_warning}}"),
                ("a_monitor", "draft_status", "draft"),
                *(("a_monitor", "state", state) for state in ("No Data", "Ignored", "Skipped", "Unknown", "Alert")),
                "a_monitor_is_muted",
                ("the_monitor", "Cost threshold", "state", "No Data"),
                ("the_monitor_is_muted", "Service down"),
            ),
        ),
        Case(
            "datadog.dashboard",
            {"title": "Business metrics"},
            {"present": "= yes", "widgets": ">= 4"},
            ("the_dashboard_is_gone", "the_dashboard_is_bare", "the_group_is_empty"),
        ),
        Case(
            "datadog.dashboard",
            {"title": "Cost tracking"},
            {"present": "= yes", "widgets": ">= 3"},
            (("one_dashboard_is_gone", "Cost tracking"), ("one_dashboard_shows", "Cost tracking", "toplist", "note")),
        ),
        Case(
            "datadog.dashboard",
            {"title": "Cost tracking", "about": ["railway", "aws", "datadog"]},
            {"widgets": ">= 3"},
            (
                *(("one_widget_shows", "Cost tracking", vendor, "Weather") for vendor in ("Railway", "AWS", "Datadog")),
                ("one_dashboard_is_gone", "Cost tracking"),
            ),
        ),
        Case(
            "datadog.apm",
            {"service": "tradesense-web", "env": "production"},
            {"spans": ">= 1", "newest": "< 15 min"},
            (("never_traced", "tradesense-web"), ("not_traced_since", "tradesense-web", "15")),
        ),
        Case(
            "datadog.metric",
            {"query": _ERRORS},
            {"ratio": "< 1 %"},
            (("the_metric", _ERRORS, "0.02"),),
        ),
        Case(
            "datadog.metric",
            {"query": _LATENCY, "take": "max"},
            {"seconds": "< 200 ms", "series": "= 2"},
            (("the_metric", _LATENCY, "0.512", "0.1"), ("the_metric", _LATENCY, "0.09")),
            (("nobody_sends", _LATENCY),),
        ),
        Case(
            "datadog.metric",
            {"query": _LATENCY, "take": "min"},
            {"seconds": "> 0 s"},
            (("the_metric", _LATENCY, "0", "0.1"),),
        ),
        Case(
            "datadog.metric",
            {"query": _QUEUED},
            {"value": "< 10"},
            (("the_course", _QUEUED, "2", "3", "11"),),
            (("only_the_newest_bucket", _QUEUED),),
        ),
        Case(
            "datadog.metric",
            {"query": _QUEUED, "over": "max"},
            {"value": "< 10"},
            (("the_course", _QUEUED, "2", "11", "3"),),
        ),
        Case(
            "datadog.metric",
            {"query": _QUEUED, "over": "mean"},
            {"value": "= 4"},
            (("the_course", _QUEUED, "2", "7", "6"), ("the_course", _QUEUED, "1", "1", "4")),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._fake = fake = DatadogFake(*_KEYS.values())
        fake.monitors = [Monitor(f"other {n}", "@slack-others") for n in range(120)]
        fake.monitors += [Monitor(name, f"{name}: see the runbook. @pagerduty-tradesense") for name in _MONITORS]
        self._monitor = fake.monitors[-4]
        self._monitors = {one.name: one for one in fake.monitors}
        fake.dashboards = [Dashboard(f"oth-er{n}", f"other {n}", ["note"]) for n in range(150)]
        fake.dashboards += [
            Dashboard(
                f"abc-d{n}", title, [f"timeseries {one}", f"query_value {two}", "note"], [f"toplist {three}", "slo"]
            )
            for n, (title, (one, two, three)) in enumerate(_DASHBOARDS.items())
        ]
        self._dashboard = fake.dashboards[-3]
        self._dashboards = {one.title: one for one in fake.dashboards}
        fake.spans = [
            Span(service, "production", f"abc{trace}", _MINUTE * (trace + 1))
            for trace in range(8)
            for service in ("tradesense-api", "tradesense-worker", "postgres")
        ]
        fake.spans += [Span("tradesense-api", "staging", "def1", _MINUTE / 2)]
        fake.spans += [Span("tradesense-web", "production", f"fed{trace}", _MINUTE * (trace + 1)) for trace in range(8)]
        fake.points = {_ERRORS: [0.002], _LATENCY: [0.1185, 0.131]}
        fake.courses = {_QUEUED: (2, 6, 4)}

    def app(self) -> ASGIApp:
        """The organisation."""
        return self._fake.app()

    def sections(self) -> Sections:
        """Its address and the names of both keys."""
        token, key = (f"env:{name}" for name in _KEYS)
        return {"datadog": {"url": self.url, "token": token, "key": key}}

    def secrets(self) -> dict[str, str]:
        """Both keys."""
        return dict(_KEYS)

    def gives(self, query: str, *values: float) -> None:
        """From now on a query has a series for each of these values."""
        self._fake.points[query] = [*values]

    @fault
    def no_spans(self) -> Iterator[None]:
        """Only staging is traced."""
        with changed(self._fake, spans=[one for one in self._fake.spans if one.env == "staging"]):
            yield

    @fault
    def the_newest_span_is_old(self) -> Iterator[None]:
        """Since half an hour none came."""
        late = [Span(one.service, one.env, one.trace, one.ago + 30 * _MINUTE) for one in self._fake.spans]
        with changed(self._fake, spans=late):
            yield

    @fault
    def the_trace_ends_at_the_api(self) -> Iterator[None]:
        """The others do not pass the context on."""
        with changed(self._fake, spans=[one for one in self._fake.spans if one.service == "tradesense-api"]):
            yield

    @fault
    def half_the_spans_are_missing(self) -> Iterator[None]:
        """Fewer requests are traced than before."""
        with changed(self._fake, spans=self._fake.spans[: 4 * 3]):
            yield

    @fault
    def a_monitor(self, field: str, value: str) -> Iterator[None]:
        """Something about one monitor is otherwise."""
        with changed(self._monitor, **{field: value}):
            yield

    @fault
    def a_monitor_is_muted(self) -> Iterator[None]:
        """Somebody silenced it for another hour."""
        with changed(self._monitor, muted_until=datetime.now(UTC).timestamp() + 3600):
            yield

    @fault
    def the_dashboard_is_gone(self) -> Iterator[None]:
        """It has another title."""
        with changed(self._dashboard, title="Business metrics (old)"):
            yield

    @fault
    def the_dashboard_is_bare(self) -> Iterator[None]:
        """Only notes and a picture are left."""
        with changed(self._dashboard, widgets=["note", "image", "free_text", "note"], grouped=["note"]):
            yield

    @fault
    def the_group_is_empty(self) -> Iterator[None]:
        """What stood in the group was removed."""
        with changed(self._dashboard, grouped=[]):
            yield

    @fault
    def never_traced(self, service: str) -> Iterator[None]:
        """Nobody traces one service."""
        with changed(self._fake, spans=[one for one in self._fake.spans if one.service != service]):
            yield

    @fault
    def not_traced_since(self, service: str, minutes: str) -> Iterator[None]:
        """The spans of one service came so many minutes earlier."""
        late = timedelta(minutes=float(minutes))
        spans = [replace(one, ago=one.ago + late) if one.service == service else one for one in self._fake.spans]
        with changed(self._fake, spans=spans):
            yield

    @fault
    def the_monitor(self, name: str, field: str, value: str) -> Iterator[None]:
        """Something about one monitor, by its name, is otherwise."""
        with changed(self._monitors[name], **{field: value}):
            yield

    @fault
    def the_monitor_is_muted(self, name: str) -> Iterator[None]:
        """Somebody silenced that one for another hour."""
        with changed(self._monitors[name], muted_until=datetime.now(UTC).timestamp() + 3600):
            yield

    @fault
    def one_dashboard_is_gone(self, title: str) -> Iterator[None]:
        """That one has another title."""
        with changed(self._dashboards[title], title=f"{title} (old)"):
            yield

    @fault
    def one_dashboard_shows(self, title: str, *widgets: str) -> Iterator[None]:
        """That one has these types of widgets, and no others."""
        with changed(self._dashboards[title], widgets=[*widgets], grouped=[]):
            yield

    @fault
    def one_widget_shows(self, title: str, chart: str, other: str) -> Iterator[None]:
        """Instead of one chart there is another, on one dashboard."""
        board = self._dashboards[title]
        widgets, grouped = ([one.replace(chart, other) for one in some] for some in (board.widgets, board.grouped))
        with changed(board, widgets=widgets, grouped=grouped):
            yield

    @fault
    def the_metric(self, query: str, *values: str) -> Iterator[None]:
        """It has a series for each of these numbers, and no others."""
        with changed(self._fake, points={**self._fake.points, query: [float(value) for value in values]}):
            yield

    @fault
    def nobody_sends(self, query: str) -> Iterator[None]:
        """It has no series."""
        with changed(self._fake, points={name: some for name, some in self._fake.points.items() if name != query}):
            yield

    @fault
    def the_course(self, query: str, *values: str) -> Iterator[None]:
        """The whole buckets of its one series hold these, the newest last."""
        with changed(self._fake, courses={**self._fake.courses, query: tuple(float(value) for value in values)}):
            yield

    @fault
    def only_the_newest_bucket(self, query: str) -> Iterator[None]:
        """It came up just now: there is the bucket that is filling, and none before it."""
        with changed(self._fake, courses={**self._fake.courses, query: ()}):
            yield
