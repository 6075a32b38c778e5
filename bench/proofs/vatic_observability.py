"""What breaks each observed line of Vatic's chapter on observability, but for alerting."""

from collections.abc import Mapping

from bench.proofs.proof import Fault
from bench.worlds.prometheus import JOBS, PrometheusWorld
from bench.worlds.world import World

_DURATIONS = "http_request_duration_seconds_bucket"
_RATES = f"sum by (le) (rate({_DURATIONS}[5m]))"
_P50, _P95, _P99 = (f"histogram_quantile({share}, {_RATES})" for share in ("0.50", "0.95", "0.99"))
_TRAFFIC = "sum(rate(http_requests_total[5m])) or vector(0)"
_STATUS = 'count(http_requests_total{status=~"[1-5].."}) or vector(0)'
_NO_STATUS = 'count(http_requests_total{status!~"[1-5].."}) or vector(0)'
_POOLS = "redis_pool_in_use / redis_pool_size"
_SQL = "histogram_quantile(0.99, sum by (le) (rate(sql_query_duration_seconds_bucket[5m])))"
_HEALTHY = {
    _P50: "0.0021",
    _P95: "0.0048",
    _P99: "0.0062",
    _TRAFFIC: "312.5",
    _STATUS: "48",
    _NO_STATUS: "0",
    _POOLS: "0.31",
    _SQL: "0.041",
}
_TECHNICAL = (
    *(_DURATIONS, "http_requests_total", "kafka_consumer_lag", "redis_pool_in_use", "redis_pool_size"),
    *("sql_query_duration_seconds_bucket", "websocket_connections"),
)
_BUSINESS = (
    *("orders_placed_total", "assessments_created_total", "withdrawals_processed_total", "rule_violations_total"),
)
_GROUPS = ("/vatic/orders", "/vatic/market-data", "/vatic/risk")
_ALARMS = ("vatic-orders-log-errors", "vatic-market-data-log-errors", "vatic-risk-log-errors")
_DASHBOARDS = {
    "service-health": "http_requests_total",
    "kafka": "kafka_consumer_lag",
    "database": "sql_query_duration_seconds_sum",
    "business": "orders_placed_total",
}
_PANELS = {
    "service-health": ("Latency", "Throughput", "Errors"),
    "kafka": ("Lag", "Throughput"),
    "database": ("Durations", "Pool"),
    "business": ("Orders", "Assessments", "Withdrawals"),
}
_SETTINGS = "settings/application.yaml"


def prepare(worlds: Mapping[str, World]) -> None:
    """What the chapter's queries give where all is well."""
    prometheus = worlds["prometheus"]
    assert isinstance(prometheus, PrometheusWorld)
    for query, value in _HEALTHY.items():
        prometheus.prometheus.register(query, value)


def _gone(*metrics: str) -> tuple[Fault, ...]:
    return tuple(("prometheus", "metric_gone", metric) for metric in metrics)


def _gives(query: str, value: str) -> Fault:
    return ("prometheus", "query_gives", query, value)


def _line(line: str) -> tuple[Fault, ...]:
    """One line of that form, in each of the groups."""
    return tuple(("aws-logs", "lines_like", line, group) for group in _GROUPS)


def _dashboard(uid: str) -> tuple[Fault, ...]:
    return (
        ("grafana", "panel_gone", uid),
        ("grafana", "panel_broken", uid, _DASHBOARDS[uid]),
        *(("grafana", "panel_swapped", uid, title) for title in _PANELS[uid]),
        ("grafana", "dashboard_gone", uid),
        ("grafana", "source_gone"),
        ("grafana", "points_stopped", "301"),
    )


_METRICS: dict[str, tuple[Fault, ...]] = {
    "1": (
        *(("prometheus", "target_down", job) for job in JOBS),
        *(("prometheus", "target_gone", job) for job in JOBS),
        ("prometheus", "target_stale", "risk"),
        ("prometheus", "never_scraped", "risk"),
    ),
    "2": _gone(*_TECHNICAL),
    "3": (
        ("prometheus", "series_gone", _DURATIONS, "le", "0.01"),
        *_gone(_DURATIONS),
        *(_gives(query, "0") for query in (_P50, _P95, _P99)),
    ),
    "4": (_gives(_TRAFFIC, "0"),),
    "5": (_gives(_STATUS, "0"), _gives(_NO_STATUS, "1")),
    "6": _gone("kafka_consumer_lag"),
    "7": (*_gone("redis_pool_in_use", "redis_pool_size"), _gives(_POOLS, "1.01")),
    "8": (*_gone("sql_query_duration_seconds_bucket"), _gives(_SQL, "0")),
    "9": _gone("websocket_connections"),
    "10": _gone(*_BUSINESS),
    **{str(number): _gone(metric) for number, metric in enumerate(_BUSINESS, 11)},
}
_BOARDS: dict[str, tuple[Fault, ...]] = {
    "1": (
        *(("grafana", "dashboard_gone", uid) for uid in _DASHBOARDS),
        *(("grafana", "panel_broken", uid, metric) for uid, metric in _DASHBOARDS.items()),
        ("grafana", "points_stopped", "301"),
        ("grafana", "database_fails"),
    ),
    **{str(number): _dashboard(uid) for number, uid in enumerate(_DASHBOARDS, 2)},
    "7": (
        *(("grafana", "may_nothing", uid) for uid in _DASHBOARDS),
        ("grafana", "team_emptied"),
        ("grafana", "team_gone"),
    ),
}
_TRACES: dict[str, tuple[Fault, ...]] = {
    "1": (
        *(("jaeger", "never_reported", service) for service in JOBS),
        *(("jaeger", "stopped_reporting", service) for service in JOBS),
        ("jaeger", "nothing_new", "61 min"),
    ),
    "2": (
        ("jaeger", "parent_lost"),
        ("jaeger", "context_lost"),
        *_line('{"level": "info", "message": "order placed"}'),
        *_line('{"level": "info", "message": "order placed", "trace_id": ""}'),
    ),
    "3": (
        *(("jaeger", "half_of", service) for service in JOBS),
        ("jaeger", "operation_left_out"),
        ("jaeger", "limited_instead"),
        ("artifacts", "says", _SETTINGS, "parentbased_jaeger_remote", "always_on"),
    ),
    "4": (
        ("artifacts", "says", "settings/jaeger.yaml", "168h", "72h"),
        ("artifacts", "says", "settings/jaeger.yaml", "168h", "192h"),
        ("jaeger", "kept_for_years", "10 d"),
    ),
    "5": (
        ("artifacts", "says", "settings/jaeger-access.yaml", "[on-call]", "[platform]"),
        ("jaeger", "never_reported", "orders"),
        ("jaeger", "stopped_reporting", "orders"),
    ),
}
_LOGS: dict[str, tuple[Fault, ...]] = {
    "1": (
        *(("aws-logs", "group_gone", group) for group in _GROUPS),
        *(("aws-logs", "group_fell_silent", group, "16") for group in _GROUPS),
    ),
    "2": _line("2026-11-22 10:00:00 INFO order placed"),
    "3": (
        *_line('{"level": "debug", "message": "order placed", "trace_id": "4bf92f35"}'),
        *_line('{"level": "loud", "message": "order placed", "trace_id": "4bf92f35"}'),
        ("artifacts", "says", _SETTINGS, "level: info", "level: debug"),
    ),
    "4": (
        *(("aws-logs", "kept_for", group, "14") for group in _GROUPS),
        *(("aws-logs", "kept_for_ever", group) for group in _GROUPS),
    ),
    "5": (("aws-logs", "nobody_writes", "request"), ("aws-logs", "group_gone")),
    "6": (
        *(("aws-alarms", "alarm_gone", alarm) for alarm in _ALARMS),
        *(("aws-alarms", "alarm_with_actions_off", alarm) for alarm in _ALARMS),
        *(("aws-alarms", "alarm_without_actions", alarm) for alarm in _ALARMS),
        *(("aws-alarms", "alarm_state", "INSUFFICIENT_DATA", alarm) for alarm in _ALARMS),
        *(("aws-alarms", "alarm_only_recovers", alarm) for alarm in _ALARMS),
        *(("aws-alarms", "errors_not_counted", alarm) for alarm in _ALARMS),
        *(("aws-alarms", "another_metric_counted", alarm) for alarm in _ALARMS),
        ("aws-alarms", "nobody_confirmed"),
        ("aws-alarms", "topic_gone"),
    ),
}
_PARTS = ("database", "redis", "kafka", "stripe")


def _part(*names: str) -> tuple[Fault, ...]:
    """It is down, and then it is not named."""
    return tuple(("web", "part_is", name, word) for name in names for word in ("down", ""))


_HEALTH: dict[str, tuple[Fault, ...]] = {
    "1": (
        ("web", "answers_with", "/ready", "503"),
        ("web", "answers_with", "/health", "503"),
        ("web", "says_unwell"),
        ("web", "shows_a_page", "/health"),
        ("web", "shows_a_page", "/ready"),
    ),
    "2": _part(*_PARTS),
    **{str(number): _part(name) for number, name in enumerate(_PARTS, 3)},
    "7": (
        *(("prometheus", "target_gone", job) for job in JOBS),
        ("prometheus", "job_down", "auth"),
        ("prometheus", "rule_blind", "ServiceDown"),
        ("prometheus", "rule_gone", "ServiceDown"),
        ("prometheus", "rule_fails", "ServiceDown"),
    ),
}

BROKEN: dict[str, tuple[Fault, ...]] = {
    f"vatic/2-observability/{section}/{number}": faults
    for section, lines in (
        ("metrics", _METRICS),
        ("dashboards", _BOARDS),
        ("distributed-tracing", _TRACES),
        ("logging", _LOGS),
        ("health-checks", _HEALTH),
    )
    for number, faults in lines.items()
}
