"""What breaks the lines of TradeSense's fourth phase, on monitoring."""

from collections.abc import Mapping

from bench.proofs import tradesense_queries as asked
from bench.proofs.file_faults import ending, ran
from bench.proofs.proof import Fault
from bench.proofs.tradesense_database import gives

_WEEK = 7 * 24 + 1  # hours, an hour too many
_SERVICES = ("tradesense-api", "tradesense-web", "tradesense-worker")
_GROUPS = ("/tradesense/api", "/tradesense/web", "/tradesense/worker")
_LINES = (
    "2026-11-22 10:00:00 INFO order placed",
    '{"level": "info", "message": "order placed"}',
    '{"level": "info", "message": "order placed", "trace_id": ""}',
    '{"message": "order placed", "trace_id": "4bf92f35"}',
    '{"level": "loud", "message": "order placed", "trace_id": "4bf92f35"}',
)


def _monitor(name: str) -> tuple[Fault, ...]:
    """It is gone, tells nobody, cannot see, or is kept silent."""
    return (
        ("datadog", "the_monitor", name, "name", f"{name} (old)"),
        ("datadog", "the_monitor", name, "message", f"{name}. Owner: ops@tradesense.example"),
        ("datadog", "the_monitor", name, "state", "No Data"),
        ("datadog", "the_monitor", name, "state", "Skipped"),
        ("datadog", "the_monitor", name, "draft_status", "draft"),
        ("datadog", "the_monitor_is_muted", name),
    )


def _dashboard(title: str, *charts: str) -> tuple[Fault, ...]:
    """It is gone, one chart short, or has another chart in the place of one."""
    return (
        ("datadog", "one_dashboard_is_gone", title),
        ("datadog", "one_dashboard_shows", title, *(f"timeseries {one}" for one in charts[:2]), "note", "image"),
        *(("datadog", "one_widget_shows", title, chart, "Weather") for chart in charts),
    )


def _board(uid: str, metric: str) -> tuple[Fault, ...]:
    """Grafana's is gone, empty, asks for what is not there, or shows old points."""
    return (
        ("grafana", "dashboard_gone", uid),
        ("grafana", "dashboard_emptied", uid),
        ("grafana", "panel_broken", uid, metric),
        ("grafana", "points_stopped", "301"),
        ("grafana", "nothing_scraped"),
    )


_WATCHED: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        ("web", "part_is", "worker", "down"),
        ("web", "part_is", "worker", ""),
        ("web", "site_answers_with", "/health", "503"),
        ("web", "answers_with", "/ready", "503"),
        ("web", "shows_a_page", "/ready"),
        ("web", "part_is", "redis", "down"),
    ),
    "2": (
        *(("aws-logs", "lines_like", line, group) for group in _GROUPS for line in _LINES),
        *(("aws-logs", "group_gone", group) for group in _GROUPS),
    ),
    "3": (
        *(("datadog", "never_traced", service) for service in _SERVICES),
        *(("datadog", "not_traced_since", service, "14.5") for service in _SERVICES),
    ),
    "4": (
        ("datadog", "the_trace_ends_at_the_api"),
        ("datadog", "never_traced", "tradesense-worker"),
        ("datadog", "never_traced", "postgres"),
        ("datadog", "never_traced", "tradesense-api"),
        *ending("integration", "trace_context_is_handed_on"),
        ran("integration", _WEEK),
    ),
    "5": (gives(asked.TRADES, 0), gives(asked.ACTIVE, 0), gives(asked.REVENUE, 0)),
    "6": (
        ("sentry", "nothing_came_for", "169"),
        ("sentry", "it_never_had_an_event"),
        ("sentry", "its_key_is_disabled"),
        ("sentry", "there_is_no_project"),
        ("sentry", "every_alert_is_off"),
        ("sentry", "no_alert_does_anything"),
    ),
}
_ALERTS: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        *_monitor("Service down"),
        ("pagerduty", "the_service", "policy", "PVATIC", "tradesense"),
        ("pagerduty", "the_service", "name", "something-else", "tradesense"),
        ("pagerduty", "the_service", "status", "maintenance", "tradesense"),
        ("pagerduty", "the_service", "status", "disabled", "tradesense"),
        ("pagerduty", "nothing_is_integrated", "tradesense"),
    ),
    "2": (*_monitor("High error rate"), gives(asked.HITS_HOUR, 0)),
    "3": (*_monitor("Slow responses"), gives(asked.P95, 0)),
    "4": (*_monitor("Security incident"), gives(asked.LOGINS, 0)),
    "5": (
        *_monitor("Cost threshold"),
        ("aws-alarms", "budget_gone", "tradesense"),
        ("aws-alarms", "budget_tells_nobody"),
        ("aws-alarms", "budget_without_notice", "tradesense"),
        ("aws-alarms", "budget_of", "USAGE", "tradesense"),
        ("aws-alarms", "budget_over", "tradesense"),
        ("aws-alarms", "told_too_late", "tradesense"),
        ("aws-alarms", "budget_raised", "tradesense", "0"),
    ),
}
_BOARDS: Mapping[str, tuple[Fault, ...]] = {
    "1": (
        *_dashboard("Service health", "Latency p95", "Requests", "Errors"),
        *_board("service-health", "http_requests_total"),
    ),
    "2": (*_dashboard("Business metrics", "Trades", "Accounts", "Revenue"), *_board("business", "orders_placed_total")),
    "3": (*_dashboard("Security metrics", "Logins", "Refusals", "Findings of scans"), gives(asked.LOGINS_FAILED, 0)),
    "4": (
        *_dashboard("Cost tracking", "Railway", "AWS", "Datadog"),
        gives(asked.COSTS, 41, 12),
        gives(asked.COSTS, 41, 0, 12),
    ),
}

BROKEN: Mapping[str, tuple[Fault, ...]] = {
    f"tradesense/phase-4-monitoring-observability/{section}/{number}": faults
    for section, lines in (
        ("application-monitoring", _WATCHED),
        ("alerting", _ALERTS),
        ("dashboards", _BOARDS),
    )
    for number, faults in lines.items()
}
